#include "coordinator/job_events.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace rn {
namespace {

// After the store failed to answer.
constexpr absl::Duration kStoreRetry = absl::Seconds(1);
constexpr absl::Duration kIdle = absl::Minutes(10);  // Nobody watches anything.

}  // namespace

class JobEvents::Seat {
 public:
  Seat(JobEvents& hub, std::string tenant) : hub_(hub), tenant_(std::move(tenant)) {}
  ~Seat() { hub_.Free(tenant_); }
  Seat(const Seat&) = delete;

 private:
  JobEvents& hub_;
  const std::string tenant_;
};

JobEvents::JobEvents(Store& store,
                     Clock& clock,
                     std::string public_url,
                     ArtifactUrls urls,
                     const JobEventsOptions& options)
    : options_(options),
      public_url_(std::move(public_url)),
      urls_(std::move(urls)),
      store_(store),
      clock_(clock),
      worker_([this] { Work(); }) {}

JobEvents::~JobEvents() {
  Stop();
}

void JobEvents::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  if (worker_.joinable()) {
    worker_.join();
  }
}

void JobEvents::Changed(const std::string& job_id) {
  MutexLock lock(mutex_);
  if (watchers_.count(job_id) > 0 && inbox_.changed.insert(job_id).second) {
    changed_.NotifyAll();
  }
}

void JobEvents::AnyChanged() {
  MutexLock lock(mutex_);
  inbox_.any_changed = true;
  changed_.NotifyAll();
}

// ---------------------------------------------------------------- watchers come and go

absl::StatusOr<WebSocketUpgrade> JobEvents::Watch(const std::string& tenant,
                                                  const std::string& job_id) {
  {
    MutexLock lock(mutex_);
    int& taken = seats_[tenant];
    if (taken >= options_.watchers_per_tenant_max) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "there are ", taken, " WebSockets of this tenant already, which is the most allowed"));
    }
    ++taken;
  }
  return WebSocketUpgrade{
      .on_open = [this, tenant, job_id, seat = std::make_shared<Seat>(*this, tenant)](
                     std::weak_ptr<WebSocket> socket) {
        return Join(tenant, job_id, std::move(socket), seat);
      }};
}

void JobEvents::Free(const std::string& tenant) {
  MutexLock lock(mutex_);
  if (const auto taken = seats_.find(tenant); --taken->second == 0) {
    seats_.erase(taken);
  }
}

WebSocketEvents JobEvents::Join(const std::string& tenant,
                                const std::string& job_id,
                                std::weak_ptr<WebSocket> socket,
                                std::shared_ptr<Seat> seat) {
  Watcher watcher{.socket = std::move(socket),
                  .wants_drained = std::make_shared<std::atomic<bool>>(true)};
  const auto wants_drained = watcher.wants_drained;
  WatcherId id = 0;
  {
    MutexLock lock(mutex_);
    id = watcher.id = ++last_id_;
    ++watchers_[job_id];
    inbox_.newcomers.push_back({tenant, job_id, std::move(watcher)});
    changed_.NotifyAll();
  }
  return {.on_drained =
              [this, wants_drained, job_id, id] {
                if (wants_drained->load()) {
                  MutexLock lock(mutex_);
                  inbox_.drained.emplace(job_id, id);
                  changed_.NotifyAll();
                }
              },
          .on_end =
              [this, job_id, id, seat = std::move(seat)] {
                MutexLock lock(mutex_);
                if (const auto count = watchers_.find(job_id); --count->second == 0) {
                  watchers_.erase(count);
                }
                inbox_.leavers.emplace(job_id, id);
                changed_.NotifyAll();
              }};
}

// ---------------------------------------------------------------- the hub's thread

void JobEvents::Work() {
  while (std::optional<Inbox> inbox = NextInbox()) {
    Take(*std::move(inbox));
    for (auto& [job_id, watched] : jobs_) {
      if (watched.due <= clock_.SinceBoot()) {
        Look(job_id, watched);
      }
      for (Watcher& watcher : watched.watchers) {
        CatchUp(job_id, watched, watcher);
      }
    }
  }
}

// Returns when there is something to do; nullopt: to stop.
std::optional<JobEvents::Inbox> JobEvents::NextInbox() {
  MutexLock lock(mutex_);
  while (!stopping_ && inbox_.empty()) {
    const absl::Duration wait = FirstDue() - clock_.SinceBoot();
    if (wait <= absl::ZeroDuration()) {
      break;
    }
    changed_.WaitFor(mutex_, std::min(wait, kIdle));
  }
  if (stopping_) {
    return std::nullopt;
  }
  return std::exchange(inbox_, {});
}

absl::Duration JobEvents::FirstDue() const {
  absl::Duration first = absl::InfiniteDuration();
  for (const auto& [_, watched] : jobs_) {
    first = std::min(first, watched.due);
  }
  return first;
}

void JobEvents::Take(Inbox inbox) {
  for (Newcomer& newcomer : inbox.newcomers) {
    Watched& watched = jobs_[newcomer.job_id];
    watched.tenant = newcomer.tenant;
    watched.watchers.push_back(std::move(newcomer.watcher));
    watched.due = -absl::InfiniteDuration();
  }
  for (const auto& [job_id, id] : inbox.drained) {
    if (const auto watched = jobs_.find(job_id); watched != jobs_.end()) {
      for (Watcher& watcher : watched->second.watchers) {
        watcher.drained |= watcher.id == id;
      }
    }
  }
  for (const auto& [job_id, id] : inbox.leavers) {
    const auto watched = jobs_.find(job_id);
    if (watched == jobs_.end()) {
      continue;
    }
    std::erase_if(watched->second.watchers,
                  [left = id](const Watcher& watcher) { return watcher.id == left; });
    if (watched->second.watchers.empty()) {
      jobs_.erase(watched);
    }
  }
  if (inbox.any_changed) {
    for (const auto& [job_id, _] : jobs_) {
      inbox.changed.insert(job_id);
    }
  }
  for (const std::string& job_id : inbox.changed) {
    if (const auto watched = jobs_.find(job_id); watched != jobs_.end()) {
      watched->second.due =
          std::min(watched->second.due, watched->second.looked_at + options_.look_interval);
    }
  }
}

void JobEvents::Look(const std::string& job_id, Watched& watched) {
  const absl::Duration now = clock_.SinceBoot();
  watched.looked_at = now;
  watched.due = now + options_.poll_interval;
  std::vector<JobMessage> news;
  const absl::Status read = Read(job_id, watched, news);
  if (!read.ok()) {
    watched.due = now + kStoreRetry;
    if (!std::exchange(store_fails_, true)) {
      SPDLOG_WARN("watchers are told nothing job={} error=\"{}\"", job_id, read.ToString());
    }
    return;
  }
  store_fails_ = false;
  for (Watcher& watcher : watched.watchers) {
    if (watcher.greeted) {
      Tell(watcher, news);
    } else {
      Greet(watcher, watched);
    }
  }
  watched.due = std::min(watched.due, watched.watch->progress_due().value_or(watched.due));
}

// The job before its items: an end that we see, all of its items show.
absl::Status JobEvents::Read(const std::string& job_id,
                             Watched& watched,
                             std::vector<JobMessage>& news) {
  ASSIGN_OR_RETURN(const Job job, store_.GetJob(watched.tenant, job_id));
  if (!watched.watch.has_value()) {
    ASSIGN_OR_RETURN(const std::vector<Item> ended,
                     ItemsEnded(job_id, job.updated_at - JobWatch::kOverlap));
    watched.watch.emplace(
        job, ended, options_.progress_interval, Context(watched), clock_.SinceBoot());
    return absl::OkStatus();
  }
  std::vector<Item> ended;
  if (watched.watch->Differs(job)) {
    ASSIGN_OR_RETURN(ended, ItemsEnded(job_id, watched.watch->ended_since()));
  }
  news = watched.watch->Update(job, ended, Context(watched), clock_.SinceBoot());
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Item>> JobEvents::ItemsEnded(const std::string& job_id,
                                                        absl::Time since) {
  std::vector<Item> all;
  while (true) {
    ASSIGN_OR_RETURN(std::vector<Item> page,
                     store_.ListItems({.job_id = job_id,
                                       .ended_since = since,
                                       .after_row = all.empty() ? 0 : all.back().row,
                                       .limit = options_.videos_per_page}));
    const bool last = page.size() < static_cast<std::size_t>(options_.videos_per_page);
    std::move(page.begin(), page.end(), std::back_inserter(all));
    if (last) {
      return all;
    }
  }
}

// Who has not been told yet of everything that ended before it came, is told of later ends in its
// turn.
void JobEvents::Tell(const Watcher& watcher, const std::vector<JobMessage>& news) {
  const std::shared_ptr<WebSocket> socket = news.empty() ? nullptr : watcher.socket.lock();
  if (socket == nullptr) {
    return;
  }
  for (const JobMessage& message : news) {
    const bool later =
        watcher.told_row.has_value() &&
        (message.about == JobMessage::About::kEnd ||
         (message.about == JobMessage::About::kVideo && message.row > *watcher.told_row));
    if (!later) {
      socket->Send(message.text);
    }
  }
}

void JobEvents::Greet(Watcher& watcher, const Watched& watched) {
  watcher.greeted = true;
  if (const std::shared_ptr<WebSocket> socket = watcher.socket.lock()) {
    for (JobMessage& message : PresentState(watched.watch->job(), Context(watched))) {
      socket->Send(std::move(message.text));
    }
  }
}

// The next of the videos that ended before, when the client has taken those sent already.
void JobEvents::CatchUp(const std::string& job_id, Watched& watched, Watcher& watcher) {
  if (!watcher.greeted || !watcher.told_row.has_value() || !watcher.drained) {
    return;
  }
  const std::shared_ptr<WebSocket> socket = watcher.socket.lock();
  if (socket == nullptr) {
    return;
  }
  const auto items = store_.ListItems({.job_id = job_id,
                                       .ended_since = absl::UnixEpoch(),
                                       .after_row = *watcher.told_row,
                                       .limit = options_.videos_per_page});
  if (!items.ok()) {
    watched.due = std::min(watched.due, clock_.SinceBoot() + kStoreRetry);
    return;
  }
  const JobMessageContext context = Context(watched);
  watcher.drained = false;
  for (const Item& item : *items) {
    if (std::optional<JobMessage> message = VideoMessage(item, context)) {
      socket->Send(std::move(message->text));
    }
  }
  if (items->size() == static_cast<std::size_t>(options_.videos_per_page)) {
    watcher.told_row = items->back().row;
    return;
  }
  watcher.told_row.reset();
  watcher.wants_drained->store(false);
  if (std::optional<JobMessage> end = EndMessage(watched.watch->job(), context)) {
    socket->Send(std::move(end->text));
  }
}

JobMessageContext JobEvents::Context(const Watched& watched) const {
  return {.public_url = public_url_,
          .urls = urls_,
          .now = clock_.Now(),
          .rate_limited = options_.rate_limited(watched.tenant),
          .forecast = watched.watch.has_value() ? options_.foretell(watched.watch->job().id)
                                                : std::nullopt};
}

}  // namespace rn
