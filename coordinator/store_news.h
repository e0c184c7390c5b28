// What coordinators over one database tell each other: hints, given after a change is durable. One
// that is lost, doubled or late changes nothing but the time at which somebody looks.
#pragma once

#include <set>
#include <string>

namespace rn {

// Jobs by what happened to them.
struct StoreNews {
  std::set<std::string> changed;   // Something about them is other than it was.
  std::set<std::string> ready;     // Items may be leased that could not be before.
  std::set<std::string> canceled;  // Whoever holds items of them should know.

  bool empty() const { return changed.empty() && ready.empty() && canceled.empty(); }
  std::size_t size() const { return changed.size() + ready.size() + canceled.size(); }
  void Add(StoreNews other) {
    changed.merge(other.changed);
    ready.merge(other.ready);
    canceled.merge(other.canceled);
  }
};

}  // namespace rn
