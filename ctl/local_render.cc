#include "ctl/local_render.h"

#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status.h"
#include "hwaccel/device.h"
#include "pipeline/speech.h"

namespace rn {
namespace {

namespace fs = std::filesystem;

// The finished files to where they were wanted, the video last: who sees it sees them all.
absl::Status Deliver(const fs::path& output, rendernode::ItemResult& result) {
  for (int i = result.artifacts_size() - 1; i >= 0; --i) {
    rendernode::Artifact& artifact = *result.mutable_artifacts(i);
    fs::path target = output;
    if (artifact.type() == rendernode::Artifact::PREVIEW) {
      target.replace_extension(absl::StrCat("preview.", artifact.format()));
    } else if (artifact.type() != rendernode::Artifact::VIDEO) {
      target.replace_extension(artifact.format());
    }
    std::error_code error;
    fs::rename(artifact.path(), target, error);
    if (error) return ErrnoStatus(error.value(), target.string());
    artifact.set_path(target.string());
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<rendernode::ItemResult> RenderHere(
    const LocalRenderArgs& args,
    Clock& clock,
    absl::FunctionRef<void(const RenderProgress&)> progress) {
  if (args.output.extension() != ".mp4") {
    return absl::InvalidArgumentError(
        absl::StrCat("-o ", args.output.string(), ": the video is an .mp4 file"));
  }
  ASSIGN_OR_RETURN(const LocalJob job, LocalJob::Open(args.job));
  ASSIGN_OR_RETURN(const rendernode::ItemSpec item, ItemOf(args, job));
  const fs::path folder = fs::absolute(args.output).parent_path();
  RETURN_IF_ERROR(CreateDirectories(folder));
  // On the same file system, so that the files can be renamed into place.
  ASSIGN_OR_RETURN(const TempDir work, TempDir::Create(".rendernode-", folder));
  ASSIGN_OR_RETURN(const auto paths, Gather(job.spec(), item, work.path()));

  const DeviceList devices = DeviceList::Discover();
  SpeechEngines speech = SpeechEngines::BuiltIn();
  const RenderContext context{devices, speech, clock, args.encoder_threads};
  ASSIGN_OR_RETURN(rendernode::ItemResult result,
                   Render({job.spec(), item, paths, work.path()}, context, progress));
  RETURN_IF_ERROR(Deliver(args.output, result));
  return result;
}

}  // namespace rn
