#include "daemon/store_keeper.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <deque>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/mutex.h"
#include "base/pause.h"
#include "base/status.h"

namespace rn {
namespace {
namespace fs = std::filesystem;

constexpr std::int64_t kPrefixBytesMax = 4096;

// Asked again, the store would say the same.
bool IsFinal(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsNotFound(status) ||
         absl::IsPermissionDenied(status) || absl::IsFailedPrecondition(status) ||
         absl::IsUnimplemented(status);
}

}  // namespace

struct StoreKeeper::Impl {
  Impl(StoreKeeperOptions given,
       ObjectStore& store,
       Clock& clock,
       RandomSource random,
       std::function<void(Event)> post)
      : options(std::move(given)),
        store(store),
        clock(clock),
        post(std::move(post)),
        random(std::move(random)) {}

  absl::Status ReadNotes();
  void Start();
  void ProbeForEver(const std::stop_token& stop);
  void RemoveForEver(const std::stop_token& stop);
  // Waits until something is due or `stop`; what arrived meanwhile is noted, and due.
  void TakeArrived(const std::stop_token& stop);
  // False: to be tried again.
  bool Remove(const std::string& prefix, const std::stop_token& stop);
  void Note(const std::string& prefix) const;
  fs::path NoteOf(const std::string& prefix) const { return options.folder / Sha256(prefix); }
  absl::Duration Delay(Backoff& backoff) {
    MutexLock lock(mutex);
    return backoff.Next(options.retry, random);
  }

  const StoreKeeperOptions options;
  ObjectStore& store;  // Outlives us.
  Clock& clock;        // Outlives us.
  const std::function<void(Event)> post;

  Mutex mutex;
  CondVar changed;
  RandomSource random ABSL_GUARDED_BY(mutex);
  std::vector<std::string> arrived ABSL_GUARDED_BY(mutex);
  std::int64_t waiting ABSL_GUARDED_BY(mutex) = 0;  // Arrived or due.

  std::deque<std::string> due;  // The remover's: each has its file.

  std::jthread prober;  // Last: they use all of the above.
  std::jthread remover;
};

absl::Status StoreKeeper::Impl::ReadNotes() {
  RETURN_IF_ERROR(CreateDirectories(options.folder));
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(options.folder, failed)) {
    absl::StatusOr<std::string> prefix = ReadFile(entry.path(), kPrefixBytesMax);
    if (prefix.ok() && entry.path() == NoteOf(*prefix)) {
      due.push_back(*std::move(prefix));
    } else {
      fs::remove(entry.path(), failed);  // Half a file of a crash.
    }
  }
  MutexLock lock(mutex);
  waiting = static_cast<std::int64_t>(due.size());
  return failed ? ErrnoStatus(failed.value(), options.folder.string()) : absl::OkStatus();
}

void StoreKeeper::Impl::Start() {
  prober = std::jthread([this](const std::stop_token& stop) { ProbeForEver(stop); });
  remover = std::jthread([this](const std::stop_token& stop) { RemoveForEver(stop); });
}

void StoreKeeper::Impl::ProbeForEver(const std::stop_token& stop) {
  Backoff backoff;
  while (!stop.stop_requested()) {
    absl::Status status = store.Probe(stop);
    if (stop.stop_requested()) {
      return;
    }
    absl::Duration pause = options.probe_interval;
    if (status.ok()) {
      backoff.Reset();
    } else {
      pause = std::min(pause, Delay(backoff));
    }
    post(StoreChecked{std::move(status)});
    Pause(clock, pause, stop);
  }
}

void StoreKeeper::Impl::RemoveForEver(const std::stop_token& stop) {
  Backoff backoff;
  while (true) {
    TakeArrived(stop);
    if (stop.stop_requested()) {
      return;
    }
    std::string prefix = std::move(due.front());
    due.pop_front();
    if (Remove(prefix, stop)) {
      backoff.Reset();
      MutexLock lock(mutex);
      --waiting;
      continue;
    }
    due.push_back(std::move(prefix));
    Pause(clock, Delay(backoff), stop);
  }
}

void StoreKeeper::Impl::TakeArrived(const std::stop_token& stop) {
  std::vector<std::string> taken;
  {
    const std::stop_callback wake(stop, [this] {
      MutexLock lock(mutex);
      changed.NotifyAll();
    });
    MutexLock lock(mutex);
    while (arrived.empty() && due.empty() && !stop.stop_requested()) {
      changed.Wait(mutex);
    }
    taken = std::exchange(arrived, {});
  }
  for (std::string& prefix : taken) {
    Note(prefix);
    due.push_back(std::move(prefix));
  }
}

bool StoreKeeper::Impl::Remove(const std::string& prefix, const std::stop_token& stop) {
  const absl::Status status = store.Remove(prefix, stop);
  if (status.ok()) {
    SPDLOG_INFO("attempt removed prefix={}", prefix);
  } else if (IsFinal(status)) {
    SPDLOG_WARN("attempt not removed prefix={} error=\"{}\"", prefix, status.ToString());
  } else {
    if (!stop.stop_requested()) {
      SPDLOG_INFO("attempt not removed yet prefix={} error=\"{}\"", prefix, status.ToString());
    }
    return false;
  }
  std::error_code ignored;  // Done twice after a crash, it finds nothing.
  fs::remove(NoteOf(prefix), ignored);
  return true;
}

// Without its file it is still done, unless we crash.
void StoreKeeper::Impl::Note(const std::string& prefix) const {
  const absl::Status status = WriteFileDurably(NoteOf(prefix), prefix);
  if (!status.ok()) {
    SPDLOG_WARN("removal not noted prefix={} error=\"{}\"", prefix, status.ToString());
  }
}

StoreKeeper::StoreKeeper(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

absl::StatusOr<std::unique_ptr<StoreKeeper>> StoreKeeper::Create(StoreKeeperOptions options,
                                                                 ObjectStore& store,
                                                                 Clock& clock,
                                                                 RandomSource random,
                                                                 std::function<void(Event)> post) {
  auto impl =
      std::make_unique<Impl>(std::move(options), store, clock, std::move(random), std::move(post));
  RETURN_IF_ERROR(impl->ReadNotes());
  impl->Start();
  return std::unique_ptr<StoreKeeper>(new StoreKeeper(std::move(impl)));
}

// Both are told before either is waited for.
StoreKeeper::~StoreKeeper() {
  impl_->prober.request_stop();
  impl_->remover.request_stop();
}

void StoreKeeper::Do(RemoveAttempt command) {
  {
    MutexLock lock(impl_->mutex);
    if (impl_->waiting < impl_->options.removals_max) {
      ++impl_->waiting;
      impl_->arrived.push_back(std::move(command.prefix));
      impl_->changed.NotifyAll();
      return;
    }
  }
  SPDLOG_WARN("attempt not removed prefix={} error=\"{} removals are waiting already\"",
              command.prefix,
              impl_->options.removals_max);
}

}  // namespace rn
