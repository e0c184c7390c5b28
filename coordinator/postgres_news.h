// Coordinators over one PostgreSQL database hear what the others changed, by LISTEN and NOTIFY.
//
// A notification may be lost: with the process that should have sent it, or while a listener's
// connection was down. So whoever hears is also told when it may have missed something, and then
// looks at everything; and whoever watches a job or waits for work looks at times anyway.
//
// Payload, on channel "rendernode": "<coordinator> <what><job> <what><job> …", <what> being "j"
// (changed), "r" (ready) or "x" (canceled); or "<coordinator> *": too much to be told one by one.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/file.h"
#include "base/mutex.h"
#include "coordinator/postgres_options.h"
#include "coordinator/store_news.h"

namespace rn {

// Thread-safe. One thread and one connection of its own; that is made anew when it is lost.
class PostgresNews {
 public:
  // Never waits for the database.
  explicit PostgresNews(const PostgresOptions& options);
  ~PostgresNews();  // Stops.

  // To the others, soon. Never blocks.
  void Tell(StoreNews news);

  // What others tell from now on, on our thread. `on_gap`: anything may have changed meanwhile; it
  // is called first of all. At most once.
  void Hear(std::function<void(const StoreNews&)> on_news, std::function<void()> on_gap);

  // Idempotent.
  void Stop();

 private:
  class Link;

  void Work();
  // What came of one stay with one connection: why it ended.
  absl::Status Serve(Link& link);
  absl::Status SendPending(Link& link);
  void Deliver(absl::string_view payload);
  void Wake() const;

  // Fixed after construction.
  const PostgresOptions options_;
  const std::string own_name_;
  UniqueFd wake_;  // An eventfd.

  Mutex mutex_;
  CondVar stopped_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool too_much_ ABSL_GUARDED_BY(mutex_) = false;  // Instead of what `pending_` does not hold.
  StoreNews pending_ ABSL_GUARDED_BY(mutex_);
  std::function<void(const StoreNews&)> on_news_ ABSL_GUARDED_BY(mutex_);
  std::function<void()> on_gap_ ABSL_GUARDED_BY(mutex_);
  bool gap_due_ ABSL_GUARDED_BY(mutex_) = false;

  std::thread worker_;
};

}  // namespace rn
