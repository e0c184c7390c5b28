// What coordinators over one database hear of each other.
#include "coordinator/postgres_news.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "base/bounded_queue.h"
#include "coordinator/postgres_store.h"
#include "tests/coordinator/store_harness.h"
#include "tests/fakes/postgres_server.h"

namespace rn {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;

constexpr absl::Duration kPatience = absl::Seconds(60);  // Ends a test that would hang.

// What one coordinator hears: news, or a gap.
class Ears {
 public:
  explicit Ears(PostgresNews& news) {
    news.Hear([this](const StoreNews& what) { heard_.Push(what); }, [this] { gaps_.Push(true); });
  }

  // Until something of a job has been heard.
  StoreNews Await(absl::Duration patience = kPatience) {
    return heard_.PopFor(patience).value_or(StoreNews());
  }
  bool AwaitGap() { return gaps_.PopFor(kPatience).has_value(); }
  void ForgetGaps() {
    while (gaps_.PopFor(absl::ZeroDuration()).has_value()) {
    }
  }
  bool silent() { return !heard_.PopFor(absl::ZeroDuration()).has_value(); }

 private:
  BoundedQueue<StoreNews> heard_{1000};
  BoundedQueue<bool> gaps_{1000};
};

class PostgresNewsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // Both listen from here on.
    ASSERT_TRUE(here_.AwaitGap());
    ASSERT_TRUE(there_.AwaitGap());
  }

  const PostgresDatabase database_;
  const PostgresOptions options_{.url = database_.url(),
                                 .writers = 1,
                                 .readers = 1,
                                 .reconnect_pause = absl::Milliseconds(10)};
  PostgresNews news_here_{options_}, news_there_{options_};
  Ears here_{news_here_}, there_{news_there_};
};

TEST_F(PostgresNewsTest, WhatOneTellsTheOthersHearAndNotItself) {
  news_here_.Tell({.changed = {"job_1", "job_2"}, .ready = {"job_3"}, .canceled = {"job_4"}});
  const StoreNews heard = there_.Await();
  EXPECT_THAT(heard.changed, ElementsAre("job_1", "job_2"));
  EXPECT_THAT(heard.ready, ElementsAre("job_3"));
  EXPECT_THAT(heard.canceled, ElementsAre("job_4"));
  news_there_.Tell({.changed = {"job_5"}});
  EXPECT_THAT(here_.Await().changed, ElementsAre("job_5"));
  EXPECT_TRUE(there_.silent());
}

TEST_F(PostgresNewsTest, ManyJobsAreToldOfTooAndTooManyAreAGap) {
  StoreNews many;
  for (int i = 0; i < 2'000; ++i) {
    many.changed.insert(absl::StrCat("job_01JZZZZZZZZZZZZZZZZZZZ", 1000 + i));
  }
  news_here_.Tell(many);
  std::set<std::string> heard;
  while (heard.size() < many.changed.size()) {
    StoreNews some = there_.Await();
    ASSERT_FALSE(some.empty());
    heard.merge(some.changed);
  }
  for (int i = 0; i < 20'000; ++i) {
    many.ready.insert(absl::StrCat("job_", i));
  }
  news_here_.Tell(many);
  EXPECT_TRUE(there_.AwaitGap());
}

TEST_F(PostgresNewsTest, WhoWasCutOffLooksAtEverythingAndHearsAgain) {
  here_.ForgetGaps();
  there_.ForgetGaps();
  database_.Disconnect();
  EXPECT_TRUE(here_.AwaitGap());
  EXPECT_TRUE(there_.AwaitGap());
  // The gap may be that of a connection which was cut off again at once.
  constexpr absl::Duration kLook = absl::Milliseconds(200);
  StoreNews heard;
  for (absl::Duration waited; heard.empty() && waited < kPatience; waited += kLook) {
    news_here_.Tell({.changed = {"job_1"}});
    heard = there_.Await(kLook);
  }
  EXPECT_THAT(heard.changed, ElementsAre("job_1"));
}

TEST_F(PostgresNewsTest, AStoreTellsWhatItChanged) {
  const auto store = *OpenPostgresStore(options_, {}, &news_here_);
  const absl::Time now = absl::FromUnixSeconds(1767225600);
  NewJob job{.id = "job_1", .tenant = "acme"};
  job.items.emplace_back().spec.set_row(1);
  ASSERT_TRUE(store->CreateJob(job, {}, now).ok());
  EXPECT_THAT(there_.Await().ready, ElementsAre("job_1"));
  rendernode::OpenSessionRequest open;
  open.set_node_id("node");
  ASSERT_TRUE(store->OpenSession(open, "session", now).ok());
  ASSERT_TRUE(store->Assign("session", {"job_1-1"}, now).ok());
  EXPECT_THAT(there_.Await().changed, ElementsAre("job_1"));
  rendernode::SyncRequest sync;
  sync.set_session("session");
  *sync.add_held()->mutable_ref() = Ref("job_1-1", 1);
  sync.mutable_held(0)->set_progress_permille(500);
  ASSERT_TRUE(store->Sync(sync, now).ok());
  EXPECT_THAT(there_.Await().changed, ElementsAre("job_1")) << "of progress too";
  ASSERT_TRUE(store->CancelJob("acme", "job_1", now).ok());
  EXPECT_THAT(there_.Await().canceled, ElementsAre("job_1"));
  EXPECT_FALSE(store->CancelJob("acme", "job_2", now).ok());
  news_here_.Tell({.changed = {"last"}});
  EXPECT_THAT(there_.Await().changed, ElementsAre("last")) << "nothing of what failed";
}

}  // namespace
}  // namespace rn
