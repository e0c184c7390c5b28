// The hub of live events: whoever changes a job says so, whoever watches it is told what is new.
//
// Changed() is a hint, given after the change is durable; what is told is read from the store. So a
// hint that is lost, doubled or late changes nothing but the time: a watched job is read every
// `poll_interval` anyway. Hints may come from this process or, over a database, from another one.
//
// A watcher is told everything at least once, in docs/websocket.md's order: the job's present
// state, the videos that have ended, and what happens from then on.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "coordinator/artifact_urls.h"
#include "coordinator/job_watch.h"
#include "coordinator/store.h"
#include "coordinator/web_socket.h"

namespace rn {

struct JobEventsOptions {
  int watchers_per_tenant_max = 2048;                      // Above: ResourceExhausted.
  absl::Duration progress_interval = absl::Seconds(1);     // Between two job.progress of a job.
  absl::Duration look_interval = absl::Milliseconds(200);  // Between two reads of a job.
  absl::Duration poll_interval = absl::Seconds(15);        // Of a job that nothing is heard of.
  int videos_per_page = 100;  // Of those that ended before: the next when the client took these.
  // Whether the tenant asks too often, as its jobs say; quick, any thread.
  std::function<bool(const std::string& tenant)> rate_limited = [](const std::string&) {
    return false;
  };
  // When a job will be done, as it says itself; quick, any thread.
  std::function<std::optional<Forecast>(const std::string& job_id)> foretell =
      [](const std::string&) { return std::nullopt; };
};

// Thread-safe. Nothing but the constructor and Stop() blocks: a thread of its own reads the store.
class JobEvents {
 public:
  // The references outlive the hub. `public_url` and `urls` are what clients reach artifacts by.
  JobEvents(Store& store,
            Clock& clock,
            std::string public_url,
            ArtifactUrls urls,
            const JobEventsOptions& options);
  ~JobEvents();  // Stops.

  // The job may have changed, durably. Nearly free when nobody watches it.
  void Changed(const std::string& job_id);

  // Any job may have changed, durably.
  void AnyChanged();

  // Makes the connection of a request a watcher of the tenant's job, which exists. The hub outlives
  // the server whose connection it is. ResourceExhausted: the tenant has too many already.
  absl::StatusOr<WebSocketUpgrade> Watch(const std::string& tenant, const std::string& job_id);

  // Nobody is told anything any more. Idempotent.
  void Stop();

 private:
  using WatcherId = std::uint64_t;

  // One of the tenant's places, while it lives.
  class Seat;

  struct Watcher {
    WatcherId id = 0;
    std::weak_ptr<WebSocket> socket;
    std::shared_ptr<std::atomic<bool>> wants_drained;
    bool greeted = false;
    bool drained = true;
    // Those videos that ended before it came, up to this row, it was told; nullopt: all of them.
    std::optional<std::uint32_t> told_row = 0;
  };
  struct Watched {
    std::string tenant;
    std::optional<JobWatch> watch;
    std::vector<Watcher> watchers;
    absl::Duration looked_at = -absl::InfiniteDuration();  // SinceBoot, as:
    absl::Duration due = -absl::InfiniteDuration();
  };
  struct Newcomer {
    std::string tenant, job_id;
    Watcher watcher;
  };
  // What other threads have for the hub's.
  struct Inbox {
    std::vector<Newcomer> newcomers;
    std::set<std::pair<std::string, WatcherId>> leavers, drained;
    std::set<std::string> changed;
    bool any_changed = false;

    bool empty() const {
      return newcomers.empty() && leavers.empty() && drained.empty() && changed.empty() &&
             !any_changed;
    }
  };

  void Free(const std::string& tenant);
  WebSocketEvents Join(const std::string& tenant,
                       const std::string& job_id,
                       std::weak_ptr<WebSocket> socket,
                       std::shared_ptr<Seat> seat);

  // The hub's thread.
  void Work();
  std::optional<Inbox> NextInbox();
  void Take(Inbox inbox);
  absl::Duration FirstDue() const;
  void Look(const std::string& job_id, Watched& watched);
  absl::Status Read(const std::string& job_id, Watched& watched, std::vector<JobMessage>& news);
  absl::StatusOr<std::vector<Item>> ItemsEnded(const std::string& job_id, absl::Time since);
  void Tell(const Watcher& watcher, const std::vector<JobMessage>& news);
  void Greet(Watcher& watcher, const Watched& watched);
  void CatchUp(const std::string& job_id, Watched& watched, Watcher& watcher);
  JobMessageContext Context(const Watched& watched) const;

  // Fixed after construction.
  const JobEventsOptions options_;
  const std::string public_url_;
  const ArtifactUrls urls_;
  Store& store_;
  Clock& clock_;

  Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  WatcherId last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, int> seats_ ABSL_GUARDED_BY(mutex_);     // Taken, by tenant.
  std::map<std::string, int> watchers_ ABSL_GUARDED_BY(mutex_);  // By job.
  Inbox inbox_ ABSL_GUARDED_BY(mutex_);

  // The hub's thread's alone.
  std::map<std::string, Watched> jobs_;  // That somebody watches.
  bool store_fails_ = false;

  std::thread worker_;
};

}  // namespace rn
