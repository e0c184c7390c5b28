// Frames of a template as pictures, with a row or with values made up for it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ctl/local_row.h"

namespace rn {

inline constexpr int kPreviewFramesMax = 500;

struct PreviewArgs : LocalRowArgs {
  std::filesystem::path folder;  // Made if it is not there.
  std::vector<double> seconds;   // Frames to show; empty: `frames` spread over the video.
  int frames = 12;
  int columns = 4;             // of the contact sheet
  std::string format = "png";  // or "jpg"
};

struct Preview {
  std::vector<std::filesystem::path> files;  // The contact sheet last.
  std::vector<std::string> warnings;
  std::vector<std::string> made_up;  // Variables whose values were.
};

// Writes "frame-01.50s.png" for each frame and "contact-sheet.png" into the folder; speaks what is
// to be spoken, since lengths depend on it. Required variables without a value take samples: their
// names as text, a test picture, the first voice. InvalidArgument: arguments, template or row.
absl::StatusOr<Preview> PreviewTemplate(const PreviewArgs& args);

}  // namespace rn
