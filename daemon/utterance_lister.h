// What an item has spoken outside the worker. Only the template language knows: a worker that is
// started for this question alone answers it.
#pragma once

#include <map>
#include <stop_token>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/worker_process.h"
#include "proto/worker.pb.h"

namespace rn {

// Blocks; the calling thread outlives the worker. Nothing where all voices of the job are of the
// worker's own engines, without a worker. Cancelled: `stop`; others: the worker's trouble.
absl::StatusOr<rendernode::Utterances> ListUtterances(
    const WorkerCommand& worker,
    absl::Duration timeout,
    const rendernode::JobSpec& spec,
    const rendernode::ItemSpec& item,
    const std::map<std::string, std::string>& asset_paths,
    const std::stop_token& stop);

}  // namespace rn
