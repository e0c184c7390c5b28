#include <grpcpp/grpcpp.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "ctl/action.h"
#include "ctl/terminal.h"
#include "proto/admin.grpc.pb.h"

namespace rn {
namespace {

using rendernode::NodeAdmin;
using rendernode::NodeStatus;

constexpr std::chrono::seconds kTimeout(5);

std::string Lower(const std::string& name) {
  return absl::AsciiStrToLower(name);
}

std::string Mebibytes(std::uint64_t bytes) {
  return absl::StrFormat("%.0f MiB", static_cast<double>(bytes) / (1 << 20));
}

// "required: system calls filtered, files restricted (Landlock 4)".
std::string Describe(const rendernode::Sandbox& sandbox) {
  if (sandbox.mode() == rendernode::Sandbox::OFF) {
    return "off";
  }
  std::vector<std::string> parts;
  if (sandbox.system_calls_filtered()) {
    parts.push_back("system calls filtered");
  }
  if (sandbox.landlock_abi() > 0) {
    parts.push_back(absl::StrCat("files restricted (Landlock ", sandbox.landlock_abi(), ")"));
  }
  for (const std::string& gap : sandbox.gaps()) {
    parts.push_back(absl::StrCat("GAP: ", gap));
  }
  return absl::StrCat(
      sandbox.mode() == rendernode::Sandbox::REQUIRED ? "required: " : "best effort: ",
      absl::StrJoin(parts, ", "));
}

std::string Connection(const NodeStatus& node) {
  if (node.connected()) {
    return absl::StrCat("connected, protocol ", node.protocol());
  }
  return absl::StrCat(
      "not connected", node.coordinator_error().empty() ? "" : ": ", node.coordinator_error());
}

std::string Describe(const NodeStatus& node) {
  std::string text = absl::StrFormat(
      "%s  %s%s\n"
      "version      %s, up %d s\n"
      "coordinator  %s\n"
      "items        %d completed, %d failed since the start\n"
      "asset cache  %s of %s\n"
      "sandbox      %s\n"
      "cgroups      %s\n",
      node.node_id(),
      Lower(NodeState_Name(node.state())),
      node.reason().empty() ? "" : absl::StrCat(": ", node.reason()),
      node.version(),
      node.uptime_s(),
      Connection(node),
      node.items_completed(),
      node.items_failed(),
      Mebibytes(node.cache_bytes()),
      Mebibytes(node.cache_max_bytes()),
      Describe(node.sandbox()),
      node.worker_cgroups());
  if (node.results_orphaned() > 0) {
    absl::StrAppend(&text, "orphaned     ", node.results_orphaned(), " results that nobody took\n");
  }
  if (!node.reload_error().empty()) {
    absl::StrAppend(&text, "reload       refused: ", node.reload_error(), "\n");
  }
  for (const std::string& warning : node.warnings()) {
    absl::StrAppend(&text, "warning      ", warning, "\n");
  }
  std::vector<std::vector<std::string>> slots = {{"slot", "worker", "memory", "item"}};
  for (const auto& slot : node.slots()) {
    slots.push_back({absl::StrCat(slot.slot()),
                     slot.worker_pid() == 0 ? "none" : absl::StrCat("pid ", slot.worker_pid()),
                     Mebibytes(slot.rss_bytes()),
                     slot.item_id().empty() ? "idle" : slot.item_id()});
  }
  absl::StrAppend(&text, "\n", Table(slots));
  if (node.items().empty()) {
    return text;
  }
  std::vector<std::vector<std::string>> items = {{"item", "job", "row", "phase", "done", "speed"}};
  for (const auto& item : node.items()) {
    items.push_back({item.item_id(),
                     item.job_id(),
                     absl::StrCat(item.row()),
                     Lower(Phase_Name(item.phase())),
                     absl::StrFormat("%d %%", item.progress_permille() / 10),
                     absl::StrFormat("%.0f fps", item.frames_per_second())});
  }
  return absl::StrCat(text, "\n", Table(items));
}

absl::Status ToStatus(const grpc::Status& status, const std::string& socket) {
  if (status.ok()) {
    return absl::OkStatus();
  }
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      absl::StrCat(socket,
                                   ": ",
                                   status.error_message(),
                                   status.error_code() == grpc::StatusCode::UNAVAILABLE
                                       ? " (is rendernoded running, and may you open its socket?)"
                                       : ""));
}

using Method = grpc::Status (*)(NodeAdmin::Stub&, grpc::ClientContext*, NodeStatus*);

absl::Status Ask(const std::string& socket, Method method) {
  const auto stub = NodeAdmin::NewStub(
      grpc::CreateChannel(absl::StrCat("unix:", socket), grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kTimeout);
  NodeStatus node;
  RETURN_IF_ERROR(ToStatus(method(*stub, &context, &node), socket));
  std::printf("%s", Describe(node).c_str());
  return absl::OkStatus();
}

}  // namespace

void AddNodeCommands(CLI::App& app, Action* action) {
  CLI::App* node = app.add_subcommand("node", "The render node on this box");
  node->require_subcommand(1);
  auto socket = std::make_shared<std::string>("/run/rendernode/admin.sock");
  node->add_option("--socket", *socket, "The daemon's admin socket")->capture_default_str();
  const auto add = [&](const char* name, const char* help, Method method) {
    node->add_subcommand(name, help)->callback([=] {
      *action = [=] { return Ask(*socket, method); };
    });
  };
  add("status", "What it does now", [](auto& stub, auto* context, auto* node_status) {
    return stub.GetStatus(context, {}, node_status);
  });
  add("drain",
      "Take no more work; finish what runs",
      [](auto& stub, auto* context, auto* node_status) {
        return stub.Drain(context, {}, node_status);
      });
  add("undrain", "Take work again", [](auto& stub, auto* context, auto* node_status) {
    return stub.Undrain(context, {}, node_status);
  });
}

}  // namespace rn
