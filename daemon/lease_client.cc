#include "daemon/lease_client.h"

#include <grpcpp/grpcpp.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/bounded_queue.h"
#include "base/file.h"
#include "base/local_address.h"
#include "base/mutex.h"
#include "base/status.h"
#include "daemon/job_spec_store.h"
#include "proto/node.grpc.pb.h"

namespace rn {
namespace {

using rendernode::NodeService;
using Stub = NodeService::Stub;

// The Node has one call under way at a time, and a cut one may still be ending.
constexpr std::size_t kCallsMax = 4;
constexpr std::size_t kCommitsMax = 1024;

// What gRPC says of a message beyond our limit; its code alone may have another reason.
constexpr absl::string_view kGrpcTooLong = "larger than max";

constexpr std::size_t kCoordinatorsMax = 16;

constexpr int kReconnectMinMs = 200;
constexpr int kReconnectMaxMs = 2000;  // gRPC's own two minutes would outlast every lease.

absl::Status FromGrpc(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

std::chrono::system_clock::time_point DeadlineIn(absl::Duration timeout) {
  return std::chrono::system_clock::now() + absl::ToChronoNanoseconds(timeout);
}

// Of a list with commas; no path of a socket has one.
std::vector<std::string> AddressesIn(const std::string& list) {
  std::vector<std::string> addresses;
  for (const absl::string_view address : absl::StrSplit(list, ',')) {
    addresses.emplace_back(absl::StripAsciiWhitespace(address));
  }
  return addresses;
}

std::shared_ptr<Stub> Connect(const LeaseClientOptions& options,
                              const std::string& coordinator,
                              const CoordinatorCredentials& credentials) {
  grpc::ChannelArguments arguments;
  // A channel of our own: after a partition a fresh one must not share the old dead connection.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectMinMs);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kReconnectMinMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectMaxMs);
  // A spec that is a little too long is told from the call's other errors by its length.
  arguments.SetMaxReceiveMessageSize(
      static_cast<int>(std::min<std::int64_t>(options.job_spec_bytes_max + (1 << 20), INT32_MAX)));
  const auto channel_credentials = credentials.ForChannel(arguments);
  return NodeService::NewStub(
      grpc::CreateCustomChannel(coordinator, channel_credentials, arguments));
}

// The next coordinator knows the session, but not what the one before may have granted in an answer
// that was lost: a new session says what the node holds, and the rest is leased again at once.
absl::Status SessionLeft(const absl::Status& why) {
  return absl::FailedPreconditionError(
      absl::StrCat("the session is opened anew with the next coordinator: ", why.ToString()));
}

// Of a job spec that gRPC does not let through: an answer has no other reason to be refused so.
absl::Status SpecTooLong(const LeaseClientOptions& options, const std::string& digest) {
  return absl::OutOfRangeError(absl::StrCat("job spec ",
                                            digest,
                                            ": longer than this node's limit, "
                                            "coordinator.job_spec_max = ",
                                            options.job_spec_bytes_max,
                                            " bytes"));
}

}  // namespace

absl::Status CheckCoordinatorAddress(const std::string& address, bool tls) {
  const std::vector<std::string> all = AddressesIn(address);
  if (all.size() > kCoordinatorsMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("has ", all.size(), " addresses, and at most ", kCoordinatorsMax, " may be"));
  }
  std::set<std::string> known;
  for (const std::string& one : all) {
    RETURN_IF_ERROR(tls ? CheckAddress(one, PortZero::kRefused)
                        : CheckLocalAddress(one, PortZero::kRefused));
    if (!known.insert(one).second) {
      return absl::InvalidArgumentError(absl::StrCat("has \"", one, "\" twice"));
    }
  }
  return absl::OkStatus();
}

struct LeaseClient::Impl {
  using Call = std::variant<OpenSession, Sync, CloseSession>;

  Impl(LeaseClientOptions given,
       std::unique_ptr<CoordinatorCredentials> credentials,
       Clock& clock,
       std::function<void(Event)> post)
      : options(std::move(given)),
        credentials(std::move(credentials)),
        clock(clock),
        post(std::move(post)),
        coordinators(AddressesIn(options.coordinator)),
        rpc_timeout(options.rpc_timeout),
        specs(options.job_spec_folder, options.job_spec_bytes_max, options.job_specs_max),
        stub(Connect(options, coordinators.front(), *this->credentials)) {}

  // A context for as long as one call lasts, so that Shutdown() and CutSync can end it.
  class CallContext {
   public:
    CallContext(Impl& impl, absl::Duration timeout, bool is_sync) : impl_(impl), sync_(is_sync) {
      context_.set_deadline(DeadlineIn(timeout));
      impl.credentials->Authenticate(context_);
      MutexLock lock(impl_.mutex);
      if (impl_.stopping || (sync_ && impl_.cut)) {
        context_.TryCancel();
      }
      impl_.contexts.push_back(this);
    }
    ~CallContext() {
      MutexLock lock(impl_.mutex);
      auto& contexts = impl_.contexts;
      contexts.erase(std::find(contexts.begin(), contexts.end(), this));
    }
    void Cancel() { context_.TryCancel(); }
    bool is_sync() const { return sync_; }
    grpc::ClientContext* get() { return &context_; }

   private:
    Impl& impl_;
    const bool sync_;
    grpc::ClientContext context_;
  };

  void Start();
  void Shutdown();
  void SpeakLease();
  void SpeakCommits();
  void Run(const OpenSession& open);
  void Run(const Sync& sync);
  void Run(const CloseSession& close);
  void Run(const Commit& commit);
  absl::StatusOr<JobSpecPtr> FetchJobSpec(const std::string& digest);
  absl::Duration RpcTimeout();
  std::shared_ptr<Stub> CurrentStub();
  bool MoveOn(const absl::Status& status);

  // Fixed after construction.
  const LeaseClientOptions options;
  const std::unique_ptr<CoordinatorCredentials> credentials;
  Clock& clock;  // Outlives us.
  const std::function<void(Event)> post;
  const std::vector<std::string> coordinators;

  // Safe by themselves.
  BoundedQueue<Call> calls{kCallsMax};
  BoundedQueue<Commit> commits{kCommitsMax};
  std::vector<std::thread> threads;

  Mutex mutex;
  bool stopping ABSL_GUARDED_BY(mutex) = false;
  bool cut ABSL_GUARDED_BY(mutex) = false;
  absl::Duration rpc_timeout ABSL_GUARDED_BY(mutex);
  std::vector<CallContext*> contexts ABSL_GUARDED_BY(mutex);
  std::string session ABSL_GUARDED_BY(mutex);
  absl::Duration hold ABSL_GUARDED_BY(mutex) = absl::Seconds(5);

  // Never held over a call: two rows of a new job may both ask, and get the same.
  Mutex spec_mutex;
  const JobSpecStore specs ABSL_GUARDED_BY(spec_mutex);
  std::map<std::string, std::weak_ptr<const rendernode::JobSpec>> parsed
      ABSL_GUARDED_BY(spec_mutex);

  Mutex stub_mutex;
  std::shared_ptr<Stub> stub ABSL_GUARDED_BY(stub_mutex);
  std::size_t current ABSL_GUARDED_BY(stub_mutex) = 0;  // Of coordinators: the stub's.
};

void LeaseClient::Impl::Start() {
  threads.emplace_back([this] { SpeakLease(); });
  for (std::int64_t i = 0; i < options.commit_threads; ++i) {
    threads.emplace_back([this] { SpeakCommits(); });
  }
}

void LeaseClient::Impl::Shutdown() {
  calls.Close();
  commits.Close();
  {
    MutexLock lock(mutex);
    stopping = true;
    for (CallContext* context : contexts) {
      context->Cancel();
    }
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  threads.clear();
}

void LeaseClient::Impl::SpeakLease() {
  while (const auto call = calls.Pop()) {
    std::visit([this](const auto& what) { Run(what); }, *call);
  }
}

void LeaseClient::Impl::SpeakCommits() {
  while (const auto commit = commits.Pop()) {
    Run(*commit);
  }
}

absl::Duration LeaseClient::Impl::RpcTimeout() {
  MutexLock lock(mutex);
  return rpc_timeout;
}

std::shared_ptr<Stub> LeaseClient::Impl::CurrentStub() {
  MutexLock lock(stub_mutex);
  return stub;
}

// After a call of the session that failed; whether later ones go to another coordinator. One that
// ran into its deadline may hang on a connection that a partition killed; TCP alone would take
// minutes to notice.
bool LeaseClient::Impl::MoveOn(const absl::Status& status) {
  const std::size_t count = coordinators.size();
  if (!absl::IsDeadlineExceeded(status) && (count == 1 || !absl::IsUnavailable(status))) {
    return false;
  }
  MutexLock lock(stub_mutex);
  const std::string& left = coordinators[current];
  current = (current + 1) % count;
  const std::string& next = coordinators[current];
  stub = Connect(options, next, *credentials);
  if (count > 1) {
    SPDLOG_WARN("coordinator does not answer address={} next={}", left, next);
  }
  return count > 1;
}

void LeaseClient::Impl::Run(const OpenSession& open) {
  SessionOpened opened{.sent_at = clock.SinceBoot()};
  absl::Status status;
  {
    CallContext context(*this, RpcTimeout(), /*is_sync=*/false);
    status = FromGrpc(CurrentStub()->OpenSession(context.get(), open.request, &opened.response));
  }
  if (!status.ok()) {
    MoveOn(status);
    return post(SessionFailed{std::move(status)});
  }
  {
    MutexLock lock(mutex);
    session = opened.response.session();
    if (opened.response.timing().sync_ms() > 0) {
      hold = absl::Milliseconds(opened.response.timing().sync_ms());
    }
  }
  post(std::move(opened));
}

void LeaseClient::Impl::Run(const Sync& sync) {
  absl::Duration timeout;
  {
    MutexLock lock(mutex);
    timeout = rpc_timeout + hold;
  }
  SyncAnswered answered{.sent_at = clock.SinceBoot()};
  absl::Status status;
  {
    CallContext context(*this, timeout, /*is_sync=*/true);
    status = FromGrpc(CurrentStub()->Sync(context.get(), sync.request, &answered.response));
  }
  if (!status.ok()) {
    return post(SyncFailed{MoveOn(status) ? SessionLeft(status) : std::move(status)});
  }
  if (answered.response.timing().sync_ms() > 0) {
    MutexLock lock(mutex);
    hold = absl::Milliseconds(answered.response.timing().sync_ms());
  }
  post(std::move(answered));
}

void LeaseClient::Impl::Run(const CloseSession& close) {
  absl::Status status;
  {
    CallContext context(*this, RpcTimeout(), /*is_sync=*/false);
    rendernode::CloseSessionResponse response;
    status = FromGrpc(CurrentStub()->CloseSession(context.get(), close.request, &response));
  }
  post(SessionClosed{std::move(status)});
}

void LeaseClient::Impl::Run(const Commit& commit) {
  const LeaseKey key = LeaseKey::Of(commit.request.ref());
  rendernode::CommitItemResponse response;
  absl::Status status;
  {
    CallContext context(*this, RpcTimeout(), /*is_sync=*/false);
    status = FromGrpc(CurrentStub()->CommitItem(context.get(), commit.request, &response));
  }
  if (!status.ok()) {
    return post(CommitFailed{key, std::move(status)});
  }
  post(CommitAnswered{key, response.verdict()});
}

absl::StatusOr<JobSpecPtr> LeaseClient::Impl::FetchJobSpec(const std::string& digest) {
  rendernode::GetJobSpecRequest request;
  request.set_digest(digest);
  {
    MutexLock lock(mutex);
    request.set_session(session);
  }
  rendernode::GetJobSpecResponse response;
  {
    CallContext context(*this, RpcTimeout(), /*is_sync=*/false);
    const absl::Status status =
        FromGrpc(CurrentStub()->GetJobSpec(context.get(), request, &response));
    if (absl::IsResourceExhausted(status) && absl::StrContains(status.message(), kGrpcTooLong)) {
      return SpecTooLong(options, digest);
    }
    RETURN_IF_ERROR(status);
  }
  if (static_cast<std::int64_t>(response.job_spec().size()) > options.job_spec_bytes_max) {
    return SpecTooLong(options, digest);
  }
  ASSIGN_OR_RETURN(JobSpecPtr spec, ParseJobSpec(response.job_spec(), digest));
  MutexLock lock(spec_mutex);
  if (const absl::Status kept = specs.Put(digest, response.job_spec()); !kept.ok()) {
    SPDLOG_WARN("job spec not kept digest={} error=\"{}\"", digest, kept.ToString());
  }
  return spec;
}

LeaseClient::LeaseClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

absl::StatusOr<std::unique_ptr<LeaseClient>> LeaseClient::Create(LeaseClientOptions options,
                                                                 Clock& clock,
                                                                 std::function<void(Event)> post) {
  RETURN_IF_ERROR(CheckCoordinatorAddress(options.coordinator, options.security.tls()));
  ASSIGN_OR_RETURN(auto credentials,
                   CoordinatorCredentials::Create(options.security, options.node_id, clock.Now()));
  RETURN_IF_ERROR(CreateDirectories(options.job_spec_folder));
  auto impl =
      std::make_unique<Impl>(std::move(options), std::move(credentials), clock, std::move(post));
  impl->Start();
  return std::unique_ptr<LeaseClient>(new LeaseClient(std::move(impl)));
}

LeaseClient::~LeaseClient() {
  impl_->Shutdown();
}

void LeaseClient::Stop() {
  impl_->Shutdown();
}

void LeaseClient::SetRpcTimeout(absl::Duration timeout) {
  MutexLock lock(impl_->mutex);
  impl_->rpc_timeout = timeout;
}

void LeaseClient::Do(OpenSession command) {
  impl_->calls.Push(std::move(command));
}

void LeaseClient::Do(Sync command) {
  {
    MutexLock lock(impl_->mutex);
    impl_->cut = false;
  }
  impl_->calls.Push(std::move(command));
}

void LeaseClient::Do(CutSync) {
  MutexLock lock(impl_->mutex);
  impl_->cut = true;
  for (Impl::CallContext* context : impl_->contexts) {
    if (context->is_sync()) {
      context->Cancel();
    }
  }
}

void LeaseClient::Do(CloseSession command) {
  impl_->calls.Push(std::move(command));
}

void LeaseClient::Do(Commit command) {
  impl_->commits.Push(std::move(command));
}

absl::StatusOr<JobSpecPtr> LeaseClient::GetJobSpec(const std::string& digest) {
  {
    MutexLock lock(impl_->spec_mutex);
    if (JobSpecPtr spec = impl_->parsed[digest].lock()) {
      return spec;
    }
    absl::StatusOr<JobSpecPtr> kept = impl_->specs.Get(digest);
    if (kept.ok() || absl::IsInvalidArgument(kept.status())) {
      if (kept.ok()) {
        impl_->parsed[digest] = *kept;
      }
      return kept;
    }
  }
  ASSIGN_OR_RETURN(JobSpecPtr spec, impl_->FetchJobSpec(digest));
  MutexLock lock(impl_->spec_mutex);
  std::erase_if(impl_->parsed, [](const auto& entry) { return entry.second.expired(); });
  impl_->parsed[digest] = spec;
  return spec;
}

}  // namespace rn
