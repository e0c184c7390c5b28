// How the node knows the coordinator, and the coordinator the node: docs/security.md.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/mutex.h"

namespace grpc {
class ChannelArguments;
class ChannelCredentials;
class ClientContext;
}  // namespace grpc

namespace rn {

// "" = none.
struct CoordinatorSecurity {
  std::filesystem::path ca_file;  // Whom we believe the coordinator's certificate; "" = no TLS.
  std::filesystem::path cert_file, key_file;  // Ours.
  std::filesystem::path token_file;
  std::string server_name;  // In the coordinator's certificate, where it is not the address's host.
  absl::Duration refresh = absl::Seconds(10);  // How often the files are looked at for new ones.

  bool tls() const { return !ca_file.empty(); }
};

// Thread-safe. New certificates are taken up without a restart: connections that are made from then
// on use them. A token is read anew for each call.
class CoordinatorCredentials {
 public:
  // NotFound, PermissionDenied, InvalidArgument: what is wrong with which file; a certificate that
  // names another node than `node_id` is. One that has expired is only warned of.
  static absl::StatusOr<std::unique_ptr<CoordinatorCredentials>> Create(
      const CoordinatorSecurity& security, const std::string& node_id, absl::Time now);

  // For a channel. `arguments` are told what name to expect.
  std::shared_ptr<grpc::ChannelCredentials> ForChannel(grpc::ChannelArguments& arguments) const;

  // Our token, if there is one, on a call that has not started.
  void Authenticate(grpc::ClientContext& context);

 private:
  explicit CoordinatorCredentials(const CoordinatorSecurity& security);

  // Fixed after construction.
  const CoordinatorSecurity security_;
  const std::shared_ptr<grpc::ChannelCredentials> channel_credentials_;

  Mutex mutex_;
  std::string token_ ABSL_GUARDED_BY(mutex_);  // The last that could be read.
};

}  // namespace rn
