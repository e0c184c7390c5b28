// Whose the API keys are that the store knows, at the rate of requests.
//
// A key is looked up by its id, so one that nobody made costs a row that is not there and no hash.
// Its slow hash is computed once; then the key is known by a fast hash under a secret of this
// process, and believed for `recheck` before its row is read again. So what another coordinator did
// (revoked a key, suspended a tenant) is obeyed here after `recheck` at the latest, and what this
// one did at once, see Recheck().
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "coordinator/auth.h"
#include "coordinator/tenant_store.h"

namespace rn {

struct KeyRingOptions {
  absl::Duration recheck = absl::Seconds(5);
  absl::Duration verified_for = absl::Hours(1);  // Then the slow hash is computed again.
  int keys_max = 10'000;                         // Known by a fast hash; the least lately used go.
  int hashes_max = 2;                            // Slow hashes at once; each one of another key id.
};

// Thread-safe. Blocks on the store and on slow hashes.
class KeyRing {
 public:
  // The references outlive us.
  KeyRing(TenantStore& store, Clock& clock, KeyRingOptions options);

  // Unauthenticated: unknown, revoked or expired. PermissionDenied: its tenant is suspended.
  // Unavailable: the store does not answer, or too many slow hashes are being computed.
  absl::StatusOr<Principal> Verify(absl::string_view key);

  // For tenants of the configuration file, whose names alone may be given. PermissionDenied:
  // suspended. OK: active, or not in the store. Unavailable as above.
  absl::Status CheckTenant(const std::string& tenant);

  // Nothing is believed any more without reading its row again: something was changed.
  void Recheck();

  std::int64_t hashes();  // Slow ones, so far.

 private:
  struct Known {
    std::string digest;       // Fast hash of the key.
    std::string secret_hash;  // That it was verified with.
    absl::Duration verified_at;
    absl::Duration checked_at = -absl::InfiniteDuration();  // When the rest was read.
    std::int64_t generation = -1;
    bool suspended = false;
    std::optional<absl::Time> expires_at;
    Principal who;
  };
  struct KnownTenant {
    bool suspended = false;
    absl::Duration checked_at;
    std::int64_t generation = -1;
  };

  Known* Find(const std::string& digest) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Forget(const std::string& digest);
  // The key is what `secret_hash` was made of; else as Verify().
  absl::Status Prove(absl::string_view key,
                     const std::string& id,
                     const std::string& digest,
                     const std::string& secret_hash);
  absl::StatusOr<Principal> Believe(const StoredKey& row,
                                    const std::string& digest,
                                    std::int64_t generation);
  // Whether `known`, verified with `secret_hash`, needs no slow hash.
  bool Proven(const Known* known, const std::string& secret_hash) const;
  bool Fresh(absl::Duration checked_at, std::int64_t generation) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  TenantStore& store_;  // Outlives us.
  Clock& clock_;        // Outlives us.
  const KeyRingOptions options_;
  const std::string fast_key_;

  Mutex mutex_;
  CondVar hashed_;
  std::int64_t generation_ ABSL_GUARDED_BY(mutex_) = 0;
  std::int64_t hashes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, std::string> hashing_ ABSL_GUARDED_BY(mutex_);  // Digest, by key id.
  std::list<Known> known_ ABSL_GUARDED_BY(mutex_);                      // The latest used first.
  std::map<std::string, std::list<Known>::iterator> by_digest_ ABSL_GUARDED_BY(mutex_);
  // Digests of keys with a wrong secret, the latest first: each one's hash is computed once.
  std::list<std::string> wrong_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> is_wrong_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, KnownTenant> tenants_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace rn
