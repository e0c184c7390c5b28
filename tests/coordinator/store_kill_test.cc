// A store whose process is killed at any moment keeps every promise that it made.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <sstream>
#include <thread>

#include "base/status.h"
#include "tests/coordinator/dice.h"
#include "tests/coordinator/store_harness.h"

namespace rn {
namespace {

using rendernode::CommitItemResponse;

// A process that makes a job and renders it with two threads, telling what it was promised: lines
// "job <id>", "granted <job> <row> <fence>", "committed <job> <row> <fence>".
class DoomedWriter {
 public:
  DoomedWriter(StorePlace& place, int round, int promised_fd)
      : store_(*place.Open({})), round_(round), promised_fd_(promised_fd) {}

  [[noreturn]] void Run() {
    std::thread other([this] { Loop(1); });
    Loop(0);
  }

 private:
  [[noreturn]] void Loop(int thread) {
    const std::string session = absl::StrCat("session-", round_, "-", thread);
    rendernode::OpenSessionRequest open;
    open.set_node_id(absl::StrCat("node-", thread));
    CHECK(store_->OpenSession(open, session, now_).ok());
    for (int i = 0;; ++i) {
      const auto waiting = ViewWaiting(*store_, /*per_job=*/3, now_);
      if (waiting.empty()) {
        const NewJob job = MakeJob(absl::StrCat("job_", round_, "_", thread, "_", i));
        CHECK(store_->CreateJob(job, {}, now_).ok());
        Promise(absl::StrCat("job ", job.id));
        continue;
      }
      Render(session, waiting[0].items);
    }
  }

  void Render(const std::string& session, const std::vector<std::string>& items) {
    const auto leases = store_->Assign(session, items, now_);
    CHECK(leases.ok());
    for (const rendernode::Lease& lease : *leases) {
      Promise(Line("granted", lease));
    }
    for (const rendernode::Lease& lease : *leases) {
      rendernode::CommitItemRequest commit;
      commit.set_session(session);
      *commit.mutable_ref() = lease.ref();
      *commit.mutable_result() = Succeeded();
      CHECK(*store_->Commit(commit, now_) == CommitItemResponse::COMMITTED);
      Promise(Line("committed", lease));
    }
  }

  static NewJob MakeJob(const std::string& id) {
    NewJob job{.id = id, .tenant = "acme"};
    for (std::uint32_t row = 1; row <= 10; ++row) {
      job.items.emplace_back().spec.set_row(row);
    }
    return job;
  }

  static std::string Line(absl::string_view what, const rendernode::Lease& lease) {
    return absl::StrCat(
        what, " ", lease.job_id(), " ", lease.item().row(), " ", lease.ref().fence());
  }

  void Promise(const std::string& line) const {
    const std::string text = line + "\n";
    CHECK(write(promised_fd_, text.data(), text.size()) ==
          static_cast<ssize_t>(text.size()));  // Short enough to be whole.
  }

  const std::unique_ptr<Store> store_;
  const int round_;
  const int promised_fd_;
  const absl::Time now_ = absl::FromUnixSeconds(1767225600);
};

class StoreKillTest : public ::testing::TestWithParam<StoreBackend> {
 protected:
  // Kills a writer after it made about so many promises; what it promised.
  std::string RunAndKill(int round, int promises) {
    int fds[2];
    EXPECT_EQ(pipe(fds), 0);
    UniqueFd ours(fds[0]);
    UniqueFd theirs(fds[1]);
    const pid_t child = fork();
    if (child == 0) {
      DoomedWriter(*place_, round, theirs.get()).Run();
    }
    theirs.Reset();
    std::string promised;
    char buffer[4096];
    bool killed = false;
    for (ssize_t got = 0; (got = read(ours.get(), buffer, sizeof(buffer))) > 0;) {
      promised.append(buffer, static_cast<std::size_t>(got));
      if (!killed && std::count(promised.begin(), promised.end(), '\n') >= promises) {
        kill(child, SIGKILL);
        killed = true;
      }
    }
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "the writer failed itself";
    return promised;
  }

  void ExpectKept(Store& store, const std::string& promised) {
    std::istringstream lines(promised);
    std::string what, job_id;
    while (lines >> what >> job_id) {
      jobs_.insert(job_id);
      if (what == "job") {
        continue;
      }
      std::uint32_t row = 0;
      std::uint64_t fence = 0;
      lines >> row >> fence;
      auto& [highest, committed] = items_[{job_id, row}];
      highest = std::max(highest, fence);
      committed |= what == "committed";
    }
    for (const std::string& id : jobs_) {
      ExpectWhole(store, id);
    }
  }

 private:
  void ExpectWhole(Store& store, const std::string& id) {
    const auto job = store.GetJob("acme", id);
    ASSERT_TRUE(job.ok()) << job.status();
    const auto items = *store.ListItems({.job_id = id, .limit = 100});
    ASSERT_EQ(items.size(), 10U);
    std::map<ItemState, std::int64_t> count;
    for (const Item& item : items) {
      ++count[item.state];
      const auto& [fence, committed] = items_[{id, item.row}];
      EXPECT_GE(item.fence, fence) << item.id << ": a fence that was given is never given again";
      EXPECT_TRUE(!committed || item.state == ItemState::kCompleted) << item.id << " was lost";
    }
    EXPECT_EQ(job->items_total, 10);
    EXPECT_EQ(job->items_completed, count[ItemState::kCompleted]);
    EXPECT_EQ(job->items_leased, count[ItemState::kLeased]);
    EXPECT_EQ(IsTerminal(job->state), count[ItemState::kCompleted] == 10);
  }

 protected:
  const std::unique_ptr<StorePlace> place_ = GetParam().make_place();

 private:
  std::set<std::string> jobs_;
  std::map<std::pair<std::string, std::uint32_t>, std::pair<std::uint64_t, bool>> items_;
};

INSTANTIATE_TEST_SUITE_P(Every, StoreKillTest, ::testing::ValuesIn(kStoreBackends), BackendName);

TEST_P(StoreKillTest, NothingPromisedIsLostHoweverOftenTheProcessIsKilled) {
  ASSERT_TRUE(place_->Open({}).ok());
  Dice dice(1);
  const int rounds = GetParam().kill_rounds;
  for (int round = 0; round < rounds && !HasFailure(); ++round) {
    SCOPED_TRACE(absl::StrCat("round ", round));
    const std::string promised = RunAndKill(round, static_cast<int>(1 + dice.Below(60)));
    const auto store = place_->OpenAlone({});
    ASSERT_TRUE(store.ok()) << store.status();
    ExpectKept(**store, promised);
  }
}

}  // namespace
}  // namespace rn
