#include "daemon/admin.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/resource_quota.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <iterator>
#include <map>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/log.h"
#include "base/redact.h"
#include "base/status.h"
#include "daemon/status_metrics.h"
#include "proto/admin.grpc.pb.h"
#include "proto/health.grpc.pb.h"

namespace rn {
namespace {
namespace fs = std::filesystem;

using rendernode::NodeAdmin;
using rendernode::NodeStatus;

constexpr mode_t kSocketMode = 0660;
constexpr int kRequestBytesMax = 64 << 10;             // Requests are short.
constexpr std::int64_t kSupportLogBytesMax = 2 << 20;  // gRPC takes messages of 4 MiB.
// An operator or two; more are told ResourceExhausted. An idle thread of gRPC costs memory.
constexpr int kThreadsMax = 4;
constexpr std::chrono::seconds kShutdownGrace{1};

grpc::Status ToGrpc(const absl::Status& status) {
  return {static_cast<grpc::StatusCode>(status.code()), std::string(status.message())};
}

class Service final : public NodeAdmin::Service {
 public:
  explicit Service(ControlLoop& loop) : loop_(loop) {}

  grpc::Status GetStatus(grpc::ServerContext*,
                         const rendernode::GetStatusRequest*,
                         NodeStatus* response) override {
    const absl::StatusOr<NodeStatus> status = loop_.Status();
    if (status.ok()) {
      *response = *status;
    }
    return ToGrpc(status.status());
  }
  grpc::Status Drain(grpc::ServerContext* context,
                     const rendernode::DrainRequest*,
                     NodeStatus* response) override {
    loop_.Post(DrainRequested{.exit = false});
    return GetStatus(context, nullptr, response);
  }
  grpc::Status Undrain(grpc::ServerContext* context,
                       const rendernode::UndrainRequest*,
                       NodeStatus* response) override {
    loop_.Post(UndrainRequested{});
    return GetStatus(context, nullptr, response);
  }
  grpc::Status Cancel(grpc::ServerContext* context,
                      const rendernode::CancelRequest* request,
                      NodeStatus* response) override {
    const absl::StatusOr<NodeStatus> before = loop_.Status();
    if (!before.ok()) {
      return ToGrpc(before.status());
    }
    if (const absl::Status may = MayCancel(*before, request->item_id()); !may.ok()) {
      return ToGrpc(may);
    }
    loop_.Post(CancelRequested{request->item_id()});
    return GetStatus(context, nullptr, response);
  }
  grpc::Status CollectGarbage(grpc::ServerContext*,
                              const rendernode::CollectGarbageRequest*,
                              rendernode::CollectGarbageResponse* response) override {
    const absl::StatusOr<rendernode::CollectGarbageResponse> collected = loop_.CollectGarbage();
    if (collected.ok()) {
      *response = *collected;
    }
    return ToGrpc(collected.status());
  }
  grpc::Status GetSupportData(grpc::ServerContext*,
                              const rendernode::GetSupportDataRequest*,
                              rendernode::SupportData* response) override {
    const absl::StatusOr<NodeStatus> status = loop_.Status();
    if (!status.ok()) {
      return ToGrpc(status.status());
    }
    *response->mutable_status() = *status;
    const auto config = loop_.ConfigValues();
    if (!config.ok()) {
      return ToGrpc(config.status());
    }
    for (const auto& [key, value] : RedactedConfig(*config)) {
      (*response->mutable_config())[key] = value;
    }
    std::int64_t room = kSupportLogBytesMax;
    const std::vector<std::string> log = RecentLog();
    auto first = log.end();
    while (first != log.begin() && (room -= std::ssize(*std::prev(first))) >= 0) {
      --first;
    }
    for (auto line = first; line != log.end(); ++line) {
      response->add_log(Redacted(*line));
    }
    std::vector<prometheus::MetricFamily> metrics = loop_.metrics().registry()->Collect();
    for (prometheus::MetricFamily& gauge : MetricsOf(*status)) {
      metrics.push_back(std::move(gauge));
    }
    response->set_metrics(prometheus::TextSerializer().Serialize(metrics));
    return grpc::Status::OK;
  }

 private:
  static absl::Status MayCancel(const NodeStatus& status, const std::string& item_id) {
    for (const rendernode::HeldItem& item : status.items()) {
      if (item.item_id() == item_id) {
        return item.phase() == rendernode::COMMITTING
                   ? absl::FailedPreconditionError(
                         absl::StrCat("item ", item_id, " is finished; only its report is left"))
                   : absl::OkStatus();
      }
    }
    return absl::NotFoundError(absl::StrCat("item \"", item_id, "\" is not held by this node"));
  }

  ControlLoop& loop_;  // Outlives us.
};

// "" is the daemon: it answers. "rendernode.Node" is the node: it takes work.
class HealthService final : public grpc::health::v1::Health::Service {
 public:
  explicit HealthService(ControlLoop& loop) : loop_(loop) {}

  grpc::Status Check(grpc::ServerContext*,
                     const grpc::health::v1::HealthCheckRequest* request,
                     grpc::health::v1::HealthCheckResponse* response) override {
    using grpc::health::v1::HealthCheckResponse;
    if (!request->service().empty() && request->service() != kNodeService) {
      return {grpc::StatusCode::NOT_FOUND,
              absl::StrCat("no service \"",
                           request->service(),
                           "\"; there are \"\" and \"",
                           kNodeService,
                           "\"")};
    }
    const absl::StatusOr<NodeStatus> status = loop_.Status();
    const bool ready = status.ok() && status->state() == rendernode::READY && status->connected();
    const bool serving = request->service().empty() ? status.ok() : ready;
    response->set_status(serving ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING);
    return grpc::Status::OK;
  }

 private:
  static constexpr char kNodeService[] = "rendernode.Node";

  ControlLoop& loop_;  // Outlives us.
};

// Only a socket that nobody answers on may be removed.
absl::Status ClearStaleSocket(const fs::path& path) {
  sockaddr_un address{.sun_family = AF_UNIX};
  if (path.native().size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError(absl::StrCat("admin.socket = ",
                                                   path.string(),
                                                   ": a socket's path has at most ",
                                                   sizeof(address.sun_path) - 1,
                                                   " characters"));
  }
  path.native().copy(address.sun_path, sizeof(address.sun_path) - 1);
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0) {
    return errno == ENOENT ? absl::OkStatus() : ErrnoStatus(errno, path.string());
  }
  if (!S_ISSOCK(info.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat("admin.socket = ", path.string(), ": there is a file that is no socket"));
  }
  const UniqueFd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    return absl::AlreadyExistsError(
        absl::StrCat("admin.socket = ", path.string(), ": another process listens there"));
  }
  return unlink(path.c_str()) == 0 ? absl::OkStatus() : ErrnoStatus(errno, path.string());
}

}  // namespace

struct AdminServer::Impl {
  explicit Impl(ControlLoop& loop) : service(loop), health(loop) {}

  fs::path socket;
  Service service;
  HealthService health;
  std::unique_ptr<grpc::Server> server;
};

AdminServer::AdminServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

absl::StatusOr<std::unique_ptr<AdminServer>> AdminServer::Listen(const fs::path& socket,
                                                                 ControlLoop& loop) {
  RETURN_IF_ERROR(CreateDirectories(socket.parent_path()));
  RETURN_IF_ERROR(ClearStaleSocket(socket));
  auto impl = std::make_unique<Impl>(loop);
  impl->socket = socket;
  grpc::ResourceQuota quota("admin");
  quota.SetMaxThreads(kThreadsMax);
  grpc::ServerBuilder builder;
  builder.SetResourceQuota(quota);
  builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MIN_POLLERS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 1);
  builder.SetMaxReceiveMessageSize(kRequestBytesMax);
  builder.AddListeningPort("unix:" + socket.string(), grpc::InsecureServerCredentials());
  builder.RegisterService(&impl->service);
  builder.RegisterService(&impl->health);
  // Nobody gets in before chmod: gRPC binds with the mode that umask leaves. The umask is the whole
  // process's, and so we listen before the control thread runs.
  const mode_t umask_before = umask(0177);
  impl->server = builder.BuildAndStart();
  umask(umask_before);
  if (impl->server == nullptr) {
    return absl::UnavailableError(
        absl::StrCat("admin.socket = ", socket.string(), ": cannot listen there"));
  }
  if (chmod(socket.c_str(), kSocketMode) != 0) {
    return ErrnoStatus(errno, socket.string());
  }
  return std::unique_ptr<AdminServer>(new AdminServer(std::move(impl)));
}

AdminServer::~AdminServer() {
  impl_->server->Shutdown(std::chrono::system_clock::now() + kShutdownGrace);
  std::error_code ignored;
  fs::remove(impl_->socket, ignored);
}

}  // namespace rn
