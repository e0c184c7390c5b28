// Whose item a line of the log is about: job, correlation id, trace. Learnt from the events and
// commands that pass the control thread, as NodeMetrics is.
#pragma once

#include "daemon/node_events.h"
#include "proto/node.pb.h"

namespace rn {

// From now on lines with item=<its item> say these as well (base/log_format.h).
void NoteForLog(const rendernode::Lease& lease);

// A lease that is taken is noted, one that is forgotten is no longer.
void NoteForLog(const Command& command);

}  // namespace rn
