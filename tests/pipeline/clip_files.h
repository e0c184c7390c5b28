// Clips made by the ffmpeg program, whose frames tell which they are.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"
#include "hwaccel/ffmpeg.h"

namespace rn {

// A folder of clips; each is made once. Frame `n` is grey all over, of luma CountLuma(n).
class ClipFiles {
 public:
  ClipFiles();

  static constexpr int kWidth = 64, kHeight = 48, kRate = 25;
  static int CountLuma(std::int64_t n) { return static_cast<int>(20 + n % 100 * 2); }
  // Which frame it is, by its middle pixel; modulo 100.
  static std::int64_t CountOf(const AVFrame& frame);

  // `frames` of them, by H.264 without loss unless `options` say otherwise. `filter`: after the
  // counting, with a comma in front.
  std::string Counting(const std::string& name,
                       int frames,
                       const std::vector<std::string>& options = {},
                       const std::string& filter = "") const;

  // What ffmpeg makes of any arguments; `name` comes last.
  std::string Make(const std::string& name, const std::vector<std::string>& arguments) const;
  std::string Path(const std::string& name) const { return (folder_.path() / name).string(); }

 private:
  const TempDir folder_;
};

}  // namespace rn
