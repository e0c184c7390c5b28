// Who is calling: bearer keys that belong to tenants and carry scopes.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rn {

enum class Scope {
  kJobsRead,
  kJobsWrite,
  kSheetsConnect,
  kSheetsWrite,
  kTemplatesWrite,
  kNodesRead,
  kNodesWrite,
  kAdmin
};

// "jobs:read", "jobs:write", "sheets:connect", "sheets:write", "templates:write", "nodes:read",
// "nodes:write"; and back, InvalidArgument naming the valid ones. "nodes:…" are about every
// tenant's machines. "admin", tenants and their keys, is the operators' alone and no tenant's.
std::string ScopeName(Scope scope);
absl::StatusOr<Scope> ScopeFromName(absl::string_view name);
std::vector<std::string> ScopeNames();

// The same of what an operator's key may carry: "nodes:read", "nodes:write", "admin".
absl::StatusOr<Scope> OperatorScopeFromName(absl::string_view name);
std::vector<std::string> OperatorScopeNames();

// InvalidArgument unless `tenant` is 1 to 64 letters, digits, "-" and "_", a letter or digit first:
// it names folders.
absl::Status CheckTenantName(absl::string_view tenant);

// As configured. Only the digest is kept: a leaked configuration or core dump gives no key away.
struct ApiKey {
  std::string sha256;  // Of the key, lower-case hex.
  std::string tenant;
  std::vector<std::string> scopes;  // At least one.
};

struct Principal {
  std::string tenant;  // "": an operator.
  std::set<Scope> scopes;
  std::string name;  // For the log of changes: "acme rn_live_… (CI)". No secret is in it.

  bool has(Scope scope) const { return scopes.count(scope) > 0; }
};

// The KEY of "Bearer KEY"; nothing for anything else.
std::optional<absl::string_view> BearerKey(absl::string_view authorization);

// Immutable, hence thread-safe.
class Authenticator {
 public:
  // InvalidArgument names the key by its place in `keys`: a digest that is none, a tenant's name
  // that is none, no scope or an unknown one, a key given twice.
  static absl::StatusOr<Authenticator> Create(const std::vector<ApiKey>& keys);

  // `authorization` is the header's value, "Bearer KEY". Unauthenticated: none, not a bearer key,
  // or unknown. Takes as long for a wrong key as for a right one.
  absl::StatusOr<Principal> Authenticate(absl::string_view authorization) const;

  // Whom the keys belong to.
  std::set<std::string> tenants() const;

  // The same keys and the operators' own, of which `sha256` is the digest.
  Authenticator WithAdminKey(std::string sha256) const;

 private:
  struct Entry {
    std::string sha256;
    Principal principal;
  };
  explicit Authenticator(std::vector<Entry> entries) : entries_(std::move(entries)) {}

  std::vector<Entry> entries_;
};

}  // namespace rn
