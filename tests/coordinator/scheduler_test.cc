#include "coordinator/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/coordinator/dice.h"

namespace rn {

bool operator==(const Assignment& a, const Assignment& b) {
  return a.session == b.session && a.node_id == b.node_id && a.item_ids == b.item_ids;
}

namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::int64_t kAffinityItems = SchedulerOptions().affinity_items;
const absl::Time kStart = absl::FromUnixSeconds(1'000'000);

WaitingJob JobOf(const std::string& id, JobPriority priority = JobPriority::kNormal) {
  WaitingJob job;
  job.job_id = id;
  job.tenant = "acme";
  job.priority = priority;
  job.created_at = kStart;
  job.spec_digest = "spec of " + id;
  return job;
}

Asker AskerOf(const std::string& node, std::int64_t want) {
  return {.session = "session of " + node, .node_id = node, .want = want};
}

std::string JobOfItem(const std::string& item) {
  return item.substr(0, item.find('-'));
}

// What the store is to the real one: it knows which items wait and which are leased, and shows
// those that wait a page at a time.
class Desk {
 public:
  explicit Desk(SchedulerOptions options = {}, std::size_t page = 3)
      : page_(page), scheduler_(std::move(options)) {}

  Scheduler& scheduler() { return scheduler_; }

  void Add(WaitingJob job, int items, std::map<std::string, std::string> avoided = {}) {
    Kept kept{.told = std::move(job), .avoided = std::move(avoided)};
    for (int row = 1; row <= items; ++row) {
      kept.waiting.push_back(absl::StrCat(kept.told.job_id, "-", row));
    }
    const std::string id = kept.told.job_id;
    jobs_.insert_or_assign(id, std::move(kept));
  }
  void Drop(const std::string& job_id) { jobs_.erase(job_id); }

  void Tell(absl::Time now) {
    std::vector<WaitingJob> told;
    for (auto& [id, job] : jobs_) {
      job.told.pending = static_cast<std::int64_t>(job.waiting.size());
      if (job.told.pending > 0 || job.told.leased > 0) {
        told.push_back(job.told);
      }
    }
    scheduler_.SetJobs(std::move(told), now);
  }

  // What each of the askers gets, by node.
  std::vector<Assignment> Decide(std::vector<Asker> askers, absl::Time now = kStart) {
    std::vector<Assignment> all;
    while (true) {
      const Decisions decisions = scheduler_.Decide(askers, now);
      for (const Assignment& assignment : decisions.assignments) {
        Take(assignment, askers);
        all.push_back(assignment);
      }
      if (decisions.unknown.empty()) {
        return all;
      }
      for (const std::string& job_id : decisions.unknown) {
        scheduler_.SetItems(job_id, PageOf(jobs_.at(job_id)));
      }
    }
  }
  // Told and decided.
  std::vector<Assignment> HandOut(const std::vector<Asker>& askers, absl::Time now = kStart) {
    Tell(now);
    return Decide(askers, now);
  }
  // Of a node that asks alone.
  std::vector<std::string> ItemsFor(const std::string& node,
                                    std::int64_t want,
                                    absl::Time now = kStart) {
    return ItemsOf(HandOut({AskerOf(node, want)}, now), node);
  }

  static std::vector<std::string> ItemsOf(const std::vector<Assignment>& assignments,
                                          const std::string& node) {
    std::vector<std::string> items;
    for (const Assignment& assignment : assignments) {
      if (assignment.node_id == node) {
        items.insert(items.end(), assignment.item_ids.begin(), assignment.item_ids.end());
      }
    }
    return items;
  }

  void End(const std::string& item,
           const std::string& node,
           std::optional<absl::Duration> took = std::nullopt) {
    --jobs_.at(JobOfItem(item)).told.leased;
    scheduler_.Ended(JobOfItem(item), node, took);
  }

  std::int64_t Waiting(const std::string& job_id) const {
    return static_cast<std::int64_t>(jobs_.at(job_id).waiting.size());
  }
  std::int64_t Leased(const std::string& job_id) const { return jobs_.at(job_id).told.leased; }
  std::int64_t LeasedBy(const std::string& tenant) const {
    std::int64_t leased = 0;
    for (const auto& [id, job] : jobs_) {
      leased += job.told.tenant == tenant ? job.told.leased : 0;
    }
    return leased;
  }

 private:
  struct Kept {
    WaitingJob told;
    std::deque<std::string> waiting;
    std::map<std::string, std::string> avoided;
  };

  WaitingItems PageOf(const Kept& job) const {
    WaitingItems page;
    for (const std::string& item : job.waiting) {
      if (page.ids.size() == page_) {
        page.more = true;
        break;
      }
      page.ids.push_back(item);
      if (const auto avoided = job.avoided.find(item); avoided != job.avoided.end()) {
        page.avoided.insert(*avoided);
      }
    }
    return page;
  }

  void Take(const Assignment& assignment, std::vector<Asker>& askers) {
    for (Asker& asker : askers) {
      if (asker.session == assignment.session) {
        asker.want -= static_cast<std::int64_t>(assignment.item_ids.size());
        EXPECT_GE(asker.want, 0) << asker.node_id << " got more than it wanted";
      }
    }
    for (const std::string& item : assignment.item_ids) {
      Kept& job = jobs_.at(JobOfItem(item));
      const auto waits = std::find(job.waiting.begin(), job.waiting.end(), item);
      ASSERT_NE(waits, job.waiting.end()) << item << " does not wait";
      job.waiting.erase(waits);
      ++job.told.leased;
      EXPECT_EQ(job.told.refused_nodes.count(assignment.node_id), 0U) << item;
      const auto avoided = job.avoided.find(item);
      EXPECT_TRUE(avoided == job.avoided.end() || avoided->second != assignment.node_id) << item;
    }
  }

  const std::size_t page_;
  std::map<std::string, Kept> jobs_;
  Scheduler scheduler_;
};

// A job whose items are known to take so long on a node of speed 1.
void TeachWork(Desk& desk, const std::string& job_id, absl::Duration took) {
  desk.scheduler().Ended(job_id, "nobody in particular", took);
}

void SetNode(Desk& desk, const std::string& node_id, std::int64_t slots, double fps = 0) {
  desk.scheduler().SetNode({.node_id = node_id, .slots = slots, .frames_per_second = fps});
}

SchedulerOptions WithShares(std::map<std::string, TenantShare> named) {
  SchedulerOptions options;
  options.shares.named = std::move(named);
  return options;
}

// ---------------------------------------------------------------- one tenant's jobs

TEST(Scheduler, HigherPriorityGoesFirst) {
  Desk desk;
  desk.Add(JobOf("low", JobPriority::kLow), 2);
  desk.Add(JobOf("normal"), 1);
  desk.Add(JobOf("high", JobPriority::kHigh), 1);
  EXPECT_THAT(desk.ItemsFor("n", 3), ElementsAre("high-1", "normal-1", "low-1"));
}

TEST(Scheduler, TheEarlierDeadlineGoesFirstAndNoneGoesLast) {
  Desk desk;
  WaitingJob later = JobOf("later");
  later.deadline_at = kStart + absl::Hours(2);
  later.created_at = kStart - absl::Hours(1);
  WaitingJob earlier = JobOf("earlier");
  earlier.deadline_at = kStart + absl::Hours(1);
  WaitingJob whenever = JobOf("whenever");
  whenever.created_at = kStart - absl::Hours(2);
  desk.Add(whenever, 1);
  desk.Add(later, 2);
  desk.Add(earlier, 2);
  EXPECT_THAT(desk.ItemsFor("n", 9),
              ElementsAre("earlier-1", "earlier-2", "later-1", "later-2", "whenever-1"));
}

TEST(Scheduler, TheOlderOfTwoEqualJobsGoesFirst) {
  Desk desk;
  WaitingJob older = JobOf("b");
  older.created_at = kStart - absl::Seconds(1);
  desk.Add(JobOf("a"), 1);
  desk.Add(older, 1);
  EXPECT_THAT(desk.ItemsFor("n", 1), ElementsAre("b-1"));
}

TEST(Scheduler, ALargeJobDoesNotStarveASmallLaterOne) {
  Desk desk;
  WaitingJob large = JobOf("large");
  large.leased = 50;
  WaitingJob small = JobOf("small");
  small.created_at = kStart + absl::Seconds(1);
  desk.Add(large, 100);
  desk.Add(small, 2);
  EXPECT_THAT(desk.ItemsFor("n", 3), ElementsAre("small-1", "small-2", "large-1"));
}

TEST(Scheduler, WhatCouldOnlyMissItsDeadlineGoesLast) {
  Desk desk;
  WaitingJob hopeless = JobOf("hopeless");
  hopeless.deadline_at = kStart + absl::Seconds(5);
  WaitingJob urgent = JobOf("urgent");
  urgent.deadline_at = kStart + absl::Seconds(20);
  desk.Add(hopeless, 1);
  desk.Add(urgent, 1);
  desk.Add(JobOf("low", JobPriority::kLow), 1);
  desk.Tell(kStart);
  TeachWork(desk, "hopeless", absl::Seconds(10));
  TeachWork(desk, "urgent", absl::Seconds(10));
  EXPECT_THAT(Desk::ItemsOf(desk.Decide({AskerOf("n", 3)}), "n"),
              ElementsAre("urgent-1", "low-1", "hopeless-1"));
}

TEST(Scheduler, AnUrgentItemGoesToANodeThatIsFastEnough) {
  Desk desk;
  SetNode(desk, "slow", 1, /*fps=*/20);
  SetNode(desk, "fast", 1, /*fps=*/180);
  WaitingJob urgent = JobOf("urgent");
  urgent.deadline_at = kStart + absl::Seconds(20);
  desk.Add(urgent, 1);
  desk.Tell(kStart);
  TeachWork(desk, "urgent", absl::Seconds(20));  // On "fast" that is 20 s / 1.8.
  EXPECT_THAT(Desk::ItemsOf(desk.Decide({AskerOf("slow", 5), AskerOf("fast", 1)}), "fast"),
              ElementsAre("urgent-1"));
}

TEST(Scheduler, AJobThatWaitedTooLongGetsItsTurnWhateverItsPriority) {
  Desk desk;
  desk.Add(JobOf("high", JobPriority::kHigh), 100);
  desk.Add(JobOf("low", JobPriority::kLow), 100);
  desk.Tell(kStart);
  const auto early = Desk::ItemsOf(desk.Decide({AskerOf("n", 20)}), "n");
  EXPECT_EQ(std::count_if(early.begin(), early.end(), [](const auto& i) { return i[0] == 'l'; }),
            0);
  const absl::Time now = kStart + SchedulerOptions().starvation_after;
  EXPECT_THAT(desk.ItemsFor("n", 1, now - absl::Seconds(1)), ElementsAre("high-21"));
  EXPECT_THAT(desk.ItemsFor("n", 2, now), ElementsAre("low-1", "high-22"));
}

// ---------------------------------------------------------------- nodes and what they know

TEST(Scheduler, ItemsGoToTheNodeThatKnowsTheJob) {
  Desk desk;
  desk.scheduler().SetNode({.node_id = "knows", .slots = 2, .specs = {"spec of a"}});
  SetNode(desk, "stranger", 9);
  desk.Add(JobOf("a"), 2);
  const auto given = desk.HandOut({AskerOf("stranger", 9), AskerOf("knows", 2)});
  EXPECT_THAT(Desk::ItemsOf(given, "knows"), ElementsAre("a-1", "a-2"));
  EXPECT_THAT(Desk::ItemsOf(given, "stranger"), IsEmpty());
}

TEST(Scheduler, ANodeKnowsTheJobsThatItWasGiven) {
  Desk desk;
  SetNode(desk, "m", 1);
  SetNode(desk, "n", 1);
  desk.Add(JobOf("a"), 3);
  EXPECT_THAT(desk.ItemsFor("n", 1), ElementsAre("a-1"));
  const auto given = desk.HandOut({AskerOf("m", 2), AskerOf("n", 2)});
  EXPECT_THAT(Desk::ItemsOf(given, "n"), ElementsAre("a-2", "a-3"));
}

TEST(Scheduler, AnItemGoesToTheNodeThatHasTheJobsFiles) {
  Desk desk;
  desk.scheduler().SetNode({.node_id = "empty", .slots = 1});
  desk.scheduler().SetNode({.node_id = "some", .slots = 1, .files = {1}});
  desk.scheduler().SetNode({.node_id = "all", .slots = 1, .files = {1, 2, 7}});
  WaitingJob job = JobOf("a");
  job.assets = {1, 2};
  desk.Add(job, 1);
  const auto given = desk.HandOut({AskerOf("empty", 1), AskerOf("some", 1), AskerOf("all", 1)});
  EXPECT_THAT(Desk::ItemsOf(given, "all"), ElementsAre("a-1"));
}

TEST(Scheduler, ANodeStaysWithAJobItKnowsUntilAnotherIsFarBehind) {
  Desk desk;
  desk.scheduler().SetNode({.node_id = "n", .slots = 1, .specs = {"spec of b"}});
  desk.Add(JobOf("a"), 9);
  desk.Add(JobOf("b"), 9);
  const auto items = desk.ItemsFor("n", kAffinityItems + 1);
  for (const std::string& item : items) {
    EXPECT_EQ(JobOfItem(item), "b");
  }
  EXPECT_THAT(desk.ItemsFor("n", 1), ElementsAre("a-1"));
}

TEST(Scheduler, AffinityPassesAJobWithADeadlineSoOftenAndNeverAgain) {
  Desk desk;
  desk.scheduler().SetNode({.node_id = "n", .slots = 1, .specs = {"spec of known"}});
  WaitingJob first = JobOf("first");
  first.deadline_at = kStart + absl::Hours(1);
  WaitingJob known = JobOf("known");
  known.deadline_at = kStart + absl::Hours(2);
  desk.Add(first, 50);
  desk.Add(known, 50);
  for (const std::string& item : desk.ItemsFor("n", kAffinityItems)) {
    EXPECT_EQ(JobOfItem(item), "known");
  }
  for (const std::string& item : desk.ItemsFor("stranger", 20)) {
    EXPECT_EQ(JobOfItem(item), "first");
  }
  desk.scheduler().SetNode({.node_id = "other", .slots = 1, .specs = {"spec of known"}});
  for (const std::string& item : desk.ItemsFor("other", 20)) {
    EXPECT_EQ(JobOfItem(item), "first");
  }
}

TEST(Scheduler, IdleNodesShareAJob) {
  Desk desk;
  desk.Add(JobOf("a"), 4);
  const auto given = desk.HandOut({AskerOf("m", 4), AskerOf("n", 4)});
  EXPECT_EQ(Desk::ItemsOf(given, "m").size(), 2U);
  EXPECT_EQ(Desk::ItemsOf(given, "n").size(), 2U);
}

TEST(Scheduler, ARefusedNodeGetsTheNextJobInstead) {
  Desk desk;
  WaitingJob refusing = JobOf("a", JobPriority::kHigh);
  refusing.refused_nodes = {"n"};
  desk.Add(refusing, 2);
  desk.Add(JobOf("b"), 1);
  EXPECT_THAT(desk.ItemsFor("n", 5), ElementsAre("b-1"));
}

TEST(Scheduler, AnItemThatAvoidsANodeLetsTheOthersPass) {
  Desk alone;
  alone.Add(JobOf("a"), 3, {{"a-1", "n"}});
  EXPECT_THAT(alone.ItemsFor("n", 5), ElementsAre("a-2", "a-3"));
  Desk both;
  both.Add(JobOf("a"), 3, {{"a-1", "n"}});
  const auto given = both.HandOut({AskerOf("n", 2), AskerOf("m", 1)});
  EXPECT_THAT(Desk::ItemsOf(given, "m"), ElementsAre("a-1"));
  EXPECT_THAT(Desk::ItemsOf(given, "n"), ElementsAre("a-2", "a-3"));
}

TEST(Scheduler, ANodeThatAJobsItemsAvoidGetsTheNextJobInstead) {
  Desk desk;
  desk.Add(JobOf("a", JobPriority::kHigh), 1, {{"a-1", "n"}});
  desk.Add(JobOf("b"), 1);
  EXPECT_THAT(desk.ItemsFor("n", 5), ElementsAre("b-1"));
}

TEST(Scheduler, NothingWaitsAndNobodyAsks) {
  Desk empty;
  EXPECT_THAT(empty.HandOut({AskerOf("n", 5)}), IsEmpty());
  Desk desk;
  desk.Add(JobOf("a"), 1);
  EXPECT_THAT(desk.HandOut({}), IsEmpty());
  EXPECT_THAT(desk.HandOut({AskerOf("n", 0)}), IsEmpty());
}

// A job whose items all wait for their back-off is none to wait for.
TEST(Scheduler, AJobWithoutAnItemThatMayStartDoesNotHoldUpTheNext) {
  Scheduler scheduler({});
  WaitingJob resting = JobOf("resting", JobPriority::kHigh);
  WaitingJob ready = JobOf("ready");
  resting.pending = ready.pending = 1;
  scheduler.SetJobs({resting, ready}, kStart);
  const std::vector<Asker> askers = {AskerOf("n", 1)};
  EXPECT_THAT(scheduler.Decide(askers, kStart).unknown, ElementsAre("resting", "ready"));
  scheduler.SetItems("resting", {});
  scheduler.SetItems("ready", {.ids = {"ready-1"}});
  const Decisions decisions = scheduler.Decide(askers, kStart);
  EXPECT_THAT(Desk::ItemsOf(decisions.assignments, "n"), ElementsAre("ready-1"));
}

// ---------------------------------------------------------------- tenants

WaitingJob JobOfTenant(const std::string& tenant, const std::string& id) {
  WaitingJob job = JobOf(id);
  job.tenant = tenant;
  return job;
}

std::map<std::string, int> CountByJob(const std::vector<std::string>& items) {
  std::map<std::string, int> count;
  for (const std::string& item : items) {
    ++count[JobOfItem(item)];
  }
  return count;
}

TEST(Scheduler, TenantsShareByWeightWhateverTheyCallUrgent) {
  Desk desk(WithShares({{"big", {.weight = 3}}, {"small", {.weight = 1}}}));
  desk.Add(JobOfTenant("big", "b"), 100);
  WaitingJob urgent = JobOfTenant("small", "s");
  urgent.priority = JobPriority::kHigh;
  urgent.deadline_at = kStart + absl::Hours(1);
  desk.Add(urgent, 100);
  auto count = CountByJob(desk.ItemsFor("n", 40));
  EXPECT_EQ(count["b"], 30);
  EXPECT_EQ(count["s"], 10);
}

TEST(Scheduler, ManyJobsAreNoLargerShareThanOne) {
  Desk desk;
  for (int i = 0; i < 9; ++i) {
    desk.Add(JobOfTenant("many", absl::StrCat("m", i)), 10);
  }
  desk.Add(JobOfTenant("one", "o"), 10);
  EXPECT_EQ(CountByJob(desk.ItemsFor("n", 20))["o"], 10);
}

TEST(Scheduler, WhoWasAwayHasNoClaimsFromThatTime) {
  Desk desk;
  desk.Add(JobOfTenant("here", "h"), 500);
  EXPECT_EQ(desk.ItemsFor("n", 200).size(), 200U);
  desk.Add(JobOfTenant("back", "b"), 500);
  auto count = CountByJob(desk.ItemsFor("n", 100));
  EXPECT_NEAR(count["b"], 50, 1);
}

TEST(Scheduler, WhatALostLeaseCostIsGivenBack) {
  Desk desk;
  desk.Add(JobOfTenant("a", "a"), 100);
  desk.Add(JobOfTenant("b", "b"), 100);
  WaitingJob lost = JobOfTenant("a", "a");
  EXPECT_EQ(CountByJob(desk.ItemsFor("n", 40))["a"], 20);
  desk.Add(lost, 100);  // All of a's leases were lost, and wait again.
  auto count = CountByJob(desk.ItemsFor("n", 20));
  EXPECT_EQ(count["a"], 20);
}

TEST(Scheduler, TimeIsSharedAndNotTheNumberOfItems) {
  Desk desk;
  SetNode(desk, "n", 1);
  desk.Add(JobOfTenant("long", "l"), 1000);
  desk.Add(JobOfTenant("short", "s"), 1000);
  desk.Tell(kStart);
  std::map<std::string, absl::Duration> given;
  for (int i = 0; i < 300; ++i) {
    for (const std::string& item : Desk::ItemsOf(desk.Decide({AskerOf("n", 1)}), "n")) {
      const absl::Duration took = absl::Seconds(JobOfItem(item) == "l" ? 10 : 1);
      given[JobOfItem(item)] += took;
      desk.End(item, "n", took);
    }
  }
  const double ahead = absl::ToDoubleSeconds(given["l"] - given["s"]);
  EXPECT_LE(std::abs(ahead), 10.0 * static_cast<double>(kAffinityItems + 1));
  EXPECT_GT(given["s"], absl::Minutes(2));
}

TEST(Scheduler, AfterARestartWhatIsLeasedCountsAgainstTheLimit) {
  Desk desk(WithShares({{"acme", {.items_running_max = 5}}}));
  WaitingJob taken = JobOf("taken");
  taken.leased = 4;
  desk.Add(taken, 0);
  desk.Add(JobOf("a"), 9);
  EXPECT_EQ(desk.ItemsFor("n", 9).size(), 1U);
}

TEST(Scheduler, NewSharesCountFromNowOn) {
  Desk desk(WithShares({{"acme", {.items_running_max = 1}}}));
  desk.Add(JobOf("a"), 9);
  EXPECT_EQ(desk.ItemsFor("n", 9).size(), 1U);
  desk.scheduler().SetShares({.others = {.items_running_max = 3}});
  EXPECT_EQ(desk.ItemsFor("n", 9).size(), 2U);
}

// ---------------------------------------------------------------- when it will be done

class Forecasts : public ::testing::Test {
 protected:
  // Two nodes of one slot, items of ten seconds.
  void Start(Desk& desk, const std::string& taught) {
    SetNode(desk, "m", 1);
    SetNode(desk, "n", 1);
    desk.Tell(kStart);
    TeachWork(desk, taught, absl::Seconds(10));
  }
  static double SecondsOf(const std::optional<Forecast>& forecast) {
    return forecast.has_value() && forecast->left.has_value()
               ? absl::ToDoubleSeconds(*forecast->left)
               : -1;
  }
  static Delay DelayOf(Desk& desk, const std::string& job_id) {
    const auto forecast = desk.scheduler().Foretell(job_id, kStart);
    return forecast.has_value() ? forecast->delay : Delay::kNone;
  }
};

TEST_F(Forecasts, AJobAloneHasTheFarmToItself) {
  Desk desk;
  desk.Add(JobOf("a"), 10);
  desk.Tell(kStart);
  EXPECT_FALSE(desk.scheduler().Foretell("unheard-of", kStart).has_value());
  EXPECT_EQ(DelayOf(desk, "a"), Delay::kNoNodes);
  SetNode(desk, "n", 1);
  EXPECT_FALSE(desk.scheduler().Foretell("a", kStart).has_value()) << "nothing was measured yet";
  Start(desk, "a");
  EXPECT_NEAR(SecondsOf(desk.scheduler().Foretell("a", kStart)), 50, 1e-6);
}

TEST_F(Forecasts, ASlowFarmTakesLonger) {
  Desk desk;
  desk.Add(JobOf("a"), 10);
  Start(desk, "a");
  for (int i = 0; i < 100; ++i) {  // Both turn out to need 20 s where others need 10.
    desk.scheduler().Ended("a", i % 2 == 0 ? "m" : "n", absl::Seconds(20));
  }
  EXPECT_NEAR(SecondsOf(desk.scheduler().Foretell("a", kStart)), 100, 5);
}

TEST_F(Forecasts, OthersTakeTheirShare) {
  Desk desk;
  desk.Add(JobOf("a"), 10);
  desk.Add(JobOfTenant("other", "b"), 1000);
  Start(desk, "a");
  EXPECT_NEAR(SecondsOf(desk.scheduler().Foretell("a", kStart)), 100, 1e-6);
}

TEST_F(Forecasts, OthersLeaveTheirShareOnceTheyHaveAllTheyWant) {
  Desk desk(WithShares({{"limited", {.items_running_max = 1}}}));
  desk.Add(JobOf("a"), 10);
  desk.Add(JobOfTenant("other", "b"), 2);
  Start(desk, "a");
  EXPECT_NEAR(SecondsOf(desk.scheduler().Foretell("a", kStart)), 60, 6);
  EXPECT_NEAR(SecondsOf(desk.scheduler().Foretell("b", kStart)), 20, 1e-6);
  desk.Drop("b");
  desk.Add(JobOfTenant("limited", "l"), 9);
  Start(desk, "a");
  EXPECT_NEAR(SecondsOf(desk.scheduler().Foretell("a", kStart)), 100, 1e-6);
  EXPECT_NEAR(SecondsOf(desk.scheduler().Foretell("l", kStart)), 90, 1e-6);
}

TEST_F(Forecasts, WhatGoesFirstIsDoneFirst) {
  Desk desk;
  desk.Add(JobOf("high", JobPriority::kHigh), 4);
  WaitingJob urgent = JobOf("urgent");
  urgent.deadline_at = kStart + absl::Hours(1);
  desk.Add(urgent, 6);
  desk.Add(JobOf("a"), 10);
  desk.Add(JobOf("b"), 2);
  Start(desk, "a");
  EXPECT_NEAR(SecondsOf(desk.scheduler().Foretell("high", kStart)), 20, 1e-6);
  EXPECT_NEAR(SecondsOf(desk.scheduler().Foretell("urgent", kStart)), 50, 1e-6);
  EXPECT_NEAR(SecondsOf(desk.scheduler().Foretell("b", kStart)), 70, 1e-6) << "shares with a";
  EXPECT_NEAR(SecondsOf(desk.scheduler().Foretell("a", kStart)), 110, 1e-6);
}

TEST_F(Forecasts, AJobThatWillBeLateSaysWhy) {
  const auto job_by = [](absl::Duration deadline) {
    WaitingJob job = JobOf("a");
    job.deadline_at = kStart + deadline;
    return job;
  };
  Desk alone;
  alone.Add(job_by(absl::Seconds(51)), 10);
  Start(alone, "a");
  EXPECT_EQ(DelayOf(alone, "a"), Delay::kNone);
  Desk short_deadline;
  short_deadline.Add(job_by(absl::Seconds(49)), 10);
  Start(short_deadline, "a");
  EXPECT_EQ(DelayOf(short_deadline, "a"), Delay::kDeadline);
  Desk shared;
  shared.Add(job_by(absl::Seconds(60)), 10);
  shared.Add(JobOfTenant("other", "b"), 1000);
  Start(shared, "a");
  EXPECT_EQ(DelayOf(shared, "a"), Delay::kTenantShare);
  Desk limited(WithShares({{"acme", {.items_running_max = 1}}}));
  limited.Add(job_by(absl::Seconds(60)), 10);
  Start(limited, "a");
  EXPECT_EQ(DelayOf(limited, "a"), Delay::kTenantLimit);
  Desk behind;
  behind.Add(job_by(absl::Seconds(60)), 10);
  behind.Add(JobOf("high", JobPriority::kHigh), 10);
  Start(behind, "a");
  EXPECT_EQ(DelayOf(behind, "a"), Delay::kEarlierJobs);
}

TEST_F(Forecasts, FollowEveryChangeAtOnce) {
  const auto jobs = [](std::int64_t pending) {
    WaitingJob urgent = JobOf("urgent");
    urgent.deadline_at = kStart + absl::Hours(1);
    std::vector<WaitingJob> all = {JobOf("a"), urgent, JobOfTenant("other", "b")};
    for (WaitingJob& job : all) {
      job.pending = pending;
    }
    return all;
  };
  using Change = std::function<void(Scheduler&)>;
  const std::vector<std::pair<const char*, Change>> changes = {
      {"a node", [](Scheduler& s) { s.SetNode({.node_id = "m", .slots = 1}); }},
      {"jobs", [&](Scheduler& s) { s.SetJobs(jobs(40), kStart); }},
      {"an item's time",
       [](Scheduler& s) { s.Ended("a", "nobody in particular", absl::Seconds(10)); }},
      {"another node", [](Scheduler& s) { s.SetNode({.node_id = "n", .slots = 3}); }},
      {"items",
       [](Scheduler& s) {
         s.SetItems("b", {.ids = {"b-1", "b-2"}, .more = true});
       }},
      {"grants",
       [](Scheduler& s) {
         s.Decide({AskerOf("m", 1), AskerOf("n", 3)}, kStart);
       }},
      {"another time", [](Scheduler& s) { s.Ended("b", "n", absl::Seconds(30)); }},
      {"shares", [](Scheduler& s) { s.SetShares({.others = {.items_running_max = 2}}); }},
      {"other jobs", [&](Scheduler& s) { s.SetJobs(jobs(7), kStart); }},
      {"a node less", [](Scheduler& s) { s.ForgetNode("n"); }}};
  Scheduler asked{SchedulerOptions()};
  for (std::size_t i = 0; i < changes.size(); ++i) {
    Scheduler never_asked{SchedulerOptions()};
    for (std::size_t earlier = 0; earlier <= i; ++earlier) {
      changes[earlier].second(never_asked);
    }
    changes[i].second(asked);
    for (const char* job : {"a", "urgent", "b"}) {
      const auto now = asked.Foretell(job, kStart);
      const auto fresh = never_asked.Foretell(job, kStart);
      EXPECT_EQ(SecondsOf(now), SecondsOf(fresh)) << job << " after " << changes[i].first;
      EXPECT_EQ(now.has_value() ? now->delay : Delay::kNone,
                fresh.has_value() ? fresh->delay : Delay::kNone)
          << job << " after " << changes[i].first;
    }
  }
  EXPECT_GT(SecondsOf(asked.Foretell("a", kStart)), 0);
}

// ---------------------------------------------------------------- whatever the farm

constexpr unsigned kFarms = 300;

// A farm in which time goes by: nodes ask, items end well or ill, jobs come and nodes learn.
class RandomFarm {
 public:
  RandomFarm(unsigned seed, SchedulerOptions options)
      : dice_(seed), desk_(std::move(options), /*page=*/1 + dice_.Below(8)) {
    for (std::size_t n = 0; n < 6; ++n) {
      FarmNode node{.node_id = absl::StrCat("node", n),
                    .slots = 1,
                    .frames_per_second = static_cast<double>(dice_.Below(3)) * 30};
      for (std::size_t j = 0; j < 12; ++j) {
        if (dice_.Below(4) == 0) {
          node.specs.push_back(absl::StrCat("spec of job", j));
        }
      }
      desk_.scheduler().SetNode(node);
    }
  }

  enum class Choosy { kNo, kYes };

  std::string AddJob(std::size_t items_max, Choosy choosy = Choosy::kYes) {
    WaitingJob job =
        JobOfTenant(absl::StrCat("tenant", dice_.Below(3)), absl::StrCat("job", jobs_.size()));
    job.created_at = now_;
    if (dice_.Below(2) == 0) {
      job.deadline_at = now_ + absl::Seconds(static_cast<double>(dice_.Below(100)));
    }
    job.priority = static_cast<JobPriority>(dice_.Below(3));
    const auto items = static_cast<int>(dice_.Below(items_max + 1));
    std::map<std::string, std::string> avoided;
    for (int i = 1; choosy == Choosy::kYes && i <= items; ++i) {
      if (dice_.Below(4) == 0) {
        avoided[absl::StrCat(job.job_id, "-", i)] = absl::StrCat("node", dice_.Below(3));
      }
    }
    for (std::size_t n = 0; choosy == Choosy::kYes && n < 6; ++n) {
      if (dice_.Below(6) == 0) {
        job.refused_nodes.insert(absl::StrCat("node", n));
      }
    }
    jobs_.push_back(job);
    avoided_.insert(avoided.begin(), avoided.end());
    desk_.Add(job, items, std::move(avoided));
    return job.job_id;
  }

  std::vector<Asker> SomeAskers() {
    std::vector<Asker> askers;
    for (std::size_t n = 0; n < 6; ++n) {
      if (dice_.Below(2) == 0) {
        askers.push_back(
            AskerOf(absl::StrCat("node", n), static_cast<std::int64_t>(dice_.Below(5))));
      }
    }
    return askers;
  }

  std::vector<Assignment> HandOut(const std::vector<Asker>& askers) {
    if (dice_.Below(3) == 0 || jobs_.size() != told_) {
      told_ = jobs_.size();
      desk_.Tell(now_);
    }
    std::vector<Assignment> given = desk_.Decide(askers, now_);
    for (const Assignment& assignment : given) {
      for (const std::string& item : assignment.item_ids) {
        held_.emplace_back(item, assignment.node_id);
      }
    }
    return given;
  }

  void EndSome() {
    std::erase_if(held_, [this](const auto& held) {
      if (dice_.Below(3) != 0) {
        return false;
      }
      desk_.End(held.first,
                held.second,
                dice_.Below(4) == 0 ? std::nullopt
                                    : std::optional(absl::Seconds(1 + 1.0 * dice_.Below(5))));
      return true;
    });
    now_ += absl::Seconds(static_cast<double>(dice_.Below(3)));
  }

  bool MayTake(const std::string& node_id, const WaitingJob& job, const std::string& item) const {
    const auto avoided = avoided_.find(item);
    return job.refused_nodes.count(node_id) == 0 &&
           (avoided == avoided_.end() || avoided->second != node_id);
  }

  Dice& dice() { return dice_; }
  Desk& desk() { return desk_; }
  absl::Time now() const { return now_; }
  const std::vector<WaitingJob>& jobs() const { return jobs_; }

 private:
  Dice dice_;
  Desk desk_;
  absl::Time now_ = kStart;
  std::vector<WaitingJob> jobs_;
  std::size_t told_ = 0;
  std::map<std::string, std::string> avoided_;
  std::vector<std::pair<std::string, std::string>> held_;  // Item and node.
};

// That no item is given twice, nobody gets more than it wants or what refuses it, is seen by Desk.
TEST(SchedulerProperty, NoTenantIsEverAboveItsLimit) {
  for (unsigned seed = 0; seed < kFarms && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    RandomFarm farm(seed,
                    WithShares({{"tenant0", {.items_running_max = 3}},
                                {"tenant1", {.weight = 2, .items_running_max = 1}}}));
    for (int step = 0; step < 40; ++step) {
      if (farm.dice().Below(3) == 0) {
        farm.AddJob(12);
      }
      farm.HandOut(farm.SomeAskers());
      EXPECT_LE(farm.desk().LeasedBy("tenant0"), 3);
      EXPECT_LE(farm.desk().LeasedBy("tenant1"), 1);
      farm.EndSome();
    }
  }
}

TEST(SchedulerProperty, NothingWaitsBesideANodeThatCouldTakeIt) {
  for (unsigned seed = 0; seed < kFarms && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    RandomFarm farm(seed, {});
    for (int step = 0; step < 20; ++step) {
      farm.AddJob(6, RandomFarm::Choosy::kNo);
      const std::vector<Asker> askers = farm.SomeAskers();
      std::int64_t room = 0;
      for (const Asker& asker : askers) {
        room += asker.want;
      }
      for (const Assignment& assignment : farm.HandOut(askers)) {
        room -= static_cast<std::int64_t>(assignment.item_ids.size());
      }
      std::int64_t waiting = 0;
      for (const WaitingJob& job : farm.jobs()) {
        waiting += farm.desk().Waiting(job.job_id);
      }
      EXPECT_TRUE(room == 0 || waiting == 0) << room << " beside " << waiting;
      farm.EndSome();
    }
  }
}

// Without affinity, deadlines that cannot be met or jobs that starve.
TEST(SchedulerProperty, NoNodeGetsALowerPriorityOfATenantThanItCould) {
  for (unsigned seed = 0; seed < kFarms && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    RandomFarm farm(seed, {.affinity_items = 0});
    for (int i = 0; i < 8; ++i) {
      farm.AddJob(6);
    }
    std::map<std::string, std::string> given;  // By item: the node.
    for (const Assignment& assignment : farm.HandOut(farm.SomeAskers())) {
      for (const std::string& item : assignment.item_ids) {
        given[item] = assignment.node_id;
      }
    }
    for (const auto& [item, node] : given) {
      const auto of = std::find_if(farm.jobs().begin(), farm.jobs().end(), [&](const auto& job) {
        return job.job_id == JobOfItem(item);
      });
      for (const WaitingJob& job : farm.jobs()) {
        if (job.tenant != of->tenant || job.priority <= of->priority) {
          continue;
        }
        // Pages show some of the items only: the first that still waits is on every page.
        for (int row = 1; row <= 6; ++row) {
          const std::string better = absl::StrCat(job.job_id, "-", row);
          const bool waits =
              given.count(better) == 0 && farm.desk().Waiting(job.job_id) > 0 && row == 1;
          EXPECT_FALSE(waits && farm.MayTake(node, job, better)) << item << " before " << better;
        }
      }
    }
  }
}

// Also the bound on what affinity costs: A is the option's.
void ExpectWeightedShares(std::int64_t affinity_items) {
  for (unsigned seed = 0; seed < kFarms && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed, ", A = ", affinity_items));
    Dice dice(seed);
    SchedulerOptions options;
    options.affinity_items = affinity_items;
    std::map<std::string, double> weights;
    for (int t = 0; t < 4; ++t) {
      weights[absl::StrCat("t", t)] = 0.25 * static_cast<double>(1 + dice.Below(16));
      options.shares.named[absl::StrCat("t", t)].weight = weights[absl::StrCat("t", t)];
    }
    Desk desk(options, /*page=*/50);
    for (int n = 0; n < 5; ++n) {
      FarmNode node{.node_id = absl::StrCat("n", n), .slots = 1};
      for (int t = 0; t < 4; ++t) {
        if (dice.Below(2) == 0) {
          node.specs.push_back(absl::StrCat("spec of j", t));
        }
      }
      desk.scheduler().SetNode(node);
    }
    for (int t = 0; t < 4; ++t) {
      desk.Add(JobOfTenant(absl::StrCat("t", t), absl::StrCat("j", t)), 400);
    }
    desk.Tell(kStart);
    std::map<std::string, double> given;
    for (int i = 0; i < 300; ++i) {
      // Now and then one node alone asks for long, and it may know but one of the jobs.
      const std::string node = absl::StrCat("n", (i / 20) % 5);
      for (const std::string& item : Desk::ItemsOf(desk.Decide({AskerOf(node, 1)}), node)) {
        given[absl::StrCat("t", item.substr(1, 1))] += 1;
      }
      for (const auto& [ahead, weight] : weights) {
        for (const auto& [behind, other_weight] : weights) {
          EXPECT_LE(given[ahead] / weight - given[behind] / other_weight,
                    static_cast<double>(affinity_items + 1) / weight + 1e-9)
              << ahead << " and " << behind << " after " << i;
        }
      }
    }
  }
}

TEST(SchedulerProperty, SharesFollowTheWeightsWithinOneItem) {
  ExpectWeightedShares(/*affinity_items=*/0);
}

TEST(SchedulerProperty, AffinityCostsNoMoreFairnessThanItsBound) {
  ExpectWeightedShares(/*affinity_items=*/4);
  ExpectWeightedShares(/*affinity_items=*/1);
}

TEST(SchedulerProperty, EqualJobsStayWithinTheBoundToo) {
  for (unsigned seed = 0; seed < kFarms && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    RandomFarm farm(seed, {});
    for (int j = 0; j < 6; ++j) {
      farm.desk().Add(JobOf(absl::StrCat("job", j)), 5 + static_cast<int>(farm.dice().Below(10)));
    }
    farm.desk().Tell(kStart);
    for (int i = 0; i < 10; ++i) {
      farm.desk().Decide(farm.SomeAskers());
      for (int ahead = 0; ahead < 6; ++ahead) {
        for (int behind = 0; behind < 6; ++behind) {
          const std::string ahead_id = absl::StrCat("job", ahead);
          const std::string behind_id = absl::StrCat("job", behind);
          if (farm.desk().Waiting(behind_id) > 0) {
            EXPECT_LE(farm.desk().Leased(ahead_id) - farm.desk().Leased(behind_id),
                      kAffinityItems + 1);
          }
        }
      }
    }
  }
}

// ---------------------------------------------------------------- deadlines

struct UnitJob {
  int release, deadline, items;
};

// Items of one second on `nodes` nodes: whether any schedule whatsoever meets all deadlines (Hall's
// condition, which for such items is sufficient).
bool IsFeasible(const std::vector<UnitJob>& jobs, int nodes) {
  for (const UnitJob& from : jobs) {
    for (const UnitJob& to : jobs) {
      int inside = 0;
      for (const UnitJob& job : jobs) {
        if (job.release >= from.release && job.deadline <= to.deadline) {
          inside += job.items;
        }
      }
      if (inside > nodes * std::max(0, to.deadline - from.release)) {
        return false;
      }
    }
  }
  return true;
}

std::vector<UnitJob> TightJobs(Dice& dice) {
  std::vector<UnitJob> jobs;
  for (std::size_t j = 2 + dice.Below(7); j > 0; --j) {
    const int release = static_cast<int>(dice.Below(8));
    jobs.push_back({release,
                    release + 1 + static_cast<int>(dice.Below(10)),
                    1 + static_cast<int>(dice.Below(8))});
  }
  return jobs;
}

// How many items end after their deadline.
int MissesOf(const std::vector<UnitJob>& jobs, int nodes, bool deadlines_known) {
  Desk desk({.affinity_items = 0});
  std::vector<Asker> askers;
  for (int n = 0; n < nodes; ++n) {
    SetNode(desk, absl::StrCat("n", n), 1);
    askers.push_back(AskerOf(absl::StrCat("n", n), 1));
  }
  int misses = 0;
  std::vector<std::pair<std::string, std::string>> held;
  for (int t = 0; t < 40; ++t) {
    for (std::size_t j = 0; j < jobs.size(); ++j) {
      if (jobs[j].release == t) {
        WaitingJob job = JobOf(absl::StrCat("j", j));
        job.created_at = kStart + absl::Seconds(t);
        if (deadlines_known) {
          job.deadline_at = kStart + absl::Seconds(jobs[j].deadline);
        }
        desk.Add(job, jobs[j].items);
      }
    }
    for (const auto& [item, node] : std::exchange(held, {})) {
      desk.End(item, node, absl::Seconds(1));
    }
    for (const Assignment& assignment : desk.HandOut(askers, kStart + absl::Seconds(t))) {
      for (const std::string& item : assignment.item_ids) {
        held.emplace_back(item, assignment.node_id);
        const auto j = static_cast<std::size_t>(std::stoi(JobOfItem(item).substr(1)));
        misses += t + 1 > jobs[j].deadline ? 1 : 0;
      }
    }
  }
  return misses;
}

TEST(SchedulerProperty, OfOnePriorityEveryDeadlineIsMetThatCanBe) {
  int feasible = 0;
  int missed_without_deadlines = 0;
  for (unsigned seed = 0; seed < 1500 && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    Dice dice(seed);
    const int nodes = 1 + static_cast<int>(dice.Below(4));
    const std::vector<UnitJob> jobs = TightJobs(dice);
    if (IsFeasible(jobs, nodes)) {
      ++feasible;
      EXPECT_EQ(MissesOf(jobs, nodes, /*deadlines_known=*/true), 0);
      missed_without_deadlines += MissesOf(jobs, nodes, /*deadlines_known=*/false);
    }
  }
  EXPECT_GT(feasible, 100);
  EXPECT_GT(missed_without_deadlines, 100) << "these deadlines are too easy to say anything";
}

// ---------------------------------------------------------------- starvation

TEST(SchedulerProperty, NobodyStarves) {
  for (unsigned seed = 0; seed < 30 && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    Dice dice(seed);
    SchedulerOptions options = WithShares({{"small", {.weight = 0.2}}});
    options.starvation_after = absl::Seconds(60);
    Desk desk(options);
    // Urgent work without end, of two tenants, always more than the one node can do.
    std::vector<std::string> patient;
    for (const char* tenant : {"acme", "small"}) {
      WaitingJob urgent = JobOf(absl::StrCat("urgent ", tenant), JobPriority::kHigh);
      urgent.tenant = tenant;
      urgent.deadline_at = kStart + absl::Hours(1 + static_cast<double>(dice.Below(9)));
      desk.Add(urgent, 4000);
      for (const JobPriority priority : {JobPriority::kLow, JobPriority::kNormal}) {
        WaitingJob job = JobOf(absl::StrCat("patient", patient.size()), priority);
        job.tenant = tenant;
        patient.push_back(job.job_id);
        desk.Add(job, 1 + static_cast<int>(dice.Below(4)));
      }
    }
    desk.Tell(kStart);
    constexpr int kSmallEvery = 6;  // 0.2 of 1.2
    const auto bound = 60 + 2 * (options.starving_turn + 1) * kSmallEvery;
    std::map<std::string, int> served_at;
    for (int t = 0; t < 1000; ++t) {
      const absl::Time now = kStart + absl::Seconds(t);
      for (const std::string& item : Desk::ItemsOf(desk.Decide({AskerOf("n", 1)}, now), "n")) {
        const int before = std::exchange(served_at[JobOfItem(item)], t);
        EXPECT_LE(t - before, bound) << item;
        desk.End(item, "n", absl::Seconds(1));
      }
    }
    for (const std::string& job_id : patient) {
      EXPECT_EQ(desk.Waiting(job_id), 0) << job_id;
    }
  }
}

TEST(SchedulerProperty, TheSameCallsGiveTheSameDecisions) {
  for (unsigned seed = 0; seed < kFarms && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    RandomFarm one(seed, {});
    RandomFarm other(seed, {});
    for (int step = 0; step < 20; ++step) {
      for (RandomFarm* farm : {&one, &other}) {
        farm->AddJob(8);
        farm->EndSome();
      }
      EXPECT_EQ(one.HandOut(one.SomeAskers()), other.HandOut(other.SomeAskers()));
    }
  }
}

}  // namespace
}  // namespace rn
