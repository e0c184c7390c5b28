#include "coordinator/key_ring.h"

#include <openssl/rand.h>
#include <spdlog/spdlog.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/hmac.h"
#include "base/status.h"
#include "coordinator/api_key.h"

namespace rn {
namespace {

constexpr std::size_t kFastKeyBytes = 32;
constexpr std::size_t kWrongMax = 1024;
constexpr absl::Duration kUseNotedEvery = absl::Minutes(10);

std::string FastKey() {
  std::string key(kFastKeyBytes, '\0');
  CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(key.data()), kFastKeyBytes) == 1);
  return key;
}

absl::Status Unknown() {
  return absl::UnauthenticatedError("the API key is unknown, revoked or expired");
}

absl::Status Suspended() {
  return absl::PermissionDeniedError("the tenant is suspended; ask who runs this service");
}

absl::Status TooManyHashes() {
  return absl::UnavailableError("too many API keys are being verified");
}

Principal PrincipalOf(const StoredKey& row) {
  Principal who = {
      .tenant = row.tenant,
      .name = absl::StrCat(row.tenant.empty() ? "operator" : row.tenant, " ", ApiKeyName(row.id))};
  if (!row.title.empty()) {
    absl::StrAppend(&who.name, " (", row.title, ")");
  }
  for (const std::string& name : row.scopes) {
    // A newer coordinator beside us may know more of them.
    const absl::StatusOr<Scope> scope =
        row.tenant.empty() ? OperatorScopeFromName(name) : ScopeFromName(name);
    if (scope.ok()) {
      who.scopes.insert(*scope);
    }
  }
  return who;
}

}  // namespace

KeyRing::KeyRing(TenantStore& store, Clock& clock, KeyRingOptions options)
    : store_(store), clock_(clock), options_(options), fast_key_(FastKey()) {}

absl::StatusOr<Principal> KeyRing::Verify(absl::string_view key) {
  const std::optional<std::string> id = ApiKeyId(key);
  if (!id.has_value()) {
    return Unknown();
  }
  const std::string digest = HmacSha256(fast_key_, key);
  std::int64_t generation = 0;
  {
    MutexLock lock(mutex_);
    generation = generation_;
    if (is_wrong_.count(digest) > 0) {
      return Unknown();
    }
    const Known* known = Find(digest);
    if (known != nullptr && Fresh(known->checked_at, known->generation) &&
        known->expires_at.value_or(absl::InfiniteFuture()) > clock_.Now()) {
      return known->suspended ? absl::StatusOr<Principal>(Suspended()) : known->who;
    }
  }
  const absl::StatusOr<StoredKey> row = store_.GetKey(*id);
  const bool gone =
      absl::IsNotFound(row.status()) ||
      (row.ok() && (row->revoked_at.has_value() ||
                    row->expires_at.value_or(absl::InfiniteFuture()) <= clock_.Now()));
  if (gone) {
    Forget(digest);
    return Unknown();
  }
  RETURN_IF_ERROR(row.status());
  RETURN_IF_ERROR(Prove(key, *id, digest, row->secret_hash));
  return Believe(*row, digest, generation);
}

absl::Status KeyRing::Prove(absl::string_view key,
                            const std::string& id,
                            const std::string& digest,
                            const std::string& secret_hash) {
  {
    MutexLock lock(mutex_);
    while (true) {
      if (is_wrong_.count(digest) > 0) {
        return Unknown();
      }
      if (Proven(Find(digest), secret_hash)) {
        return absl::OkStatus();
      }
      const auto busy = hashing_.find(id);
      if (busy == hashing_.end()) {
        break;
      }
      if (busy->second != digest) {
        return TooManyHashes();
      }
      hashed_.Wait(mutex_);
    }
    if (static_cast<int>(hashing_.size()) >= options_.hashes_max) {
      return TooManyHashes();
    }
    hashing_[id] = digest;
    ++hashes_;
  }
  const absl::StatusOr<bool> matches = ApiKeyMatches(key, secret_hash);
  MutexLock lock(mutex_);
  hashing_.erase(id);
  hashed_.NotifyAll();
  RETURN_IF_ERROR(matches.status());
  if (!*matches) {
    if (is_wrong_.insert(digest).second) {
      wrong_.push_front(digest);
    }
    if (wrong_.size() > kWrongMax) {
      is_wrong_.erase(wrong_.back());
      wrong_.pop_back();
    }
    return Unknown();
  }
  Known* known = Find(digest);
  if (known == nullptr) {
    known_.push_front({.digest = digest});
    by_digest_[digest] = known_.begin();
    known = &known_.front();
  }
  known->secret_hash = secret_hash;
  known->verified_at = clock_.SinceBoot();
  if (static_cast<int>(known_.size()) > options_.keys_max) {
    by_digest_.erase(known_.back().digest);
    known_.pop_back();
  }
  return absl::OkStatus();
}

absl::StatusOr<Principal> KeyRing::Believe(const StoredKey& row,
                                           const std::string& digest,
                                           std::int64_t generation) {
  const absl::Time now = clock_.Now();
  if (!row.used_at.has_value() || now - *row.used_at >= kUseNotedEvery) {
    if (const absl::Status noted = store_.NoteKeyUse(row.id, now); !noted.ok()) {
      SPDLOG_WARN("use of a key not noted key={} error=\"{}\"", row.id, noted.ToString());
    }
  }
  const bool suspended = row.tenant_state == TenantState::kSuspended;
  Principal who = PrincipalOf(row);
  {
    MutexLock lock(mutex_);
    if (Known* known = Find(digest); known != nullptr) {
      known->checked_at = clock_.SinceBoot();
      known->generation = generation;
      known->suspended = suspended;
      known->expires_at = row.expires_at;
      known->who = who;
    }
  }
  if (suspended) {
    return Suspended();
  }
  return who;
}

absl::Status KeyRing::CheckTenant(const std::string& tenant) {
  std::int64_t generation = 0;
  {
    MutexLock lock(mutex_);
    generation = generation_;
    const auto known = tenants_.find(tenant);
    if (known != tenants_.end() && Fresh(known->second.checked_at, known->second.generation)) {
      return known->second.suspended ? Suspended() : absl::OkStatus();
    }
  }
  const absl::StatusOr<Tenant> row = store_.GetTenant(tenant);
  if (!row.ok() && !absl::IsNotFound(row.status())) {
    return row.status();
  }
  const bool suspended = row.ok() && row->state == TenantState::kSuspended;
  MutexLock lock(mutex_);
  tenants_[tenant] = {
      .suspended = suspended, .checked_at = clock_.SinceBoot(), .generation = generation};
  return suspended ? Suspended() : absl::OkStatus();
}

void KeyRing::Recheck() {
  MutexLock lock(mutex_);
  ++generation_;
}

std::int64_t KeyRing::hashes() {
  MutexLock lock(mutex_);
  return hashes_;
}

KeyRing::Known* KeyRing::Find(const std::string& digest) {
  const auto found = by_digest_.find(digest);
  if (found == by_digest_.end()) {
    return nullptr;
  }
  known_.splice(known_.begin(), known_, found->second);
  return &*found->second;
}

void KeyRing::Forget(const std::string& digest) {
  MutexLock lock(mutex_);
  const auto found = by_digest_.find(digest);
  if (found != by_digest_.end()) {
    known_.erase(found->second);
    by_digest_.erase(found);
  }
}

bool KeyRing::Proven(const Known* known, const std::string& secret_hash) const {
  return known != nullptr && known->secret_hash == secret_hash &&
         clock_.SinceBoot() - known->verified_at < options_.verified_for;
}

bool KeyRing::Fresh(absl::Duration checked_at, std::int64_t generation) const {
  return generation == generation_ && clock_.SinceBoot() - checked_at < options_.recheck;
}

}  // namespace rn
