// Our own certificates, looked at before a TLS library gets them: what is wrong has a name then.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace rn {

struct CertificateFacts {
  std::vector<std::string> uris, dns_names;  // Subject alternative names.
  absl::Time not_before, not_after;
};

// Of the first certificate in a PEM file. InvalidArgument: there is none.
absl::StatusOr<CertificateFacts> ReadCertificate(const std::filesystem::path& path);

// InvalidArgument: no PEM private key, or another certificate's.
absl::Status CheckKeyOfCertificate(const std::filesystem::path& key_path,
                                   const std::filesystem::path& certificate_path);

// How a certificate names a node: as a URI among its subject alternative names.
std::string NodeUri(absl::string_view node_id);

// The node that the URIs name. InvalidArgument: none of them names a node, or several do.
absl::StatusOr<std::string> NodeOfUris(const std::vector<std::string>& uris);

}  // namespace rn
