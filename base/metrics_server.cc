#include "base/metrics_server.h"

#include <prometheus/collectable.h>
#include <prometheus/exposer.h>

#include <exception>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/local_address.h"
#include "base/status.h"

namespace rn {

absl::Status CheckMetricsAddress(const std::string& address) {
  if (absl::StartsWith(address, "unix:") || !CheckLocalAddress(address, PortZero::kAllowed).ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"",
                     address,
                     "\" is not a loopback address with a port, as \"127.0.0.1:9464\": metrics are "
                     "served without encryption"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<MetricsServer>> MetricsServer::Listen(
    const std::string& address,
    const std::vector<std::shared_ptr<prometheus::Collectable>>& sources) {
  RETURN_IF_ERROR(CheckMetricsAddress(address));
  // CivetServer resolves no names.
  const std::string numeric = absl::StartsWith(address, "localhost:")
                                  ? absl::StrCat("127.0.0.1", address.substr(address.rfind(':')))
                                  : address;
  std::unique_ptr<prometheus::Exposer> exposer;
  try {
    exposer = std::make_unique<prometheus::Exposer>(numeric, /*num_threads=*/1);
  } catch (const std::exception& error) {
    return absl::UnavailableError(
        absl::StrCat("cannot serve metrics on ", address, ": ", error.what()));
  }
  for (const auto& source : sources) {
    exposer->RegisterCollectable(source);
  }
  return std::unique_ptr<MetricsServer>(new MetricsServer(std::move(exposer), sources));
}

MetricsServer::MetricsServer(std::unique_ptr<prometheus::Exposer> exposer,
                             std::vector<std::shared_ptr<prometheus::Collectable>> sources)
    : sources_(std::move(sources)), exposer_(std::move(exposer)) {}

MetricsServer::~MetricsServer() = default;

int MetricsServer::port() const {
  return exposer_->GetListeningPorts().front();
}

}  // namespace rn
