#include "base/log.h"

#include <spdlog/sinks/ringbuffer_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <string>

#include "base/nearest.h"

namespace rn {
namespace {

using Ring = spdlog::sinks::ringbuffer_sink_mt;

// Never destroyed: whoever logs last may be a thread that outlives main().
std::shared_ptr<Ring>& RecentLines() {
  static auto* const ring = new std::shared_ptr<Ring>;
  return *ring;
}

}  // namespace

absl::Status InitLogging(absl::string_view program, absl::string_view level, LogFormat format) {
  const spdlog::level::level_enum parsed = spdlog::level::from_str(std::string(level));
  if (parsed == spdlog::level::off && level != "off") {
    return absl::InvalidArgumentError(UnknownName(
        "log level", level, {"trace", "debug", "info", "warning", "error", "critical", "off"}));
  }
  RecentLines() = std::make_shared<Ring>(kRecentLinesMax);
  auto logger = std::make_shared<spdlog::logger>(
      std::string(program),
      spdlog::sinks_init_list{std::make_shared<spdlog::sinks::stderr_sink_mt>(), RecentLines()});
  logger->set_level(parsed);
  logger->set_formatter(NewLogFormatter(format));
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
  return absl::OkStatus();
}

void SetLogLevel(absl::string_view level) {
  spdlog::set_level(spdlog::level::from_str(std::string(level)));
}

std::vector<std::string> RecentLog() {
  return RecentLines() == nullptr ? std::vector<std::string>() : RecentLines()->last_formatted();
}

}  // namespace rn
