// A store of any back end, and the few things that clients and nodes do with it, in one line each.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "coordinator/postgres_store.h"
#include "coordinator/sqlite_store.h"
#include "coordinator/store.h"
#include "tests/coordinator/waiting_view.h"
#include "tests/fakes/postgres_server.h"

namespace rn {

// Where a store keeps what it knows. Opened again, it knows the same.
class StorePlace {
 public:
  virtual ~StorePlace() = default;
  virtual absl::StatusOr<std::unique_ptr<Store>> Open(const StoreLimits& limits) = 0;
  // Once nobody is at it any more, and be it a process that was killed.
  virtual absl::StatusOr<std::unique_ptr<Store>> OpenAlone(const StoreLimits& limits) = 0;
};

struct StoreBackend {
  const char* name;
  std::unique_ptr<StorePlace> (*make_place)();
  int kill_rounds = 8;  // A process takes longer to connect than to open a file.
};

class SqlitePlace final : public StorePlace {
 public:
  static std::unique_ptr<StorePlace> Make() { return std::make_unique<SqlitePlace>(); }
  absl::StatusOr<std::unique_ptr<Store>> Open(const StoreLimits& limits) override {
    return OpenSqliteStore(path(), limits);
  }
  absl::StatusOr<std::unique_ptr<Store>> OpenAlone(const StoreLimits& limits) override {
    return Open(limits);
  }
  std::filesystem::path path() const { return folder_.path() / "store.db"; }

 private:
  const TempDir folder_ = *TempDir::Create("store");
};

class PostgresPlace final : public StorePlace {
 public:
  static std::unique_ptr<StorePlace> Make() { return std::make_unique<PostgresPlace>(); }
  absl::StatusOr<std::unique_ptr<Store>> Open(const StoreLimits& limits) override {
    return OpenPostgresStore({.url = database_.url(), .writers = 2, .readers = 2}, limits);
  }
  absl::StatusOr<std::unique_ptr<Store>> OpenAlone(const StoreLimits& limits) override {
    database_.Disconnect();
    return Open(limits);
  }
  const PostgresDatabase& database() const { return database_; }

 private:
  const PostgresDatabase database_;
};

inline constexpr StoreBackend kStoreBackends[] = {{"Sqlite", &SqlitePlace::Make, 20},
                                                  {"Postgres", &PostgresPlace::Make}};

inline std::string Name(const rendernode::LeaseRef& ref) {
  return absl::StrCat(ref.item_id(), "/", ref.fence());
}
inline std::vector<std::string> Names(const std::vector<rendernode::LeaseRef>& refs) {
  std::vector<std::string> names;
  for (const auto& ref : refs) {
    names.push_back(Name(ref));
  }
  return names;
}

inline rendernode::LeaseRef Ref(const std::string& item_id, std::uint64_t fence) {
  rendernode::LeaseRef ref;
  ref.set_item_id(item_id);
  ref.set_fence(fence);
  return ref;
}

inline rendernode::ItemResult Succeeded() {
  rendernode::ItemResult result;
  result.set_outcome(rendernode::SUCCEEDED);
  result.add_artifacts()->set_url("/artifacts/video.mp4");
  return result;
}

inline rendernode::ItemResult Interrupted() {
  rendernode::ItemResult result;
  result.set_outcome(rendernode::INTERRUPTED);
  return result;
}

enum class Retryable { kNo, kYes };

inline rendernode::ItemResult Failed(
    Retryable retryable,
    rendernode::ItemErrorCode code = rendernode::ITEM_ERROR_VIDEO_ENCODING_ERROR,
    const std::string& message = "encoder died") {
  rendernode::ItemResult result;
  result.set_outcome(rendernode::FAILED);
  result.set_error_code(code);
  result.set_error_message(message);
  result.set_retryable(retryable == Retryable::kYes);
  return result;
}

inline rendernode::ItemResult LostByTheNode() {
  rendernode::ItemResult result = Failed(Retryable::kYes);
  result.set_infrastructure(true);
  return result;
}

class StoreHarness {
 protected:
  using Verdict = rendernode::CommitItemResponse::Verdict;
  using Strings = std::vector<std::string>;

  explicit StoreHarness(const StoreBackend& backend) : place_(backend.make_place()) { Reopen(); }

  void Reopen() {
    store_.reset();
    auto opened = place_->Open(limits_);
    ASSERT_TRUE(opened.ok()) << opened.status();
    store_ = *std::move(opened);
  }

  // Rows 1 … `items`.
  static NewJob JobOf(const std::string& id, int items) {
    NewJob job;
    job.id = id;
    job.tenant = "acme";
    job.title = "Campaign";
    job.request_json = R"({"title": "Campaign"})";
    job.spec.set_job_id(id);
    job.spec.mutable_output()->set_output_bucket("bucket");
    for (int row = 1; row <= items; ++row) {
      NewItem item;
      item.spec.set_row(static_cast<std::uint32_t>(row));
      (*item.spec.mutable_values())["title"] = absl::StrCat("Title ", row);
      job.items.push_back(std::move(item));
    }
    return job;
  }

  Job Create(const NewJob& job, const Idempotency& idempotency = {}) {
    const auto created = store_->CreateJob(job, idempotency, now_);
    EXPECT_TRUE(created.ok()) << created.status();
    return created.value_or(Job());
  }
  Job Create(const std::string& id, int items) { return Create(JobOf(id, items)); }

  Job GetJob(const std::string& id) {
    const auto job = store_->GetJob("acme", id);
    EXPECT_TRUE(job.ok()) << job.status();
    return job.value_or(Job());
  }

  Item GetItem(const std::string& job_id, std::uint32_t row) {
    const auto items = store_->ListItems({.job_id = job_id, .after_row = row - 1, .limit = 1});
    EXPECT_TRUE(items.ok() && items->size() == 1) << items.status();
    return items.ok() && !items->empty() ? items->front() : Item();
  }

  // A session of `node` that holds `held`; its name.
  SessionInfo OpenWith(const std::string& node, const std::vector<rendernode::LeaseRef>& held) {
    rendernode::OpenSessionRequest request;
    request.set_node_id(node);
    for (const auto& ref : held) {
      *request.add_held()->mutable_ref() = ref;
    }
    const auto info = store_->OpenSession(request, absl::StrCat("session-", ++sessions_), now_);
    EXPECT_TRUE(info.ok()) << info.status();
    return info.value_or(SessionInfo());
  }
  std::string Open(const std::string& node) { return OpenWith(node, {}).session; }
  // Of a daemon's start that names its journal.
  absl::StatusOr<SessionInfo> OpenStart(const std::string& node,
                                        const std::string& journal_id,
                                        std::uint64_t incarnation,
                                        const std::vector<rendernode::LeaseRef>& held = {}) {
    rendernode::OpenSessionRequest request;
    request.set_node_id(node);
    request.set_journal_id(journal_id);
    request.set_incarnation(incarnation);
    for (const auto& ref : held) {
      *request.add_held()->mutable_ref() = ref;
    }
    return store_->OpenSession(request, absl::StrCat("session-", ++sessions_), now_);
  }

  std::vector<WaitingView> Waiting(int per_job) { return ViewWaiting(*store_, per_job, now_); }
  Strings WaitingItems(int per_job = 1000) {
    Strings items;
    for (const WaitingView& job : Waiting(per_job)) {
      items.insert(items.end(), job.items.begin(), job.items.end());
    }
    return items;
  }

  std::vector<rendernode::Lease> Assign(const std::string& session, const Strings& items) {
    const auto leases = store_->Assign(session, items, now_);
    EXPECT_TRUE(leases.ok()) << leases.status();
    return leases.value_or(std::vector<rendernode::Lease>());
  }
  // The only one.
  rendernode::LeaseRef Take(const std::string& session, const std::string& item) {
    const auto leases = Assign(session, {item});
    EXPECT_EQ(leases.size(), 1U) << item << " does not wait";
    return leases.empty() ? rendernode::LeaseRef() : leases[0].ref();
  }

  absl::StatusOr<Verdict> TryCommit(const std::string& session,
                                    const rendernode::LeaseRef& ref,
                                    const rendernode::ItemResult& result) {
    rendernode::CommitItemRequest request;
    request.set_session(session);
    *request.mutable_ref() = ref;
    *request.mutable_result() = result;
    return store_->Commit(request, now_);
  }
  Verdict Commit(const std::string& session,
                 const rendernode::LeaseRef& ref,
                 const rendernode::ItemResult& result) {
    const auto verdict = TryCommit(session, ref, result);
    EXPECT_TRUE(verdict.ok()) << verdict.status();
    return verdict.value_or(rendernode::CommitItemResponse::RETRY);
  }

  SyncOutcome Sync(const std::string& session,
                   const std::vector<rendernode::LeaseRef>& held,
                   const std::vector<rendernode::LeaseRef>& released = {}) {
    rendernode::SyncRequest request;
    request.set_session(session);
    for (const auto& ref : held) {
      *request.add_held()->mutable_ref() = ref;
    }
    for (const auto& ref : released) {
      *request.add_released() = ref;
    }
    const auto outcome = store_->Sync(request, now_);
    EXPECT_TRUE(outcome.ok()) << outcome.status();
    return outcome.value_or(SyncOutcome());
  }

  // How many items wait again.
  std::int64_t Expire() {
    const auto lost = store_->Expire(now_, absl::InfinitePast());
    EXPECT_TRUE(lost.ok()) << lost.status();
    return lost.ok()
               ? std::count_if(
                     lost->begin(), lost->end(), [](const LostLease& lease) { return lease.again; })
               : -1;
  }

  // Past the time for which a lease lives without being renewed.
  void LetLeasesExpire() {
    now_ += limits_.lease.ttl + limits_.lease.reassign_grace;
    Expire();
  }

  std::vector<Item> Items(const std::string& job_id) {
    const auto items = store_->ListItems({.job_id = job_id, .limit = 100000});
    EXPECT_TRUE(items.ok()) << items.status();
    return items.value_or(std::vector<Item>());
  }

  // The counts of a job are those of its items, and a terminal job has no open items.
  void ExpectWhole(const std::string& job_id) {
    const Job job = GetJob(job_id);
    std::map<ItemState, std::int64_t> count;
    const auto items = Items(job_id);
    for (const Item& item : items) {
      ++count[item.state];
    }
    EXPECT_EQ(job.items_total, static_cast<std::int64_t>(items.size()));
    EXPECT_EQ(job.items_leased, count[ItemState::kLeased]);
    EXPECT_EQ(job.items_completed, count[ItemState::kCompleted]);
    EXPECT_EQ(job.items_failed, count[ItemState::kFailed]);
    EXPECT_EQ(job.items_canceled, count[ItemState::kCanceled]);
    const auto open = count[ItemState::kPending] + count[ItemState::kLeased];
    EXPECT_EQ(IsTerminal(job.state), open == 0);
  }

  const std::unique_ptr<StorePlace> place_;
  StoreLimits limits_;
  std::unique_ptr<Store> store_;
  absl::Time now_ = absl::FromUnixSeconds(1767225600);
  int sessions_ = 0;
};

class StoreTest : public ::testing::TestWithParam<StoreBackend>, protected StoreHarness {
 protected:
  StoreTest() : StoreHarness(GetParam()) {}
};

inline std::string BackendName(const ::testing::TestParamInfo<StoreBackend>& info) {
  return info.param.name;
}

}  // namespace rn
