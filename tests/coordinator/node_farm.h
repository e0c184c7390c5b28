// A coordinator's node side in this process: real store, desk and gRPC server on a loopback port,
// and stub nodes that speak to it.
#pragma once

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/bounded_queue.h"
#include "base/file.h"
#include "base/ulid.h"
#include "coordinator/lease_desk.h"
#include "coordinator/node_service.h"
#include "coordinator/sqlite_store.h"
#include "proto/node.grpc.pb.h"
#include "tests/fakes/failing_store.h"

namespace rn {

constexpr absl::Duration kPatience = absl::Seconds(20);  // Ends a test that would hang.

inline std::chrono::system_clock::time_point PatienceEnds() {
  return std::chrono::system_clock::now() + absl::ToChronoNanoseconds(kPatience);
}

// A Sync under way.
class PendingSync {
 public:
  PendingSync(rendernode::NodeService::Stub& stub, rendernode::SyncRequest request)
      : request_(std::move(request)) {
    context_.set_deadline(PatienceEnds());
    stub.async()->Sync(&context_, &request_, &response_, [this](grpc::Status status) {
      ended_.Push(std::move(status));
    });
  }
  ~PendingSync() {
    Cancel();
    ended_.Pop();
  }

  void Cancel() { context_.TryCancel(); }

  grpc::Status Status() {
    const grpc::Status status = ended_.Pop().value_or(grpc::Status::CANCELLED);
    ended_.Push(status);  // For the next to ask.
    return status;
  }

  // The reply, which must be one.
  const rendernode::SyncResponse& Reply() {
    const grpc::Status status = Status();
    EXPECT_TRUE(status.ok()) << status.error_code() << ": " << status.error_message();
    return response_;
  }

 private:
  grpc::ClientContext context_;
  rendernode::SyncRequest request_;
  rendernode::SyncResponse response_;
  BoundedQueue<grpc::Status> ended_{2};
};

// What a node says, and no more.
class StubNode {
 public:
  StubNode(std::string address,
           std::string node_id,
           const std::shared_ptr<grpc::ChannelCredentials>& credentials =
               grpc::InsecureChannelCredentials())
      : node_id_(std::move(node_id)),
        stub_(rendernode::NodeService::NewStub(
            grpc::CreateCustomChannel(address, credentials, OwnConnection()))) {}

  grpc::Status Open(rendernode::OpenSessionResponse* response,
                    std::uint32_t protocol_min = 1,
                    std::uint32_t protocol_max = 1) {
    rendernode::OpenSessionRequest request;
    request.set_node_id(node_id_);
    request.set_version("test");
    request.set_protocol_min(protocol_min);
    request.set_protocol_max(protocol_max);
    grpc::ClientContext context;
    context.set_deadline(PatienceEnds());
    const grpc::Status status = stub_->OpenSession(&context, request, response);
    if (status.ok()) {
      session_ = response->session();
    }
    return status;
  }

  const std::string& session() const { return session_; }
  void UseSession(const std::string& session) { session_ = session; }

  void MustOpen() {
    rendernode::OpenSessionResponse response;
    const grpc::Status status = Open(&response);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }

  rendernode::SyncRequest Ask(std::uint32_t want, bool wait) {
    rendernode::SyncRequest request;
    request.set_session(session_);
    request.set_seq(++seq_);
    request.set_state(rendernode::READY);
    request.set_want(want);
    request.set_wait(wait);
    return request;
  }
  rendernode::SyncRequest Hold(const rendernode::LeaseRef& ref, bool wait) {
    rendernode::SyncRequest request = Ask(0, wait);
    *request.add_held()->mutable_ref() = ref;
    return request;
  }

  std::unique_ptr<PendingSync> Start(rendernode::SyncRequest request) {
    return std::make_unique<PendingSync>(*stub_, std::move(request));
  }
  std::unique_ptr<PendingSync> WaitFor(std::uint32_t want) { return Start(Ask(want, true)); }
  rendernode::SyncResponse Sync(rendernode::SyncRequest request) {
    return Start(std::move(request))->Reply();
  }

  // One lease that waits already.
  rendernode::Lease Take() {
    const rendernode::SyncResponse response = WaitFor(1)->Reply();
    if (response.grant_size() != 1) {
      ADD_FAILURE() << response.ShortDebugString();
      return {};
    }
    return response.grant(0);
  }

  grpc::Status Commit(const rendernode::LeaseRef& ref,
                      rendernode::CommitItemResponse* response,
                      rendernode::Outcome outcome = rendernode::SUCCEEDED) {
    rendernode::CommitItemRequest request;
    request.set_session(session_);
    *request.mutable_ref() = ref;
    request.mutable_result()->set_outcome(outcome);
    grpc::ClientContext context;
    context.set_deadline(PatienceEnds());
    return stub_->CommitItem(&context, request, response);
  }

  grpc::Status GetSpec(const std::string& digest, rendernode::GetJobSpecResponse* response) {
    rendernode::GetJobSpecRequest request;
    request.set_session(session_);
    request.set_digest(digest);
    grpc::ClientContext context;
    context.set_deadline(PatienceEnds());
    return stub_->GetJobSpec(&context, request, response);
  }

  grpc::Status Close() {
    rendernode::CloseSessionRequest request;
    request.set_session(session_);
    rendernode::CloseSessionResponse response;
    grpc::ClientContext context;
    context.set_deadline(PatienceEnds());
    return stub_->CloseSession(&context, request, &response);
  }

 private:
  static grpc::ChannelArguments OwnConnection() {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return arguments;
  }

  std::string node_id_;
  std::unique_ptr<rendernode::NodeService::Stub> stub_;
  std::string session_;
  std::uint64_t seq_ = 0;
};

// Waiting Syncs are held open longer than any test lasts: what is answered was woken.
class NodeFarm {
 public:
  explicit NodeFarm(LeaseDeskOptions options = {.sync_interval = absl::Minutes(10)},
                    NodeServiceOptions service = {.address = "127.0.0.1:0"})
      : options_(options),
        service_options_(std::move(service)),
        store_(*OpenSqliteStore(folder_.path() / "store.db", {.lease = options.lease})) {
    StartService();
  }

  void StartService() {
    service_.reset();
    desk_ = std::make_unique<LeaseDesk>(failing_, Clock::System(), options_);
    auto service = NodeService::Start(*desk_, service_options_);
    ASSERT_TRUE(service.ok()) << service.status();
    service_ = *std::move(service);
  }

  StubNode Connect(const std::string& node_id) { return {address(), node_id}; }
  StubNode Join(const std::string& node_id) {
    StubNode node = Connect(node_id);
    node.MustOpen();
    return node;
  }

  // The job's id. Tells nobody: OnNewWork does.
  std::string CreateJob(int items, JobPriority priority = JobPriority::kNormal) {
    const absl::Time now = Clock::System().Now();
    NewJob job;
    job.id = "job_" + NewUlid(now);
    job.tenant = "acme";
    job.priority = priority;
    job.spec.set_job_id(job.id);
    job.spec.mutable_output()->set_output_bucket("videos");
    for (int row = 1; row <= items; ++row) {
      NewItem item;
      item.spec.set_row(static_cast<std::uint32_t>(row));
      job.items.push_back(std::move(item));
    }
    const auto created = store_->CreateJob(job, {}, now);
    EXPECT_TRUE(created.ok()) << created.status();
    return job.id;
  }
  std::string PostJob(int items, JobPriority priority = JobPriority::kNormal) {
    std::string id = CreateJob(items, priority);
    desk_->OnNewWork();
    return id;
  }

  // Returns once so many Syncs wait.
  void AwaitWaiting(std::int64_t count) {
    const absl::Duration end = Clock::System().SinceBoot() + kPatience;
    while (desk_->waiting_syncs() != count) {
      if (Clock::System().SinceBoot() > end) {
        FAIL() << desk_->waiting_syncs() << " Syncs wait, not " << count;
      }
      std::this_thread::yield();
    }
  }

  std::string address() const { return absl::StrCat("127.0.0.1:", service_->port()); }
  Store& store() { return *store_; }
  FailingStore& failing() { return failing_; }
  LeaseDesk& desk() { return *desk_; }
  NodeService& service() { return *service_; }

 private:
  const LeaseDeskOptions options_;
  const NodeServiceOptions service_options_;
  const TempDir folder_ = *TempDir::Create("node_farm");
  const std::unique_ptr<Store> store_;
  FailingStore failing_{*store_};
  std::unique_ptr<LeaseDesk> desk_;
  std::unique_ptr<NodeService> service_;
};

}  // namespace rn
