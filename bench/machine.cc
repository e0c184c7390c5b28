#include "bench/machine.h"

#include <fstream>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "hwaccel/ffmpeg.h"

namespace rn {
namespace {

// What follows `key` and a separator in the first line of the file that begins with it.
std::string Value(const char* path, absl::string_view key) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    absl::string_view rest = line;
    if (!absl::ConsumePrefix(&rest, key)) continue;
    const std::size_t begin = rest.find_first_not_of(" \t:=");
    return begin == absl::string_view::npos ? std::string()
                                            : absl::StrReplaceAll(rest.substr(begin), {{"\"", ""}});
  }
  return "unknown";
}

std::string Memory() {
  double kib = 0;
  std::string value = Value("/proc/meminfo", "MemTotal");
  value.resize(std::min(value.find(' '), value.size()));
  constexpr double kKibPerGib = 1 << 20;
  return absl::SimpleAtod(value, &kib) ? absl::StrFormat("%.1f GiB", kib / kKibPerGib) : "unknown";
}

}  // namespace

std::vector<BenchRow> DescribeMachine(const std::string& command) {
  const auto row = [](const char* what, std::string note) {
    return BenchRow{.scenario = "machine", .metric = what, .note = std::move(note)};
  };
  return {row("processor",
              absl::StrCat(Value("/proc/cpuinfo", "model name"),
                           ", ",
                           std::thread::hardware_concurrency(),
                           " cores in use")),
          row("memory", Memory()),
          row("system", Value("/etc/os-release", "PRETTY_NAME=")),
          row("FFmpeg", av_version_info()),
          row("command", absl::StrCat("`", command, "`"))};
}

}  // namespace rn
