// The order in which a job's waiting items are given out.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <string>
#include <vector>

namespace rn {

// The first come first; an item that avoids a node is passed over for that node alone. Items are
// known by where they stand in `ids`, which is not kept.
class ItemOrder {
 public:
  ItemOrder() = default;  // Of nothing.
  // `avoided`: by item, the node that must not get it.
  ItemOrder(const std::vector<std::string>& ids, const std::map<std::string, std::string>& avoided);

  bool empty() const { return free_.empty() && avoiding_.empty(); }
  bool HasFor(const std::string& node_id) const;
  // The first that the node may have. Precondition: HasFor(node_id).
  std::size_t TakeFor(const std::string& node_id);

 private:
  std::deque<std::size_t> free_;
  std::map<std::string, std::deque<std::size_t>> avoiding_;  // By node. None is empty.
};

}  // namespace rn
