#include <grpcpp/grpcpp.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "base/clock.h"
#include "base/status.h"
#include "ctl/action.h"
#include "ctl/node_view.h"
#include "ctl/support_bundle.h"
#include "ctl/terminal.h"
#include "proto/admin.grpc.pb.h"

namespace rn {
namespace {

using rendernode::NodeAdmin;
using rendernode::NodeStatus;

constexpr std::chrono::seconds kTimeout(10);

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

// The daemon behind its socket.
class NodeConnection {
 public:
  explicit NodeConnection(std::string socket)
      : socket_(std::move(socket)),
        stub_(NodeAdmin::NewStub(grpc::CreateChannel(absl::StrCat("unix:", socket_),
                                                     grpc::InsecureChannelCredentials()))) {}

  template <typename Response, typename Request>
  absl::StatusOr<Response> Call(grpc::Status (NodeAdmin::Stub::*method)(grpc::ClientContext*,
                                                                        const Request&,
                                                                        Response*),
                                const Request& request = {}) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kTimeout);
    Response response;
    RETURN_IF_ERROR(ToStatus((stub_.get()->*method)(&context, request, &response), socket_));
    return response;
  }

 private:
  const std::string socket_;
  const std::unique_ptr<NodeAdmin::Stub> stub_;
};

struct StatusOptions {
  std::string socket = "/run/rendernode/admin.sock";
  bool json = false;
  bool watch = false;
  double interval_s = 1;
};

absl::Status Print(const NodeStatus& status, bool json) {
  if (!json) {
    std::printf("%s", DescribeNode(status, Clock::System().Now()).c_str());
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::string line, NodeJson(status));
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
  return absl::OkStatus();
}

// Until somebody ends it; a daemon that is away, as while it restarts, is shown so and asked again.
absl::Status Watch(const StatusOptions& options) {
  NodeConnection node(options.socket);
  LiveLines live(stdout);
  while (true) {
    const absl::StatusOr<NodeStatus> status = node.Call(&NodeAdmin::Stub::GetStatus);
    if (options.json) {
      RETURN_IF_ERROR(status.status());
      RETURN_IF_ERROR(Print(*status, /*json=*/true));
    } else {
      const std::string text = status.ok() ? DescribeNode(*status, Clock::System().Now())
                                           : std::string(status.status().message());
      live.Show(absl::StrSplit(text, '\n', absl::SkipEmpty()), text);
    }
    absl::SleepFor(absl::Seconds(options.interval_s));
  }
}

absl::Status ShowStatus(const StatusOptions& options) {
  if (options.watch) {
    return Watch(options);
  }
  NodeConnection node(options.socket);
  ASSIGN_OR_RETURN(const NodeStatus status, node.Call(&NodeAdmin::Stub::GetStatus));
  return Print(status, options.json);
}

// A request that is answered by how the node is then.
template <typename Request>
absl::Status Ask(const std::string& socket,
                 grpc::Status (NodeAdmin::Stub::*method)(grpc::ClientContext*,
                                                         const Request&,
                                                         NodeStatus*),
                 const Request& request = {}) {
  NodeConnection node(socket);
  ASSIGN_OR_RETURN(const NodeStatus status, node.Call(method, request));
  return Print(status, /*json=*/false);
}

absl::Status CollectGarbage(const std::string& socket) {
  NodeConnection node(socket);
  ASSIGN_OR_RETURN(const rendernode::CollectGarbageResponse collected,
                   node.Call(&NodeAdmin::Stub::CollectGarbage));
  std::printf("%llu bytes of cached assets and %u work folders removed\n",
              static_cast<unsigned long long>(collected.cache_bytes_freed()),
              collected.work_folders_removed());
  return absl::OkStatus();
}

absl::Status BundleSupport(const std::string& socket, std::string path) {
  NodeConnection node(socket);
  ASSIGN_OR_RETURN(const rendernode::SupportData data, node.Call(&NodeAdmin::Stub::GetSupportData));
  const absl::Time now = Clock::System().Now();
  if (path.empty()) {
    path = absl::StrCat("rendernode-support-",
                        absl::FormatTime("%Y%m%dT%H%M%SZ", now, absl::UTCTimeZone()),
                        ".tar.gz");
  }
  RETURN_IF_ERROR(WriteSupportBundle(path, data, now));
  std::printf("%s\n", path.c_str());
  return absl::OkStatus();
}

}  // namespace

void AddNodeCommands(CLI::App& app, Action* action) {
  CLI::App* node = app.add_subcommand("node", "The render node on this box");
  node->require_subcommand(1);
  auto options = std::make_shared<StatusOptions>();
  node->add_option("--socket", options->socket, "The daemon's admin socket")->capture_default_str();
  const auto add = [&](const char* name, const char* help, std::function<absl::Status()> run) {
    CLI::App* command = node->add_subcommand(name, help);
    command->callback([=] { *action = run; });
    return command;
  };

  CLI::App* status = add("status", "What it does now", [=] { return ShowStatus(*options); });
  status->add_flag("--json", options->json, "One line of JSON");
  status->add_flag("--watch", options->watch, "Again and again, until Ctrl-C");
  status->add_option("--interval", options->interval_s, "Seconds between two looks")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  add("drain", "Take no more work; finish what runs", [=] {
    return Ask<rendernode::DrainRequest>(options->socket, &NodeAdmin::Stub::Drain);
  });
  add("undrain", "Take work again", [=] {
    return Ask<rendernode::UndrainRequest>(options->socket, &NodeAdmin::Stub::Undrain);
  });

  auto cancel = std::make_shared<rendernode::CancelRequest>();
  CLI::App* give_up =
      add("cancel",
          "Give up an item held here; the coordinator leases it again, perhaps to this node",
          [=] { return Ask(options->socket, &NodeAdmin::Stub::Cancel, *cancel); });
  give_up
      ->add_option_function<std::string>(
          "item", [=](const std::string& item) { cancel->set_item_id(item); }, "As status says it")
      ->required();

  add("gc", "Remove cached assets that nothing uses, and work folders of no lease", [=] {
    return CollectGarbage(options->socket);
  });
  auto path = std::make_shared<std::string>();
  add("support-bundle", "Write what somebody needs who was not there; without secrets", [=] {
    return BundleSupport(options->socket, *path);
  })->add_option("-o,--out", *path, "The .tar.gz; default: named by the time, here");
}

}  // namespace rn
