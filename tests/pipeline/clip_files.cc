#include "tests/pipeline/clip_files.h"

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "tests/pipeline/tools.h"

namespace rn {

ClipFiles::ClipFiles() : folder_(*TempDir::Create("clips")) {}

std::int64_t ClipFiles::CountOf(const AVFrame& frame) {
  const std::uint8_t luma = frame.data[0][frame.height / 2 * frame.linesize[0] + frame.width / 2];
  return (luma - 19) / 2;
}

std::string ClipFiles::Counting(const std::string& name,
                                int frames,
                                const std::vector<std::string>& options,
                                const std::string& filter) const {
  std::vector<std::string> arguments = {"-f",
                                        "lavfi",
                                        "-i",
                                        absl::StrCat("color=s=",
                                                     kWidth,
                                                     "x",
                                                     kHeight,
                                                     ":r=",
                                                     kRate,
                                                     ",format=yuv420p,",
                                                     "geq=lum='20+mod(N,100)*2':cb=128:cr=128",
                                                     filter),
                                        "-frames:v",
                                        absl::StrCat(frames),
                                        "-c:v",
                                        "libx264",
                                        "-qp",
                                        "0",
                                        "-preset",
                                        "ultrafast"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  return Make(name, arguments);
}

std::string ClipFiles::Make(const std::string& name,
                            const std::vector<std::string>& arguments) const {
  std::vector<std::string> all = {"-v", "error", "-nostdin", "-y"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  all.push_back(Path(name));
  RunTool("ffmpeg", all);
  return Path(name);
}

}  // namespace rn
