// A coordinator of one node: a real gRPC server in this process that grants what it is told to.
#pragma once

#include <grpcpp/grpcpp.h>

#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/bounded_queue.h"
#include "base/file.h"
#include "base/mutex.h"
#include "daemon/node_events.h"
#include "proto/node.grpc.pb.h"

namespace rn {

// Level-triggered as the real one: a lease is granted in every reply until the node holds it,
// released it or committed it. Everything held is adopted and renewed. A waiting Sync is held open
// until there is something to grant or cancel, or the caller goes away.
class FakeCoordinator final : public rendernode::NodeService::Service {
 public:
  explicit FakeCoordinator(const std::string& address) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address, grpc::InsecureServerCredentials());
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~FakeCoordinator() override { server_->Shutdown(std::chrono::system_clock::now()); }

  void Grant(const rendernode::Lease& lease) {
    MutexLock lock(mutex_);
    leases_[LeaseKey::Of(lease.ref())] = lease;
    changed_.NotifyAll();
  }
  void Cancel(const rendernode::LeaseRef& ref) {
    MutexLock lock(mutex_);
    leases_.erase(LeaseKey::Of(ref));
    cancelled_.insert(LeaseKey::Of(ref));
    changed_.NotifyAll();
  }

  // Returns the digest under which it is handed out.
  std::string AddSpec(const std::string& bytes) {
    MutexLock lock(mutex_);
    specs_[Sha256(bytes)] = bytes;
    return Sha256(bytes);
  }
  // Whatever is asked for, this is the answer.
  void AnswerWithSpec(const std::string& bytes) {
    MutexLock lock(mutex_);
    wrong_spec_ = bytes;
  }
  int specs_asked() {
    MutexLock lock(mutex_);
    return specs_asked_;
  }

  // What arrived.
  BoundedQueue<rendernode::OpenSessionRequest> opened{kArrivalsMax};
  BoundedQueue<rendernode::SyncRequest> synced{kArrivalsMax};
  BoundedQueue<rendernode::CommitItemRequest> committed{kArrivalsMax};
  BoundedQueue<rendernode::CloseSessionRequest> closed{kArrivalsMax};

  grpc::Status OpenSession(grpc::ServerContext*,
                           const rendernode::OpenSessionRequest* request,
                           rendernode::OpenSessionResponse* response) override {
    response->set_session("session of " + request->node_id());
    for (const rendernode::HeldLease& held : request->held()) {
      *response->add_adopt() = held.ref();
    }
    opened.TryPush(*request);
    return grpc::Status::OK;
  }

  grpc::Status Sync(grpc::ServerContext* context,
                    const rendernode::SyncRequest* request,
                    rendernode::SyncResponse* response) override {
    synced.TryPush(*request);
    MutexLock lock(mutex_);
    for (const rendernode::LeaseRef& ref : request->released()) {
      leases_.erase(LeaseKey::Of(ref));
    }
    *response = Reply(*request);
    while (request->wait() && response->grant().empty() && response->cancel().empty() &&
           !context->IsCancelled()) {
      changed_.WaitFor(mutex_, absl::Milliseconds(5));  // IsCancelled() wakes nobody.
      *response = Reply(*request);
    }
    return grpc::Status::OK;
  }

  grpc::Status CommitItem(grpc::ServerContext*,
                          const rendernode::CommitItemRequest* request,
                          rendernode::CommitItemResponse* response) override {
    if (request->session() == "old") {
      return {grpc::StatusCode::FAILED_PRECONDITION, "a newer session"};
    }
    response->set_verdict(rendernode::CommitItemResponse::COMMITTED);
    MutexLock lock(mutex_);
    leases_.erase(LeaseKey::Of(request->ref()));
    committed.TryPush(*request);
    return grpc::Status::OK;
  }

  grpc::Status GetJobSpec(grpc::ServerContext*,
                          const rendernode::GetJobSpecRequest* request,
                          rendernode::GetJobSpecResponse* response) override {
    MutexLock lock(mutex_);
    ++specs_asked_;
    const auto found = specs_.find(request->digest());
    response->set_job_spec(found == specs_.end() ? wrong_spec_ : found->second);
    return response->job_spec().empty() ? grpc::Status(grpc::StatusCode::NOT_FOUND, "no such spec")
                                        : grpc::Status::OK;
  }

  grpc::Status CloseSession(grpc::ServerContext*,
                            const rendernode::CloseSessionRequest* request,
                            rendernode::CloseSessionResponse*) override {
    closed.TryPush(*request);
    return grpc::Status::OK;
  }

 private:
  static constexpr std::size_t kArrivalsMax = 1000;

  rendernode::SyncResponse Reply(const rendernode::SyncRequest& request) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    rendernode::SyncResponse response;
    std::set<LeaseKey> held;
    for (const rendernode::HeldLease& lease : request.held()) {
      const LeaseKey key = LeaseKey::Of(lease.ref());
      held.insert(key);
      *(cancelled_.count(key) > 0 ? response.add_cancel() : response.add_renewed()) = lease.ref();
    }
    for (const auto& [key, lease] : leases_) {
      if (held.count(key) == 0 &&
          static_cast<std::uint32_t>(response.grant_size()) < request.want()) {
        *response.add_grant() = lease;
      }
    }
    return response;
  }

  std::unique_ptr<grpc::Server> server_;
  Mutex mutex_;
  CondVar changed_;
  std::map<LeaseKey, rendernode::Lease> leases_ ABSL_GUARDED_BY(mutex_);
  std::set<LeaseKey> cancelled_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> specs_ ABSL_GUARDED_BY(mutex_);
  std::string wrong_spec_ ABSL_GUARDED_BY(mutex_);
  int specs_asked_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace rn
