#include "coordinator/auth.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "base/file.h"
#include "base/nearest.h"
#include "base/status.h"

namespace rn {
namespace {

constexpr std::size_t kDigestChars = 64;
constexpr std::size_t kTenantCharsMax = 64;
constexpr std::size_t kShownDigestChars = 8;
constexpr Scope kScopes[] = {Scope::kJobsRead,
                             Scope::kJobsWrite,
                             Scope::kSheetsConnect,
                             Scope::kSheetsWrite,
                             Scope::kTemplatesWrite,
                             Scope::kNodesRead,
                             Scope::kNodesWrite};
constexpr Scope kOperatorScopes[] = {Scope::kNodesRead, Scope::kNodesWrite, Scope::kAdmin};

std::vector<std::string> NamesOf(absl::Span<const Scope> scopes) {
  std::vector<std::string> names;
  std::transform(scopes.begin(), scopes.end(), std::back_inserter(names), ScopeName);
  return names;
}

absl::StatusOr<Scope> FromName(absl::string_view name, absl::Span<const Scope> scopes) {
  for (const Scope scope : scopes) {
    if (ScopeName(scope) == name) {
      return scope;
    }
  }
  return absl::InvalidArgumentError(UnknownName("scope", name, NamesOf(scopes)));
}

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
    case Scope::kSheetsWrite:
      return "sheets:write";
    case Scope::kTemplatesWrite:
      return "templates:write";
    case Scope::kNodesRead:
      return "nodes:read";
    case Scope::kNodesWrite:
      return "nodes:write";
    case Scope::kAdmin:
      return "admin";
  }
  return "";
}

absl::StatusOr<Scope> ScopeFromName(absl::string_view name) {
  return FromName(name, kScopes);
}

std::vector<std::string> ScopeNames() {
  return NamesOf(kScopes);
}

absl::StatusOr<Scope> OperatorScopeFromName(absl::string_view name) {
  return FromName(name, kOperatorScopes);
}

std::vector<std::string> OperatorScopeNames() {
  return NamesOf(kOperatorScopes);
}

std::optional<absl::string_view> BearerKey(absl::string_view authorization) {
  constexpr absl::string_view kBearer = "Bearer ";
  if (!absl::StartsWithIgnoreCase(authorization, kBearer)) {
    return std::nullopt;
  }
  return absl::StripAsciiWhitespace(authorization.substr(kBearer.size()));
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
    entries.push_back({keys[i].sha256,
                       {.tenant = keys[i].tenant,
                        .scopes = *std::move(scopes),
                        .name = absl::StrCat(keys[i].tenant,
                                             " key ",
                                             keys[i].sha256.substr(0, kShownDigestChars),
                                             " of the configuration")}});
  }
  return Authenticator(std::move(entries));
}

absl::StatusOr<Principal> Authenticator::Authenticate(absl::string_view authorization) const {
  const std::optional<absl::string_view> key = BearerKey(authorization);
  if (!key.has_value()) {
    return absl::UnauthenticatedError("send the API key as \"Authorization: Bearer KEY\"");
  }
  const std::string digest = Sha256(*key);
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
    if (!entry.principal.tenant.empty()) {
      tenants.insert(entry.principal.tenant);
    }
  }
  return tenants;
}

Authenticator Authenticator::WithAdminKey(std::string sha256) const {
  std::vector<Entry> entries = entries_;
  entries.push_back({std::move(sha256),
                     {.scopes = {std::begin(kOperatorScopes), std::end(kOperatorScopes)},
                      .name = "operator admin key"}});
  return Authenticator(std::move(entries));
}

}  // namespace rn
