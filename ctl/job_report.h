// A job's videos as a person and a program read them.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ctl/http.h"

namespace rn {

struct VideoLine {
  int row = 0;
  std::string id;
  std::string state;
  std::string error_code, error_message;
  std::string phase;  // while it is worked upon
  double percent = 0;
  std::string file;  // once downloaded
  std::string encoder;
  double duration_s = 0, render_s = 0, x_realtime = 0;
};

std::vector<VideoLine> VideoLines(const nlohmann::json& videos);

// "4 row  state  …", a line per video.
std::string ReportTable(const std::vector<VideoLine>& lines);

// {"items": [{row, state, error_code, file, duration_s, render_s, x_realtime, encoder}]}; what does
// not apply to an item is null.
nlohmann::json Summary(const std::vector<VideoLine>& lines);

// Every artifact of every completed video into `folder`: row-001.mp4, row-001.jpg, row-001.srt…
// `lines[i].file` is set to the video's path. Relative artifact URLs are the server's.
absl::Status DownloadVideos(const nlohmann::json& videos,
                            const std::string& server,
                            const std::filesystem::path& folder,
                            std::vector<VideoLine>* lines);

}  // namespace rn
