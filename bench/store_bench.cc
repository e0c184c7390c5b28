// How fast the coordinator's store is: many nodes at once, each change durable before the answer.
#include <fmt/format.h>

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/status.h"
#include "coordinator/sqlite_store.h"

namespace rn {
namespace {

constexpr int kRows = 10'000;
constexpr int kNodes = 64;
constexpr int kItemsPerGrant = 4;

NewJob JobOf(const std::string& id) {
  NewJob job{.id = id, .tenant = "bench"};
  job.spec.set_job_id(id);
  job.spec.mutable_output()->set_output_bucket("bucket");
  for (std::uint32_t row = 1; row <= kRows; ++row) {
    rendernode::ItemSpec& spec = job.items.emplace_back().spec;
    spec.set_row(row);
    (*spec.mutable_values())["title"] = absl::StrCat("A title of row ", row);
    (*spec.mutable_values())["script"] = std::string(600, 's');
    (*spec.mutable_values())["image_url"] =
        absl::StrCat("https://example.com/images/", row, ".jpg");
  }
  return job;
}

rendernode::ItemResult ResultOf() {
  rendernode::ItemResult result;
  result.set_outcome(rendernode::SUCCEEDED);
  for (int i = 0; i < 4; ++i) {
    rendernode::Artifact* artifact = result.add_artifacts();
    artifact->set_url("/artifacts/bucket/job/item/1/video.mp4");
    artifact->set_sha256(std::string(64, 'a'));
  }
  return result;
}

absl::Duration Timed(const std::function<void()>& what) {
  const absl::Duration before = Clock::System().SinceBoot();
  what();
  return Clock::System().SinceBoot() - before;
}

// `node(i)` on a thread of its own for each node.
absl::Duration OnEveryNode(const std::function<void(int)>& node) {
  return Timed([&node] {
    std::vector<std::thread> threads;
    for (int i = 0; i < kNodes; ++i) {
      threads.emplace_back([&node, i] { node(i); });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
  });
}

void Report(const std::string& what, double value, const std::string& unit) {
  fmt::print("{:<44} {:>10.1f} {}\n", what, value, unit);
}

class StoreBench {
 public:
  explicit StoreBench(Store& store) : store_(store), leases_(kNodes) {}

  void Run() {
    const NewJob job = JobOf("job_1");
    const auto creation = Timed([&] { CHECK(store_.CreateJob(job, {}, now_).ok()); });
    Report(
        absl::StrCat("job of ", kRows, " rows made"), absl::ToDoubleMilliseconds(creation), "ms");
    for (int i = 0; i < kNodes; ++i) {
      rendernode::OpenSessionRequest open;
      open.set_node_id(absl::StrCat("node-", i));
      CHECK(store_.OpenSession(open, Session(i), now_).ok());
    }
    ReportRate("grants, 4 a transaction", OnEveryNode([this](int i) { Grant(i); }), kRows);
    ReportRate(
        "syncs of all that is held", OnEveryNode([this](int i) { SyncAll(i); }), kNodes * kSyncs);
    ReportRate("commits, 1 a transaction", OnEveryNode([this](int i) { CommitAll(i); }), kRows);
    CHECK(store_.GetJob("bench", "job_1")->state == JobState::kCompleted);
    const auto reading = Timed([this] {
      for (int i = 0; i < 1000; ++i) {
        CHECK(store_.GetJob("bench", "job_1").ok());
      }
    });
    Report("job read", absl::ToDoubleMicroseconds(reading) / 1000, "us");
  }

 private:
  static constexpr int kSyncs = 20;

  static std::string Session(int i) { return absl::StrCat("session-", i); }
  static void ReportRate(const std::string& what, absl::Duration took, int count) {
    Report(absl::StrCat(what, ", ", kNodes, " nodes"), count / absl::ToDoubleSeconds(took), "/s");
  }

  // The rows of node i, as a scheduler would have picked them.
  void Grant(int node) {
    std::vector<std::string> items;
    for (int row = 1 + node; row <= kRows; row += kNodes) {
      items.push_back(absl::StrCat("job_1-", row));
      if (items.size() == kItemsPerGrant || row + kNodes > kRows) {
        const auto leases = store_.Assign(Session(node), items, now_);
        CHECK(leases.ok() && leases->size() == items.size());
        for (const rendernode::Lease& lease : *leases) {
          leases_[static_cast<std::size_t>(node)].push_back(lease.ref());
        }
        items.clear();
      }
    }
  }

  // Four items under way, their progress new each time.
  void SyncAll(int node) {
    const auto& leases = leases_[static_cast<std::size_t>(node)];
    for (std::uint32_t i = 0; i < kSyncs; ++i) {
      rendernode::SyncRequest sync;
      sync.set_session(Session(node));
      for (std::size_t held = 0; held < kItemsPerGrant; ++held) {
        rendernode::HeldLease* lease = sync.add_held();
        *lease->mutable_ref() = leases[held];
        lease->set_progress_permille(i);
      }
      CHECK(store_.Sync(sync, now_).ok());
    }
  }

  void CommitAll(int node) {
    for (const rendernode::LeaseRef& lease : leases_[static_cast<std::size_t>(node)]) {
      rendernode::CommitItemRequest commit;
      commit.set_session(Session(node));
      *commit.mutable_ref() = lease;
      *commit.mutable_result() = ResultOf();
      CHECK(*store_.Commit(commit, now_) == rendernode::CommitItemResponse::COMMITTED);
    }
  }

  Store& store_;
  const absl::Time now_ = absl::FromUnixSeconds(1767225600);
  std::vector<std::vector<rendernode::LeaseRef>> leases_;  // By node.
};

}  // namespace
}  // namespace rn

// The store's file is made in the present folder, on the disk whose fsync is to be measured.
int main() {
  const rn::TempDir folder = *rn::TempDir::Create("store_bench", ".");
  const auto store = *rn::OpenSqliteStore(folder.path() / "store.db");
  rn::StoreBench(*store).Run();
  return 0;
}
