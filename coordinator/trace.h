// W3C Trace Context of an attempt, made of its names: every program and every start of one comes to
// the same ids without having been told.
#pragma once

#include <string>

#include "proto/node.pb.h"

namespace rn {

// 32 lower-case hex digits, one for each job.
std::string TraceId(const std::string& job_id);

// "00-<trace id>-<span id of this attempt>-01"
std::string TraceParent(const std::string& job_id, const rendernode::LeaseRef& attempt);

}  // namespace rn
