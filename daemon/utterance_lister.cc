#include "daemon/utterance_lister.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <utility>

#include "base/framing.h"
#include "base/status.h"
#include "base/subprocess.h"
#include "daemon/speech_desk.h"

namespace rn {
namespace {

constexpr std::size_t kReportBytesMax = 4 << 20;

bool SpeaksElsewhere(const rendernode::JobSpec& spec) {
  const std::vector<std::string>& own = WorkerEngines();
  return std::any_of(spec.voices().begin(), spec.voices().end(), [&](const auto& voice) {
    return std::find(own.begin(), own.end(), voice.second.engine()) == own.end();
  });
}

}  // namespace

absl::StatusOr<rendernode::Utterances> ListUtterances(
    const WorkerCommand& worker,
    absl::Duration timeout,
    const rendernode::JobSpec& spec,
    const rendernode::ItemSpec& item,
    const std::map<std::string, std::string>& asset_paths,
    const std::stop_token& stop) {
  if (!SpeaksElsewhere(spec)) return rendernode::Utterances();
  std::vector<std::string> argv = WorkerArgv(worker, /*writable=*/"");
  argv.push_back("--utterances");
  ASSIGN_OR_RETURN(Subprocess process,
                   Subprocess::Start({.argv = argv, .environment = worker.environment}));
  const std::stop_callback kill(stop, [&] { process.Kill(); });
  const timeval limit = absl::ToTimeval(timeout);
  setsockopt(process.channel(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  setsockopt(process.channel(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));

  rendernode::Order order;
  *order.mutable_job_spec() = spec;
  *order.mutable_item() = item;
  order.mutable_asset_paths()->insert(asset_paths.begin(), asset_paths.end());
  absl::Status status = WriteFrame(process.channel(), order.SerializeAsString());
  absl::StatusOr<std::string> frame = status.ok() ? ReadFrame(process.channel(), kReportBytesMax)
                                                  : absl::StatusOr<std::string>(status);
  if (stop.stop_requested()) return absl::CancelledError("utterances: stopped");
  rendernode::Report report;
  if (frame.ok() && (!report.ParseFromString(*frame) || !report.has_utterances())) {
    frame = absl::InternalError("it answered something else");
  }
  if (!frame.ok()) {
    // No code that would read as the asset's or the job spec's.
    return absl::InternalError(
        absl::StrCat(worker.argv.front(), " --utterances: ", frame.status().message()));
  }
  return std::move(*report.mutable_utterances());
}

}  // namespace rn
