// What a subcommand does once its arguments are in.
#pragma once

#include <functional>

#include "absl/status/status.h"

namespace CLI {
class App;
}

namespace rn {

// Set by the subcommand that was named; main() runs it. Its status is the program's exit code.
using Action = std::function<absl::Status()>;

void AddRenderCommands(CLI::App& app, Action* action);  // render, template validate
void AddJobCommands(CLI::App& app, Action* action);  // job upload, submit, watch, download, cancel
void AddAdminCommands(CLI::App& app, Action* action);  // admin tenant, key, audit
void AddNodeCommands(CLI::App& app,
                     Action* action);  // node status, drain, undrain, cancel, gc, support-bundle

}  // namespace rn
