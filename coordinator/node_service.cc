#include "coordinator/node_service.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
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
#include "base/certificate.h"
#include "base/local_address.h"
#include "base/secret_file.h"
#include "base/status.h"
#include "proto/health.grpc.pb.h"
#include "proto/node.grpc.pb.h"

namespace rn {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

// Calls under way outlast the longest that a Sync is held open.
constexpr absl::Duration kConnectionGrace = absl::Minutes(2);

constexpr std::int64_t kSpecEnvelopeBytes = 1 << 10;  // A GetJobSpecResponse beside its spec.

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

// Of a job spec alone: the job is over and forgotten, or never was; or it is too long.
grpc::Status SpecStatus(const absl::Status& status) {
  return absl::IsNotFound(status) || absl::IsOutOfRange(status)
             ? grpc::Status(static_cast<grpc::StatusCode>(status.code()),
                            std::string(status.message()))
             : ToGrpc(status);
}

// Of who is calling: certain, too.
grpc::Status CallerStatus(const absl::Status& status) {
  if (absl::IsUnauthenticated(status) || absl::IsPermissionDenied(status)) {
    return {static_cast<grpc::StatusCode>(status.code()), std::string(status.message())};
  }
  return ToGrpc(status);
}

std::shared_ptr<grpc::ServerCredentials> ServerCredentialsOf(
    const std::optional<NodeTlsOptions>& tls) {
  if (!tls.has_value()) {
    return grpc::InsecureServerCredentials();
  }
  grpc::experimental::TlsServerCredentialsOptions options(
      std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
          tls->key_file.string(),
          tls->cert_file.string(),
          tls->client_ca_file.string(),
          static_cast<unsigned>(absl::ToInt64Seconds(tls->refresh))));
  options.watch_identity_key_cert_pairs();
  if (!tls->client_ca_file.empty()) {
    options.watch_root_certs();
    options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  }
  return grpc::experimental::TlsServerCredentials(options);
}

absl::Status CheckTls(const NodeTlsOptions& tls) {
  RETURN_IF_ERROR(Annotate(CheckSecretFile(tls.key_file), "nodes.tls.key_file"));
  RETURN_IF_ERROR(
      Annotate(CheckKeyOfCertificate(tls.key_file, tls.cert_file), "nodes.tls.cert_file"));
  if (tls.client_ca_file.empty()) {
    return absl::OkStatus();
  }
  return Annotate(ReadCertificate(tls.client_ca_file).status(), "nodes.tls.client_ca_file");
}

absl::StatusOr<NodeAuthenticator> AuthenticatorFor(const NodeServiceOptions& options) {
  NodeAuthOptions auth{.tokens = options.tokens};
  if (options.tls.has_value()) {
    RETURN_IF_ERROR(CheckTls(*options.tls));
    auth.certificates = !options.tls->client_ca_file.empty();
  }
  ASSIGN_OR_RETURN(NodeAuthenticator authenticator, NodeAuthenticator::Create(auth));
  if (options.tls.has_value() && !authenticator.required()) {
    return absl::InvalidArgumentError("with TLS nodes need certificates or tokens");
  }
  return authenticator;
}

// Whoever is refused may ask as often as he likes: of a second's refusals only some are logged.
class RefusalLog {
 public:
  void Note(const grpc::ServerContextBase& context,
            absl::string_view call,
            const absl::Status& status) {
    const absl::Duration now = Clock::System().SinceBoot();
    MutexLock lock(mutex_);
    if (now - since_ >= absl::Seconds(1)) {
      since_ = now;
      logged_ = 0;
    }
    if (++logged_ > kPerSecondMax) {
      ++left_out_;
      return;
    }
    SPDLOG_WARN("caller refused call={} peer={} left_out={} error=\"{}\"",
                std::string(call),
                PeerOf(context),
                std::exchange(left_out_, 0),
                status.ToString());
  }

 private:
  static constexpr int kPerSecondMax = 5;

  static std::string PeerOf(const grpc::ServerContextBase& context) {
    return static_cast<const grpc::CallbackServerContext&>(context).peer();
  }

  Mutex mutex_;
  absl::Duration since_ ABSL_GUARDED_BY(mutex_) = -absl::InfiniteDuration();
  int logged_ ABSL_GUARDED_BY(mutex_) = 0;
  std::int64_t left_out_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Lives until gRPC is done with the call.
class SyncReactor final : public ServerUnaryReactor, public SyncCaller {
 public:
  SyncReactor(LeaseDesk& desk, NodeCallMetrics& metrics, rendernode::SyncResponse& response)
      : desk_(desk), metrics_(metrics), response_(response) {}

  void Reply(absl::StatusOr<rendernode::SyncResponse> response) override {
    const absl::Status status = response.status();
    if (response.ok()) {
      response_ = *std::move(response);
      metrics_.Granted(response_.grant_size());
    }
    metrics_.Called("Sync", status, Clock::System().SinceBoot() - arrived_);
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
  NodeCallMetrics& metrics_;
  rendernode::SyncResponse& response_;
  const absl::Duration arrived_ = Clock::System().SinceBoot();
  std::atomic<bool> gone_ = false;
};

class Server final : public NodeService, private rendernode::NodeService::CallbackService {
 public:
  Server(LeaseDesk& desk, const NodeServiceOptions& options, NodeAuthenticator authenticator)
      : options_(options),
        desk_(desk),
        authenticator_(std::make_shared<const NodeAuthenticator>(std::move(authenticator))),
        calls_(static_cast<std::size_t>(options.calls_max)) {}

  ~Server() override { Stop(); }

  absl::Status Listen() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(options_.address, ServerCredentialsOf(options_.tls), &port_);
    builder.RegisterService(this);
    builder.RegisterService(&health_);
    builder.SetMaxReceiveMessageSize(static_cast<int>(options_.message_bytes_max));
    builder.SetMaxSendMessageSize(static_cast<int>(
        std::max(options_.message_bytes_max, options_.job_spec_bytes_max + kSpecEnvelopeBytes)));
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options_.streams_max);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, Milliseconds(options_.keepalive_time));
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                               Milliseconds(options_.keepalive_timeout));
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    if (options_.tls.has_value()) {
      builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS,
                                 Milliseconds(options_.tls->connection_age_max));
      builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS,
                                 Milliseconds(kConnectionGrace));
    }
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

  absl::Status SetTokens(const std::map<std::string, std::string>& tokens) override {
    NodeServiceOptions next = options_;
    next.tokens = tokens;
    ASSIGN_OR_RETURN(NodeAuthenticator authenticator, AuthenticatorFor(next));
    MutexLock lock(mutex_);
    authenticator_ = std::make_shared<const NodeAuthenticator>(std::move(authenticator));
    return absl::OkStatus();
  }

  int port() const override { return port_; }
  const NodeCallMetrics& metrics() const override { return metrics_; }

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
  // grpc.health.v1: the store answers. Nodes need not say who they are for it, but for TLS's own
  // handshake.
  class Health final : public grpc::health::v1::Health::CallbackService {
   public:
    explicit Health(Server& server) : server_(server) {}

    ServerUnaryReactor* Check(CallbackServerContext* context,
                              const grpc::health::v1::HealthCheckRequest* request,
                              grpc::health::v1::HealthCheckResponse* response) override {
      return server_.Answer(context, "HealthCheck", [this, request, response]() -> grpc::Status {
        using grpc::health::v1::HealthCheckResponse;
        const std::string& service = request->service();
        if (!service.empty() && service != rendernode::NodeService::service_full_name()) {
          return {grpc::StatusCode::NOT_FOUND, absl::StrCat("no service \"", service, "\"")};
        }
        // Of nobody: the store says so, or has trouble.
        const absl::Status status = server_.desk_.NodeOf("").status();
        response->set_status(absl::IsFailedPrecondition(status) ? HealthCheckResponse::SERVING
                                                                : HealthCheckResponse::NOT_SERVING);
        return grpc::Status::OK;
      });
    }

   private:
    Server& server_;
  };

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
  ServerUnaryReactor* Answer(CallbackServerContext* context, absl::string_view name, Call call) {
    ServerUnaryReactor* reactor = context->DefaultReactor();
    auto task =
        [this, reactor, name, arrived = Clock::System().SinceBoot(), call = std::move(call)] {
          const grpc::Status status = call();
          metrics_.Called(name,
                          absl::Status(static_cast<absl::StatusCode>(status.error_code()), ""),
                          Clock::System().SinceBoot() - arrived);
          reactor->Finish(status);
        };
    if (!calls_.TryPush(std::move(task))) {
      reactor->Finish(TooMany());
    }
    return reactor;
  }

  static grpc::Status TooMany() {
    return {grpc::StatusCode::UNAVAILABLE, "too many calls at once, or the coordinator stops"};
  }

  // As Answer, for a call that is the session's own node's alone.
  template <typename Call>
  ServerUnaryReactor* AnswerOwner(CallbackServerContext* context,
                                  absl::string_view name,
                                  const std::string& session,
                                  Call call) {
    return Answer(context, name, [this, context, name, &session, call = std::move(call)] {
      const absl::Status allowed = CheckOwner(*context, name, session);
      return allowed.ok() ? call() : CallerStatus(allowed);
    });
  }

  std::shared_ptr<const NodeAuthenticator> CurrentAuthenticator() {
    MutexLock lock(mutex_);
    return authenticator_;
  }

  static absl::StatusOr<std::string> Caller(const CallbackServerContext& context,
                                            const NodeAuthenticator& authenticator) {
    NodeCredentials credentials;
    for (const grpc::string_ref& uri :
         context.auth_context()->FindPropertyValues(GRPC_PEER_URI_PROPERTY_NAME)) {
      credentials.certificate_uris.emplace_back(uri.data(), uri.size());
    }
    const auto [first, last] = context.client_metadata().equal_range("authorization");
    for (auto header = first; header != last; ++header) {
      credentials.authorization.emplace_back(header->second.data(), header->second.size());
    }
    return authenticator.Identify(credentials);
  }

  absl::Status CheckName(const CallbackServerContext& context, const std::string& node_id) {
    const auto authenticator = CurrentAuthenticator();
    if (!authenticator->required()) {
      return absl::OkStatus();
    }
    const absl::StatusOr<std::string> caller = Caller(context, *authenticator);
    absl::Status status = caller.status();
    if (caller.ok() && *caller != node_id) {
      status = absl::PermissionDeniedError(
          absl::StrCat("node ", *caller, " may not open a session as node ", node_id));
    }
    if (!status.ok()) {
      refusals_.Note(context, "OpenSession", status);
    }
    return status;
  }

  // A session that nobody has, or not any more, is refused by whoever looks for its leases.
  absl::Status CheckOwner(const CallbackServerContext& context,
                          absl::string_view call,
                          const std::string& session) {
    const auto authenticator = CurrentAuthenticator();
    if (!authenticator->required()) {
      return absl::OkStatus();
    }
    const absl::StatusOr<std::string> caller = Caller(context, *authenticator);
    absl::Status status = caller.status();
    if (caller.ok()) {
      const absl::StatusOr<std::string> owner = desk_.NodeOf(session);
      if (!owner.ok()) {
        return absl::IsFailedPrecondition(owner.status()) ? absl::OkStatus() : owner.status();
      }
      if (*caller != *owner) {
        status = absl::PermissionDeniedError(
            absl::StrCat("node ", *caller, " uses a session of node ", *owner));
      }
    }
    if (!status.ok()) {
      refusals_.Note(context, call, status);
    }
    return status;
  }

  ServerUnaryReactor* OpenSession(CallbackServerContext* context,
                                  const rendernode::OpenSessionRequest* request,
                                  rendernode::OpenSessionResponse* response) override {
    return Answer(context, "OpenSession", [this, context, request, response] {
      if (const absl::Status allowed = CheckName(*context, request->node_id()); !allowed.ok()) {
        return CallerStatus(allowed);
      }
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

  ServerUnaryReactor* Sync(CallbackServerContext* context,
                           const rendernode::SyncRequest* request,
                           rendernode::SyncResponse* response) override {
    auto* reactor = new SyncReactor(desk_, metrics_, *response);  // OnDone deletes it.
    const auto call = [this, context, reactor, request] {
      const absl::Status allowed = CheckOwner(*context, "Sync", request->session());
      allowed.ok() ? desk_.Sync(*request, *reactor) : reactor->Finish(CallerStatus(allowed));
    };
    if (!calls_.TryPush(call)) {
      reactor->Finish(TooMany());
    }
    return reactor;
  }

  ServerUnaryReactor* CommitItem(CallbackServerContext* context,
                                 const rendernode::CommitItemRequest* request,
                                 rendernode::CommitItemResponse* response) override {
    return AnswerOwner(context, "CommitItem", request->session(), [this, request, response] {
      const auto verdict = desk_.Commit(*request);
      if (verdict.ok()) {
        response->set_verdict(*verdict);
        metrics_.Committed(request->result().outcome(), *verdict);
      }
      return ToGrpc(verdict.status());
    });
  }

  ServerUnaryReactor* GetJobSpec(CallbackServerContext* context,
                                 const rendernode::GetJobSpecRequest* request,
                                 rendernode::GetJobSpecResponse* response) override {
    return AnswerOwner(context, "GetJobSpec", request->session(), [this, request, response] {
      auto spec = desk_.GetJobSpec(request->session(), request->digest());
      if (spec.ok() && static_cast<std::int64_t>(spec->size()) > options_.job_spec_bytes_max) {
        spec = absl::OutOfRangeError(
            absl::StrCat("it takes ",
                         spec->size(),
                         " bytes; the coordinator's limit is nodes.job_spec_max = ",
                         options_.job_spec_bytes_max));
      }
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
    return AnswerOwner(context, "CloseSession", request->session(), [this, request] {
      return ToGrpc(desk_.CloseSession(request->session()));
    });
  }

  const NodeServiceOptions options_;
  LeaseDesk& desk_;
  Mutex mutex_;
  std::shared_ptr<const NodeAuthenticator> authenticator_ ABSL_GUARDED_BY(mutex_);
  RefusalLog refusals_;
  NodeCallMetrics metrics_;
  BoundedQueue<std::function<void()>> calls_;
  int port_ = 0;
  std::vector<std::thread> threads_;
  Health health_{*this};
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<NodeService>> NodeService::Start(LeaseDesk& desk,
                                                                const NodeServiceOptions& options) {
  RETURN_IF_ERROR(options.tls.has_value() ? CheckAddress(options.address, PortZero::kAllowed)
                                          : CheckLocalAddress(options.address, PortZero::kAllowed));
  ASSIGN_OR_RETURN(NodeAuthenticator authenticator, AuthenticatorFor(options));
  auto server = std::make_unique<Server>(desk, options, std::move(authenticator));
  RETURN_IF_ERROR(server->Listen());
  return server;
}

}  // namespace rn
