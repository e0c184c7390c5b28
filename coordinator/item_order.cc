#include "coordinator/item_order.h"

namespace rn {

ItemOrder::ItemOrder(const std::vector<std::string>& ids,
                     const std::map<std::string, std::string>& avoided) {
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto node = avoided.find(ids[i]);
    (node == avoided.end() ? free_ : avoiding_[node->second]).push_back(i);
  }
}

bool ItemOrder::HasFor(const std::string& node_id) const {
  return !free_.empty() || avoiding_.size() > 1 ||
         (avoiding_.size() == 1 && avoiding_.count(node_id) == 0);
}

std::size_t ItemOrder::TakeFor(const std::string& node_id) {
  std::deque<std::size_t>* first = free_.empty() ? nullptr : &free_;
  auto of = avoiding_.end();
  for (auto it = avoiding_.begin(); it != avoiding_.end(); ++it) {
    if (it->first != node_id && (first == nullptr || it->second.front() < first->front())) {
      first = &it->second;
      of = it;
    }
  }
  const std::size_t index = first->front();
  first->pop_front();
  if (first->empty() && of != avoiding_.end()) {
    avoiding_.erase(of);
  }
  return index;
}

}  // namespace rn
