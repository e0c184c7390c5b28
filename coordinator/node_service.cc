#include "coordinator/node_service.h"

#include <grpcpp/grpcpp.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "base/bounded_queue.h"
#include "base/local_address.h"
#include "base/status.h"
#include "proto/node.grpc.pb.h"

namespace rn {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

// A node acts on what it is refused, so only what is certain may be a refusal. Whatever else the
// store says is no news about leases: the node asks again.
grpc::Status ToGrpc(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return grpc::Status::OK;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kAborted:
      return {static_cast<grpc::StatusCode>(status.code()), std::string(status.message())};
    default:
      return {grpc::StatusCode::UNAVAILABLE, std::string(status.message())};
  }
}

// Of a job spec alone: the job is over and forgotten, or never was.
grpc::Status SpecStatus(const absl::Status& status) {
  return absl::IsNotFound(status)
             ? grpc::Status(grpc::StatusCode::NOT_FOUND, std::string(status.message()))
             : ToGrpc(status);
}

// Lives until gRPC is done with the call.
class SyncReactor final : public ServerUnaryReactor, public SyncCaller {
 public:
  SyncReactor(LeaseDesk& desk, rendernode::SyncResponse& response)
      : desk_(desk), response_(response) {}

  void Reply(absl::StatusOr<rendernode::SyncResponse> response) override {
    const absl::Status status = response.status();
    if (response.ok()) {
      response_ = *std::move(response);
    }
    Finish(ToGrpc(status));
  }
  bool gone() const override { return gone_; }

  void OnCancel() override {
    gone_ = true;
    desk_.Leave(*this);
  }
  void OnDone() override { delete this; }

 private:
  LeaseDesk& desk_;
  rendernode::SyncResponse& response_;
  std::atomic<bool> gone_ = false;
};

class Server final : public NodeService, private rendernode::NodeService::CallbackService {
 public:
  Server(LeaseDesk& desk, const NodeServiceOptions& options)
      : options_(options), desk_(desk), calls_(static_cast<std::size_t>(options.calls_max)) {}

  ~Server() override { Stop(); }

  absl::Status Listen() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(options_.address, grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(this);
    builder.SetMaxReceiveMessageSize(static_cast<int>(options_.message_bytes_max));
    builder.SetMaxSendMessageSize(
        static_cast<int>(std::max(options_.message_bytes_max, options_.job_spec_bytes_max)));
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options_.streams_max);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, Milliseconds(options_.keepalive_time));
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                               Milliseconds(options_.keepalive_timeout));
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    // A second coordinator on the same port would share the nodes' connections at random.
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr) {
      return absl::UnavailableError(
          absl::StrCat("cannot listen on ", options_.address, ": is it taken?"));
    }
    if (absl::StartsWith(options_.address, "unix:")) {
      port_ = 0;
    }
    for (int i = 0; i < options_.store_threads; ++i) {
      threads_.emplace_back([this] { RunCalls(); });
    }
    return absl::OkStatus();
  }

  int port() const override { return port_; }

  void Stop() override {
    if (server_ == nullptr) {
      return;
    }
    desk_.Stop();
    server_->Shutdown(std::chrono::system_clock::now() +
                      absl::ToChronoNanoseconds(options_.drain_timeout));
    calls_.Close();
    for (std::thread& thread : threads_) {
      thread.join();
    }
    server_.reset();
  }

 private:
  static int Milliseconds(absl::Duration duration) {
    return static_cast<int>(absl::ToInt64Milliseconds(duration));
  }

  void RunCalls() {
    while (const auto call = calls_.Pop()) {
      (*call)();
    }
  }

  // gRPC's own threads never wait for the store: `call` runs on one of ours and gives the status.
  template <typename Call>
  ServerUnaryReactor* Answer(CallbackServerContext* context, Call call) {
    ServerUnaryReactor* reactor = context->DefaultReactor();
    if (!calls_.TryPush([reactor, call = std::move(call)] { reactor->Finish(call()); })) {
      reactor->Finish(TooMany());
    }
    return reactor;
  }

  static grpc::Status TooMany() {
    return {grpc::StatusCode::UNAVAILABLE, "too many calls at once, or the coordinator stops"};
  }

  ServerUnaryReactor* OpenSession(CallbackServerContext* context,
                                  const rendernode::OpenSessionRequest* request,
                                  rendernode::OpenSessionResponse* response) override {
    return Answer(context, [this, request, response] {
      auto opened = desk_.OpenSession(*request);
      if (!opened.ok()) {
        SPDLOG_WARN(
            "session refused node={} error=\"{}\"", request->node_id(), opened.status().ToString());
        return ToGrpc(opened.status());
      }
      *response = *std::move(opened);
      return grpc::Status::OK;
    });
  }

  ServerUnaryReactor* Sync(CallbackServerContext*,
                           const rendernode::SyncRequest* request,
                           rendernode::SyncResponse* response) override {
    auto* reactor = new SyncReactor(desk_, *response);  // OnDone deletes it.
    if (!calls_.TryPush([this, reactor, request] { desk_.Sync(*request, *reactor); })) {
      reactor->Finish(TooMany());
    }
    return reactor;
  }

  ServerUnaryReactor* CommitItem(CallbackServerContext* context,
                                 const rendernode::CommitItemRequest* request,
                                 rendernode::CommitItemResponse* response) override {
    return Answer(context, [this, request, response] {
      const auto verdict = desk_.Commit(*request);
      if (verdict.ok()) {
        response->set_verdict(*verdict);
      }
      return ToGrpc(verdict.status());
    });
  }

  ServerUnaryReactor* GetJobSpec(CallbackServerContext* context,
                                 const rendernode::GetJobSpecRequest* request,
                                 rendernode::GetJobSpecResponse* response) override {
    return Answer(context, [this, request, response] {
      auto spec = desk_.GetJobSpec(request->session(), request->digest());
      if (!spec.ok()) {
        return SpecStatus(spec.status());
      }
      response->set_job_spec(*std::move(spec));
      return grpc::Status::OK;
    });
  }

  ServerUnaryReactor* CloseSession(CallbackServerContext* context,
                                   const rendernode::CloseSessionRequest* request,
                                   rendernode::CloseSessionResponse*) override {
    return Answer(context,
                  [this, request] { return ToGrpc(desk_.CloseSession(request->session())); });
  }

  const NodeServiceOptions options_;
  LeaseDesk& desk_;
  BoundedQueue<std::function<void()>> calls_;
  int port_ = 0;
  std::vector<std::thread> threads_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<NodeService>> NodeService::Start(LeaseDesk& desk,
                                                                const NodeServiceOptions& options) {
  RETURN_IF_ERROR(CheckLocalAddress(options.address, PortZero::kAllowed));
  auto server = std::make_unique<Server>(desk, options);
  RETURN_IF_ERROR(server->Listen());
  return server;
}

}  // namespace rn
