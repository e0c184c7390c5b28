#include "coordinator/auth.h"

#include <openssl/crypto.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/nearest.h"
#include "base/status.h"

namespace rn {
namespace {

constexpr std::size_t kDigestChars = 64;
constexpr std::size_t kTenantCharsMax = 64;
constexpr Scope kScopes[] = {Scope::kJobsRead,
                             Scope::kJobsWrite,
                             Scope::kSheetsConnect,
                             Scope::kTemplatesWrite,
                             Scope::kNodesRead,
                             Scope::kNodesWrite};

bool IsDigest(absl::string_view text) {
  return text.size() == kDigestChars && std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f');
         });
}

absl::StatusOr<std::set<Scope>> ScopesOf(const ApiKey& key) {
  if (key.scopes.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "no scopes are given; name what the key may do: ", absl::StrJoin(ScopeNames(), ", ")));
  }
  std::set<Scope> scopes;
  for (const std::string& name : key.scopes) {
    ASSIGN_OR_RETURN(const Scope scope, ScopeFromName(name));
    scopes.insert(scope);
  }
  return scopes;
}

}  // namespace

std::string ScopeName(Scope scope) {
  switch (scope) {
    case Scope::kJobsRead:
      return "jobs:read";
    case Scope::kJobsWrite:
      return "jobs:write";
    case Scope::kSheetsConnect:
      return "sheets:connect";
    case Scope::kTemplatesWrite:
      return "templates:write";
    case Scope::kNodesRead:
      return "nodes:read";
    case Scope::kNodesWrite:
      return "nodes:write";
  }
  return "";
}

absl::StatusOr<Scope> ScopeFromName(absl::string_view name) {
  for (const Scope scope : kScopes) {
    if (ScopeName(scope) == name) {
      return scope;
    }
  }
  return absl::InvalidArgumentError(UnknownName("scope", name, ScopeNames()));
}

std::vector<std::string> ScopeNames() {
  std::vector<std::string> names;
  for (const Scope scope : kScopes) {
    names.push_back(ScopeName(scope));
  }
  return names;
}

absl::Status CheckTenantName(absl::string_view tenant) {
  const bool valid = !tenant.empty() && tenant.size() <= kTenantCharsMax &&
                     absl::ascii_isalnum(tenant.front()) &&
                     std::all_of(tenant.begin(), tenant.end(), [](char c) {
                       return absl::ascii_isalnum(c) || c == '-' || c == '_';
                     });
  return valid ? absl::OkStatus()
               : absl::InvalidArgumentError(absl::StrCat(
                     "the tenant's name must be 1 to ",
                     kTenantCharsMax,
                     " letters, digits, \"-\" and \"_\", with a letter or digit first"));
}

absl::StatusOr<Authenticator> Authenticator::Create(const std::vector<ApiKey>& keys) {
  std::vector<Entry> entries;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const std::string place = absl::StrCat("API key ", i + 1);
    if (!IsDigest(keys[i].sha256)) {
      return absl::InvalidArgumentError(
          absl::StrCat(place, ": the digest must be ", kDigestChars, " lower-case hex digits"));
    }
    RETURN_IF_ERROR(Annotate(CheckTenantName(keys[i].tenant), place));
    for (const Entry& earlier : entries) {
      if (earlier.sha256 == keys[i].sha256) {
        return absl::InvalidArgumentError(absl::StrCat(place, ": the same key was given before"));
      }
    }
    auto scopes = ScopesOf(keys[i]);
    RETURN_IF_ERROR(Annotate(scopes.status(), place));
    entries.push_back({keys[i].sha256, {keys[i].tenant, *std::move(scopes)}});
  }
  return Authenticator(std::move(entries));
}

absl::StatusOr<Principal> Authenticator::Authenticate(absl::string_view authorization) const {
  constexpr absl::string_view kBearer = "Bearer ";
  if (!absl::StartsWithIgnoreCase(authorization, kBearer)) {
    return absl::UnauthenticatedError("send the API key as \"Authorization: Bearer KEY\"");
  }
  authorization.remove_prefix(kBearer.size());
  const std::string digest = Sha256(absl::StripAsciiWhitespace(authorization));
  const Entry* found = nullptr;
  for (const Entry& entry : entries_) {  // All of them, for equal time.
    if (CRYPTO_memcmp(entry.sha256.data(), digest.data(), kDigestChars) == 0) {
      found = &entry;
    }
  }
  if (found == nullptr) {
    return absl::UnauthenticatedError("the API key is not known here");
  }
  return found->principal;
}

std::set<std::string> Authenticator::tenants() const {
  std::set<std::string> tenants;
  for (const Entry& entry : entries_) {
    tenants.insert(entry.principal.tenant);
  }
  return tenants;
}

}  // namespace rn
