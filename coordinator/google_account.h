// A service account of Google's: who it is, and what it signs to say so.
//
// Source: "Using OAuth 2.0 for Server to Server Applications", Google; RFC 7515, 7519 and 7523.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

struct evp_pkey_st;  // OpenSSL's EVP_PKEY.

namespace rn {

struct ServiceAccount {
  std::string email;   // Whom sheets are shared with.
  std::string key_id;  // Which of its keys this is.
  std::shared_ptr<evp_pkey_st> key;
};

// Of the JSON file that Google hands out for a key. PermissionDenied: others may read the file;
// InvalidArgument: it is no such file, or holds no RSA key. Messages quote nothing of the file.
absl::StatusOr<ServiceAccount> ReadServiceAccount(const std::filesystem::path& path);

// A JWT signed with RS256: that the account asks `audience` for `scope`, for an hour from `now` on.
std::string SignedAssertion(const ServiceAccount& account,
                            absl::string_view audience,
                            absl::string_view scope,
                            absl::Time now);

}  // namespace rn
