// What the coordinator wrote down about leases, over all its lives, as events.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace rn {

struct LeaseEvent {
  enum class Kind { kGranted, kReleased, kLost, kCommitted, kOpened };

  Kind kind;
  absl::Time at;
  std::string item;  // "" of kOpened.
  std::uint64_t fence = 0;
  std::string node;              // "" of kCommitted.
  std::string outcome, verdict;  // Of kCommitted: "SUCCEEDED", "COMMITTED".
};

// Not thread-safe.
class CoordinatorLog {
 public:
  explicit CoordinatorLog(std::filesystem::path path) : path_(std::move(path)) {}

  // All events so far; those seen before keep their places.
  const std::vector<LeaseEvent>& Refresh();

 private:
  const std::filesystem::path path_;
  std::int64_t offset_ = 0;
  std::string rest_;  // Of a line that was not written to its end.
  std::vector<LeaseEvent> events_;
};

}  // namespace rn
