// Commands about leases, done by threads of their own, each of which Discard can stop.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "base/bounded_queue.h"
#include "base/mutex.h"
#include "daemon/node_events.h"

namespace rn {

// Thread-safe. `Command` has a `lease`.
template <typename Command>
class LeaseTasks {
 public:
  // `run` is called from `threads` threads at once.
  using Run = std::function<void(const Command& command, std::stop_token stop)>;

  LeaseTasks(std::int64_t threads, Run run) : run_(std::move(run)) {
    for (std::int64_t i = 0; i < threads; ++i) {
      threads_.emplace_back([this] { Work(); });
    }
  }
  // Stops what runs and waits for it; what waits is dropped.
  ~LeaseTasks() {
    {
      MutexLock lock(mutex_);
      closing_ = true;
    }
    queue_.Close();
    Stop([](const LeaseKey&) { return true; });
    for (std::thread& thread : threads_) {
      thread.join();
    }
  }

  // Returns at once: the Node has no more of them outstanding than there are threads.
  void Do(Command command) {
    Task task{std::move(command), {}};
    {
      MutexLock lock(mutex_);
      stops_.emplace(LeaseKey::Of(task.command.lease.ref()), task.stop);
    }
    queue_.Push(std::move(task));
  }

  // Also one that waits still: it then runs with its stop requested.
  void Discard(const LeaseKey& key) {
    Stop([&](const LeaseKey& other) { return other == key; });
  }

 private:
  static constexpr std::size_t kWaitingMax = 1024;

  struct Task {
    Command command;
    std::stop_source stop;
  };

  void Work() {
    while (const std::optional<Task> task = queue_.Pop()) {
      if (!closing()) {
        run_(task->command, task->stop.get_token());
      }
      MutexLock lock(mutex_);
      std::erase_if(stops_, [&](const auto& entry) { return entry.second == task->stop; });
    }
  }

  // Callbacks of a stop may lock what they like: they run without our lock.
  template <typename Matches>
  void Stop(Matches matches) {
    std::vector<std::stop_source> stops;
    {
      MutexLock lock(mutex_);
      for (const auto& [key, stop] : stops_) {
        if (matches(key)) {
          stops.push_back(stop);
        }
      }
    }
    for (std::stop_source& stop : stops) {
      stop.request_stop();
    }
  }

  bool closing() const {
    MutexLock lock(mutex_);
    return closing_;
  }

  const Run run_;
  BoundedQueue<Task> queue_{kWaitingMax};

  mutable Mutex mutex_;
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;
  std::multimap<LeaseKey, std::stop_source> stops_ ABSL_GUARDED_BY(mutex_);

  std::vector<std::thread> threads_;  // Last: they use all of the above.
};

}  // namespace rn
