#include "coordinator/postgres_news.h"

#include <libpq-fe.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/clock.h"
#include "base/status.h"
#include "base/ulid.h"

namespace rn {
namespace {

constexpr std::size_t kPayloadMax = 7'900;  // PostgreSQL's limit is 8,000 bytes.
constexpr std::size_t kPendingMax = 10'000;
// Those who change something many times a second are told of once.
constexpr absl::Duration kTellInterval = absl::Milliseconds(20);
constexpr char kEverything[] = "*";

void IgnoreNotice(void* /*unused*/, const PGresult* /*notice*/) {}

// "j<job>" and so on, joined to as few payloads as they fit into.
std::vector<std::string> Payloads(const std::string& own_name, const StoreNews& news) {
  std::vector<std::string> payloads;
  const auto add = [&](char what, const std::set<std::string>& jobs) {
    for (const std::string& job : jobs) {
      if (payloads.empty() || payloads.back().size() + job.size() + 2 > kPayloadMax) {
        payloads.push_back(own_name);
      }
      payloads.back() += std::string(" ") + what + job;
    }
  };
  add('x', news.canceled);
  add('r', news.ready);
  add('j', news.changed);
  return payloads;
}

}  // namespace

// A connection that listens.
class PostgresNews::Link {
 public:
  explicit Link(const PostgresOptions& options)
      : connection_(PQconnectdb(PostgresConninfo(options).c_str())) {}
  ~Link() { PQfinish(connection_); }
  Link(const Link&) = delete;

  absl::Status Listen() {
    if (PQstatus(connection_) != CONNECTION_OK) {
      return Failure();
    }
    PQsetNoticeReceiver(connection_, &IgnoreNotice, nullptr);
    // A notification on its own makes nothing durable.
    return Run("SET synchronous_commit = off; LISTEN rendernode");
  }

  absl::Status Notify(const std::string& payload) {
    const char* values[] = {payload.c_str()};
    return Check(PQexecParams(connection_,
                              "SELECT pg_notify('rendernode', $1)",
                              1,
                              nullptr,
                              values,
                              nullptr,
                              nullptr,
                              0));
  }

  int socket() const { return PQsocket(connection_); }

  // The payloads that have come.
  absl::StatusOr<std::vector<std::string>> Take() {
    if (PQconsumeInput(connection_) != 1) {
      return Failure();
    }
    std::vector<std::string> payloads;
    while (PGnotify* notification = PQnotifies(connection_)) {
      payloads.emplace_back(notification->extra);
      PQfreemem(notification);
    }
    return payloads;
  }

 private:
  absl::Status Run(const char* statement) { return Check(PQexec(connection_, statement)); }
  absl::Status Check(PGresult* result) {
    const ExecStatusType status = PQresultStatus(result);
    PQclear(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ? absl::OkStatus() : Failure();
  }
  absl::Status Failure() const {
    return absl::UnavailableError(absl::StripAsciiWhitespace(PQerrorMessage(connection_)));
  }

  PGconn* const connection_;
};

PostgresNews::PostgresNews(const PostgresOptions& options)
    : options_(options),
      own_name_(NewUlid(Clock::System().Now())),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      worker_([this] { Work(); }) {}

PostgresNews::~PostgresNews() {
  Stop();
}

void PostgresNews::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    stopped_.NotifyAll();
  }
  Wake();
  if (worker_.joinable()) {
    worker_.join();
  }
}

void PostgresNews::Wake() const {
  const std::uint64_t one = 1;
  (void)!write(wake_.get(), &one, sizeof(one));
}

void PostgresNews::Tell(StoreNews news) {
  if (news.empty()) {
    return;
  }
  {
    MutexLock lock(mutex_);
    if (pending_.size() + news.size() > kPendingMax) {
      too_much_ = true;
      pending_ = {};
    }
    if (!too_much_) {
      pending_.Add(std::move(news));
    }
  }
  Wake();
}

void PostgresNews::Hear(std::function<void(const StoreNews&)> on_news,
                        std::function<void()> on_gap) {
  {
    MutexLock lock(mutex_);
    on_news_ = std::move(on_news);
    on_gap_ = std::move(on_gap);
    gap_due_ = true;
  }
  Wake();
}

void PostgresNews::Work() {
  const Clock& clock = Clock::System();
  bool down = false;
  while (true) {
    Link link(options_);
    absl::Status status = link.Listen();
    if (status.ok()) {
      if (std::exchange(down, false)) {
        SPDLOG_INFO("other coordinators are heard again");
      }
      status = Serve(link);
    }
    MutexLock lock(mutex_);
    if (!stopping_ && !std::exchange(down, true)) {
      SPDLOG_WARN("other coordinators are not heard error=\"{}\"", status.ToString());
    }
    const absl::Duration again_at = clock.SinceBoot() + options_.reconnect_pause;
    while (!stopping_ && clock.SinceBoot() < again_at) {
      stopped_.WaitFor(mutex_, again_at - clock.SinceBoot());
    }
    if (stopping_) {
      return;
    }
  }
}

absl::Status PostgresNews::Serve(Link& link) {
  {
    MutexLock lock(mutex_);
    gap_due_ = true;  // Whatever was told before we listened.
  }
  while (true) {
    std::function<void()> on_gap;
    {
      MutexLock lock(mutex_);
      if (stopping_) {
        return absl::OkStatus();
      }
      if (gap_due_ && on_gap_) {
        gap_due_ = false;
        on_gap = on_gap_;
      }
    }
    if (on_gap) {
      on_gap();
    }
    RETURN_IF_ERROR(SendPending(link));
    ASSIGN_OR_RETURN(const std::vector<std::string> payloads, link.Take());
    for (const std::string& payload : payloads) {
      Deliver(payload);
    }
    pollfd fds[] = {{.fd = link.socket(), .events = POLLIN, .revents = 0},
                    {.fd = wake_.get(), .events = POLLIN, .revents = 0}};
    poll(fds, 2, -1);
    std::uint64_t count = 0;
    (void)!read(wake_.get(), &count, sizeof(count));
    if ((fds[0].revents & POLLIN) == 0) {
      // Others that change something within it share a notification.
      poll(fds, 1, static_cast<int>(absl::ToInt64Milliseconds(kTellInterval)));
    }
  }
}

absl::Status PostgresNews::SendPending(Link& link) {
  std::vector<std::string> payloads;
  {
    MutexLock lock(mutex_);
    payloads = Payloads(own_name_, std::exchange(pending_, {}));
    if (std::exchange(too_much_, false)) {
      payloads = {absl::StrCat(own_name_, " ", kEverything)};
    }
  }
  for (const std::string& payload : payloads) {
    if (const absl::Status sent = link.Notify(payload); !sent.ok()) {
      MutexLock lock(mutex_);
      too_much_ = true;  // Those who were not told look at everything, once they hear us again.
      return sent;
    }
  }
  return absl::OkStatus();
}

void PostgresNews::Deliver(absl::string_view payload) {
  const std::vector<absl::string_view> words = absl::StrSplit(payload, ' ', absl::SkipEmpty());
  if (words.empty() || words.front() == own_name_) {
    return;  // Our own were told of directly.
  }
  StoreNews news;
  bool everything = false;
  for (auto word = words.begin() + 1; word != words.end(); ++word) {
    std::string job(word->substr(1));
    switch (word->front()) {
      case 'j':
        news.changed.insert(std::move(job));
        break;
      case 'r':
        news.ready.insert(std::move(job));
        break;
      case 'x':
        news.canceled.insert(std::move(job));
        break;
      default:  // Or what a newer version tells and we do not know.
        everything = true;
    }
  }
  std::function<void(const StoreNews&)> on_news;
  std::function<void()> on_gap;
  {
    MutexLock lock(mutex_);
    on_news = on_news_;
    on_gap = on_gap_;
  }
  if (everything && on_gap) {
    on_gap();
  }
  if (!news.empty() && on_news) {
    on_news(news);
  }
}

}  // namespace rn
