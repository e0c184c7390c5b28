// What rendernodectl speaks to a node.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "proto/admin.grpc.pb.h"
#include "tests/daemon/test_node.h"

namespace rn {

class AdminClient {
 public:
  explicit AdminClient(const std::string& address)
      : stub_(rendernode::NodeAdmin::NewStub(
            grpc::CreateChannel(address, grpc::InsecureChannelCredentials()))) {}

  absl::StatusOr<rendernode::NodeStatus> GetStatus() {
    return Call(&Stub::GetStatus, rendernode::GetStatusRequest());
  }
  absl::StatusOr<rendernode::NodeStatus> Drain() {
    return Call(&Stub::Drain, rendernode::DrainRequest());
  }
  absl::StatusOr<rendernode::NodeStatus> Undrain() {
    return Call(&Stub::Undrain, rendernode::UndrainRequest());
  }

  absl::StatusOr<rendernode::NodeStatus> Cancel(const std::string& item_id) {
    rendernode::CancelRequest request;
    request.set_item_id(item_id);
    return Call(&Stub::Cancel, request);
  }
  absl::StatusOr<rendernode::CollectGarbageResponse> CollectGarbage() {
    return Call(&Stub::CollectGarbage, rendernode::CollectGarbageRequest());
  }
  absl::StatusOr<rendernode::SupportData> GetSupportData() {
    return Call(&Stub::GetSupportData, rendernode::GetSupportDataRequest());
  }

  // The first status for which `is` holds; the node may still be starting.
  template <typename Predicate>
  rendernode::NodeStatus Await(Predicate is) {
    const absl::Time give_up = absl::Now() + kPatience;
    while (absl::Now() < give_up) {
      const absl::StatusOr<rendernode::NodeStatus> status = GetStatus();
      if (status.ok() && is(*status)) {
        return *status;
      }
      usleep(5000);
    }
    ADD_FAILURE() << "the node never got there";
    return {};
  }

 private:
  using Stub = rendernode::NodeAdmin::Stub;

  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                             const Request&,
                                                             Response*),
                                const Request& request) {
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoSeconds(kPatience));
    Response response;
    const grpc::Status status = (stub_.get()->*method)(&context, request, &response);
    if (!status.ok()) {
      return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                          status.error_message());
    }
    return response;
  }

  std::unique_ptr<Stub> stub_;
};

}  // namespace rn
