// Looks after the object store beside the uploads: says whether it is usable, and removes what
// attempts put there that came to nothing.
//
// Removals outlive a crash: each is a file in `folder` until it is done.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "daemon/backoff.h"
#include "daemon/node_events.h"
#include "daemon/object_store.h"

namespace rn {

struct StoreKeeperOptions {
  std::filesystem::path folder;  // Of removals that are due.
  absl::Duration probe_interval = absl::Seconds(30);
  // After a probe or a removal that failed.
  BackoffLimits retry{.min = absl::Milliseconds(500), .max = absl::Seconds(15)};
  std::int64_t removals_max = 10000;  // That wait: above, what is superseded stays in the store.
};

// Thread-safe.
class StoreKeeper {
 public:
  // Begins at once: the first StoreChecked says how the first probe went. `post` may block; it must
  // not call back into us. `store` and `clock` outlive us.
  static absl::StatusOr<std::unique_ptr<StoreKeeper>> Create(StoreKeeperOptions options,
                                                             ObjectStore& store,
                                                             Clock& clock,
                                                             RandomSource random,
                                                             std::function<void(Event)> post);
  // Stops what runs; removals not done are done after the next start.
  ~StoreKeeper();

  // Returns at once. Tried again until the store did it or refused it for good, which is logged.
  void Do(RemoveAttempt command);

 private:
  struct Impl;
  explicit StoreKeeper(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace rn
