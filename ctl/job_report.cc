#include "ctl/job_report.h"

#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/file.h"
#include "base/status.h"
#include "ctl/terminal.h"

namespace rn {
namespace {

using nlohmann::json;

std::string Text(const json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || !found->is_string() ? "" : found->get<std::string>();
}

double Number(const json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || !found->is_number() ? 0 : found->get<double>();
}

json OrNull(const std::string& text) {
  return text.empty() ? json() : json(text);
}

json OrNull(double number) {
  return number == 0 ? json() : json(number);
}

VideoLine LineOf(const json& video) {
  VideoLine line{.row = static_cast<int>(Number(video, "row")),
                 .id = Text(video, "id"),
                 .state = Text(video, "state")};
  if (const auto errors = video.find("errors");
      errors != video.end() && errors->is_array() && !errors->empty()) {
    line.error_code = Text(errors->back(), "error_code");
    line.error_message = Text(errors->back(), "error_message");
  }
  if (const auto progress = video.find("progress");
      progress != video.end() && progress->is_object()) {
    line.phase = Text(*progress, "phase");
    line.percent = Number(*progress, "percent_complete");
  }
  if (const auto usage = video.find("usage"); usage != video.end() && usage->is_object()) {
    line.encoder = Text(*usage, "encoder");
    line.duration_s = Number(*usage, "media_s");
    line.render_s = Number(*usage, "render_s");
    line.x_realtime = Number(*usage, "x_realtime");
  }
  return line;
}

// The last dot of the URL's path on, bounded: ".mp4". Of the two JPEGs the poster has it plain.
std::string ExtensionOf(const std::string& url, const std::string& type) {
  const std::string path = url.substr(0, url.find_first_of("?#"));
  const std::string extension = std::filesystem::path(path).extension().string().substr(0, 8);
  return absl::StrCat(type == "preview" ? ".preview" : "", extension);
}

}  // namespace

std::vector<VideoLine> VideoLines(const json& videos) {
  std::vector<VideoLine> lines;
  for (const json& video : videos) {
    lines.push_back(LineOf(video));
  }
  return lines;
}

std::string ReportTable(const std::vector<VideoLine>& lines) {
  std::vector<std::vector<std::string>> rows = {
      {"row", "state", "duration", "rendered in", "speed", "encoder", "file"}};
  for (const VideoLine& line : lines) {
    const bool rendered = line.render_s > 0;
    rows.push_back({absl::StrCat(line.row),
                    line.state,
                    line.duration_s > 0 ? absl::StrFormat("%.1f s", line.duration_s) : "-",
                    rendered ? absl::StrFormat("%.1f s", line.render_s) : "-",
                    rendered ? absl::StrFormat("%.1f× real time", line.x_realtime) : "-",
                    line.encoder.empty() ? "-" : line.encoder,
                    line.error_code.empty()
                        ? line.file
                        : absl::StrCat(line.error_code, ": ", line.error_message)});
  }
  return Table(rows);
}

json Summary(const std::vector<VideoLine>& lines) {
  json items = json::array();
  for (const VideoLine& line : lines) {
    items.push_back({{"row", line.row},
                     {"state", line.state},
                     {"error_code", OrNull(line.error_code)},
                     {"file", OrNull(line.file)},
                     {"duration_s", OrNull(line.duration_s)},
                     {"render_s", OrNull(line.render_s)},
                     {"x_realtime", OrNull(line.x_realtime)},
                     {"encoder", OrNull(line.encoder)}});
  }
  return {{"items", std::move(items)}};
}

absl::Status DownloadVideos(const json& videos,
                            const std::string& server,
                            const std::filesystem::path& folder,
                            std::vector<VideoLine>* lines) {
  RETURN_IF_ERROR(CreateDirectories(folder));
  for (std::size_t i = 0; i < videos.size(); ++i) {
    const auto artifacts = videos[i].find("artifacts");
    if (artifacts == videos[i].end() || !artifacts->is_array()) {
      continue;
    }
    for (const json& artifact : *artifacts) {
      const std::string url = Text(artifact, "url");
      const std::string type = Text(artifact, "type");
      const std::filesystem::path path =
          folder / absl::StrFormat("row-%03d%s", (*lines)[i].row, ExtensionOf(url, type));
      RETURN_IF_ERROR(Download(absl::StartsWith(url, "/") ? absl::StrCat(server, url) : url, path));
      if (type == "video") {
        (*lines)[i].file = path.string();
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace rn
