#include "coordinator/scheduler.h"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <tuple>

#include "coordinator/item_order.h"

namespace rn {
namespace {

// An asker as the schedule fills it.
struct Place {
  const Asker* asker;
  std::int64_t room;
  std::vector<std::string> item_ids;
};

// A job and those who may take its items, those who know it apart from those who do not. Each queue
// goes round, so that one node does not fill up while its neighbour idles.
class Queue {
 public:
  Queue(const WaitingJob& job, const std::vector<Place*>& by_room)
      : job_(job), items_(job.items, job.avoided), under_way_(job.leased) {
    for (Place* place : by_room) {
      if (job.refused_nodes.count(place->asker->node_id) == 0) {
        const bool knows = place->asker->spec_digests.count(job.spec_digest) > 0;
        (knows ? acquainted_ : strangers_).push_back(place);
      }
    }
  }

  // What goes first compares less; nothing when nobody can take an item or none is left.
  using Rank = std::tuple<std::int64_t, absl::Time, std::string>;
  std::optional<Rank> NextRank() {
    SkipUseless(acquainted_);
    SkipUseless(strangers_);
    if (acquainted_.empty() && strangers_.empty()) {
      return std::nullopt;
    }
    const std::int64_t handicap = acquainted_.empty() ? kAffinityItems : 0;
    return Rank(under_way_ + handicap, job_.created_at, job_.job_id);
  }

  // After NextRank() said that there is something to give.
  void GiveOne() {
    std::deque<Place*>& places = acquainted_.empty() ? strangers_ : acquainted_;
    Place* place = places.front();
    places.pop_front();
    places.push_back(place);
    place->item_ids.push_back(job_.items[items_.TakeFor(place->asker->node_id)]);
    --place->room;
    ++under_way_;
  }

 private:
  // Who has no room now or finds no item now never will.
  void SkipUseless(std::deque<Place*>& places) const {
    while (!places.empty() &&
           (places.front()->room <= 0 || !items_.HasFor(places.front()->asker->node_id))) {
      places.pop_front();
    }
  }

  const WaitingJob& job_;
  ItemOrder items_;
  std::int64_t under_way_;
  std::deque<Place*> acquainted_, strangers_;
};

void ServePriority(std::vector<Queue> queues) {
  while (true) {
    Queue* best = nullptr;
    std::optional<Queue::Rank> best_rank;
    for (Queue& queue : queues) {
      const std::optional<Queue::Rank> rank = queue.NextRank();
      if (rank.has_value() && (best == nullptr || *rank < *best_rank)) {
        best = &queue;
        best_rank = rank;
      }
    }
    if (best == nullptr) {
      return;
    }
    best->GiveOne();
  }
}

}  // namespace

std::vector<Assignment> Schedule(const std::vector<WaitingJob>& jobs,
                                 const std::vector<Asker>& askers) {
  std::vector<Place> places;
  places.reserve(askers.size());
  for (const Asker& asker : askers) {
    places.push_back({.asker = &asker, .room = asker.want, .item_ids = {}});
  }
  std::vector<Place*> by_room;
  for (Place& place : places) {
    by_room.push_back(&place);
  }
  // The idlest node first: it starts at once what a busy one would only keep.
  std::stable_sort(by_room.begin(), by_room.end(), [](const Place* a, const Place* b) {
    return a->room > b->room;
  });
  std::map<JobPriority, std::vector<const WaitingJob*>, std::greater<>> by_priority;
  for (const WaitingJob& job : jobs) {
    by_priority[job.priority].push_back(&job);
  }
  for (const auto& [priority, equals] : by_priority) {
    std::vector<Queue> queues;
    for (const WaitingJob* job : equals) {
      queues.emplace_back(*job, by_room);
    }
    ServePriority(std::move(queues));
  }
  std::vector<Assignment> assignments;
  for (Place& place : places) {
    if (!place.item_ids.empty()) {
      assignments.push_back(
          {place.asker->session, place.asker->node_id, std::move(place.item_ids)});
    }
  }
  return assignments;
}

}  // namespace rn
