// Who is calling: bearer keys that belong to tenants and carry scopes.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rn {

enum class Scope { kJobsRead, kJobsWrite, kSheetsConnect, kNodesRead, kNodesWrite };

// "jobs:read", "jobs:write", "sheets:connect", "nodes:read", "nodes:write"; and back,
// InvalidArgument naming the valid ones.
std::string ScopeName(Scope scope);
absl::StatusOr<Scope> ScopeFromName(absl::string_view name);

// As configured. Only the digest is kept: a leaked configuration or core dump gives no key away.
struct ApiKey {
  std::string sha256;  // Of the key, lower-case hex.
  std::string tenant;
  // Empty: all that are about the tenant's own. "nodes:…" are about every tenant's machines and
  // must be named.
  std::vector<std::string> scopes;
};

struct Principal {
  std::string tenant;
  std::set<Scope> scopes;
};

// Immutable, hence thread-safe.
class Authenticator {
 public:
  // InvalidArgument names the key by its place in `keys`: a digest that is none, an empty tenant,
  // an unknown scope, a key given twice.
  static absl::StatusOr<Authenticator> Create(const std::vector<ApiKey>& keys);

  // `authorization` is the header's value, "Bearer KEY". Unauthenticated: none, not a bearer key,
  // or unknown. Takes as long for a wrong key as for a right one.
  absl::StatusOr<Principal> Authenticate(absl::string_view authorization) const;

 private:
  struct Entry {
    std::string sha256;
    Principal principal;
  };
  explicit Authenticator(std::vector<Entry> entries) : entries_(std::move(entries)) {}

  std::vector<Entry> entries_;
};

}  // namespace rn
