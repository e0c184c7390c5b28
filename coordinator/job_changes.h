// What a transaction changes about jobs, kept to be written at its end, once per job and in the
// order of their ids. Every transaction that moves an item changes its job's row too: written at
// once, they would all wait for each other there, and two that take two jobs in different orders
// would wait for ever.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "coordinator/store.h"

namespace rn {

// What to add to the counts of a job.
struct CountChange {
  std::int64_t pending = 0, leased = 0, completed = 0, failed = 0, canceled = 0;

  void Add(ItemState state, std::int64_t count);
  bool operator==(const CountChange&) const = default;
};

struct JobChange {
  CountChange counts;
  std::int64_t at_ms = 0;          // When a count changed last; 0: none did.
  bool granted = false;            // It runs, if it did not.
  bool may_end = false;            // Items of it ended.
  std::optional<ItemError> error;  // Its last one.
};

using JobChanges = std::map<std::string, JobChange>;  // By job.

}  // namespace rn
