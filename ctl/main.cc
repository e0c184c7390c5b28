// rendernodectl: render a row here, check a template, submit and watch jobs, look after a node,
// say who may use the farm.

#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "base/log.h"
#include "ctl/action.h"

namespace rn {
namespace {

int Main(int argc, char** argv) {
  CLI::App app("Renders, checks, submits and watches: the hand tool of the render farm.",
               "rendernodectl");
  app.require_subcommand(1);
  std::string log_level = "warn";
  app.add_option("--log-level", log_level, "trace … error")->capture_default_str();
  Action action;
  AddRenderCommands(app, &action);
  AddJobCommands(app, &action);
  AddNodeCommands(app, &action);
  AddAdminCommands(app, &action);
  CLI11_PARSE(app, argc, argv);
  absl::Status status = InitLogging("rendernodectl", log_level);
  if (status.ok()) {
    status = action();
  }
  if (!status.ok()) {
    std::fprintf(stderr, "rendernodectl: %s\n", std::string(status.message()).c_str());
    return absl::IsInvalidArgument(status) ? 2 : 1;
  }
  return 0;
}

}  // namespace
}  // namespace rn

// NOLINTNEXTLINE(bugprone-exception-escape): CLI11 throws at a bug of ours only.
int main(int argc, char** argv) {
  return rn::Main(argc, argv);
}
