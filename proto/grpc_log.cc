#include "proto/grpc_log.h"

#include <grpc/support/log.h>
#include <spdlog/spdlog.h>

namespace rn {
namespace {

spdlog::level::level_enum LevelOf(gpr_log_severity severity) {
  switch (severity) {
    case GPR_LOG_SEVERITY_DEBUG:
      return spdlog::level::trace;
    case GPR_LOG_SEVERITY_INFO:
      return spdlog::level::debug;
    case GPR_LOG_SEVERITY_ERROR:
      return spdlog::level::warn;
  }
  return spdlog::level::warn;
}

}  // namespace

void LogGrpcMessages() {
  gpr_set_log_function([](gpr_log_func_args* args) {
    spdlog::log(LevelOf(args->severity), "grpc says line=\"{}\"", args->message);
  });
}

}  // namespace rn
