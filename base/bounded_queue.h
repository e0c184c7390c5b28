// A queue between threads whose bound has a name at every construction site.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

#include "absl/time/time.h"
#include "base/mutex.h"

namespace rn {

// Thread-safe. Close() wakes everyone: pushes then fail at once, pops drain what is left.
template <typename T>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::size_t capacity) : capacity_(capacity) {}

  // Blocks while full. False when the queue is closed; `item` is then dropped.
  bool Push(T item) {
    MutexLock lock(mutex_);
    while (items_.size() >= capacity_ && !closed_) {
      changed_.Wait(mutex_);
    }
    if (closed_) {
      return false;
    }
    items_.push_back(std::move(item));
    changed_.NotifyAll();
    return true;
  }

  // Never blocks. False when full or closed.
  bool TryPush(T item) {
    MutexLock lock(mutex_);
    if (closed_ || items_.size() >= capacity_) {
      return false;
    }
    items_.push_back(std::move(item));
    changed_.NotifyAll();
    return true;
  }

  // Blocks while empty. Nothing when closed and drained.
  std::optional<T> Pop() { return PopFor(absl::InfiniteDuration()); }

  // As Pop, but nothing also once `timeout` passed: see closed() to tell the two apart.
  std::optional<T> PopFor(absl::Duration timeout) {
    MutexLock lock(mutex_);
    while (items_.empty() && !closed_) {
      if (timeout == absl::InfiniteDuration()) {
        changed_.Wait(mutex_);
      } else if (!changed_.WaitFor(mutex_, timeout) && items_.empty()) {
        return std::nullopt;
      }
    }
    if (items_.empty()) {
      return std::nullopt;
    }
    T item = std::move(items_.front());
    items_.pop_front();
    changed_.NotifyAll();
    return item;
  }

  void Close() {
    MutexLock lock(mutex_);
    closed_ = true;
    changed_.NotifyAll();
  }

  bool closed() const {
    MutexLock lock(mutex_);
    return closed_;
  }

  std::size_t size() const {
    MutexLock lock(mutex_);
    return items_.size();
  }

 private:
  const std::size_t capacity_;
  mutable Mutex mutex_;
  CondVar changed_;
  std::deque<T> items_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace rn
