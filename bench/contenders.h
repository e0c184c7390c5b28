// Who else renders the scenarios: the same pictures, the same sound, x264 veryfast at crf 23, AAC.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/child.h"
#include "bench/scenarios.h"

namespace rn {

class Contender {
 public:
  virtual ~Contender() = default;
  virtual std::string name() const = 0;  // "ffmpeg CLI"

  // What is done once and costs nothing later: stills, project files, bundles, in `folder`.
  // NotFound: it is not installed, and why; it is left out.
  virtual absl::Status Prepare(const Scenario& scenario, const std::filesystem::path& folder) = 0;

  // Renders what was prepared last into `output`.
  virtual ChildCommand Command(const std::filesystem::path& output) const = 0;
};

std::unique_ptr<Contender> MakeFfmpegContender();       // the graph that comes to mind first
std::unique_ptr<Contender> MakeTunedFfmpegContender();  // the cheapest graph found
std::unique_ptr<Contender> MakeMeltContender();

// `project`: bench/remotion, with its packages installed.
std::unique_ptr<Contender> MakeRemotionContender(const std::filesystem::path& project);
// `project`: bench/editly, likewise.
std::unique_ptr<Contender> MakeEditlyContender(const std::filesystem::path& project);

// By the names of --contenders: ffmpeg, ffmpeg-tuned, melt, remotion, editly. InvalidArgument:
// another name. `projects`: the folder of those that npm installs.
absl::StatusOr<std::vector<std::unique_ptr<Contender>>> MakeContenders(
    const std::vector<std::string>& names, const std::filesystem::path& projects);

}  // namespace rn
