#include "coordinator/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "absl/strings/str_cat.h"

namespace rn {

bool operator==(const Assignment& a, const Assignment& b) {
  return a.session == b.session && a.node_id == b.node_id && a.item_ids == b.item_ids;
}

namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

WaitingJob JobOf(const std::string& id, int items, JobPriority priority = JobPriority::kNormal) {
  WaitingJob job;
  job.job_id = id;
  job.priority = priority;
  job.spec_digest = "spec of " + id;
  for (int row = 1; row <= items; ++row) {
    job.items.push_back(absl::StrCat(id, "-", row));
  }
  return job;
}

Asker AskerOf(const std::string& node, std::int64_t want) {
  return {.session = node, .node_id = node, .want = want};
}

std::vector<std::string> ItemsOf(const std::vector<Assignment>& assignments,
                                 const std::string& session) {
  for (const Assignment& assignment : assignments) {
    if (assignment.session == session) {
      return assignment.item_ids;
    }
  }
  return {};
}

TEST(Scheduler, HigherPriorityGoesFirst) {
  const auto given = Schedule({JobOf("low", 2, JobPriority::kLow),
                               JobOf("normal", 1),
                               JobOf("high", 1, JobPriority::kHigh)},
                              {AskerOf("n", 3)});
  EXPECT_THAT(ItemsOf(given, "n"), ElementsAre("high-1", "normal-1", "low-1"));
}

TEST(Scheduler, TheOlderOfTwoEqualJobsGoesFirst) {
  WaitingJob younger = JobOf("a", 1);
  younger.created_at = absl::FromUnixSeconds(2);
  WaitingJob older = JobOf("b", 1);
  older.created_at = absl::FromUnixSeconds(1);
  EXPECT_THAT(ItemsOf(Schedule({younger, older}, {AskerOf("n", 1)}), "n"), ElementsAre("b-1"));
}

TEST(Scheduler, ALargeJobDoesNotStarveASmallLaterOne) {
  WaitingJob large = JobOf("large", 100);
  large.leased = 50;
  large.created_at = absl::FromUnixSeconds(1);
  WaitingJob small = JobOf("small", 2);
  small.created_at = absl::FromUnixSeconds(2);
  EXPECT_THAT(ItemsOf(Schedule({large, small}, {AskerOf("n", 3)}), "n"),
              ElementsAre("small-1", "small-2", "large-1"));
}

TEST(Scheduler, ItemsGoToTheNodeThatKnowsTheJob) {
  Asker knows = AskerOf("knows", 2);
  knows.spec_digests = {"spec of a"};
  const auto given = Schedule({JobOf("a", 2)}, {AskerOf("stranger", 9), knows});
  EXPECT_THAT(ItemsOf(given, "knows"), ElementsAre("a-1", "a-2"));
  EXPECT_THAT(ItemsOf(given, "stranger"), IsEmpty());
}

TEST(Scheduler, ANodeStaysWithAJobItKnowsUntilAnotherIsFarBehind) {
  Asker asker = AskerOf("n", kAffinityItems + 3);
  asker.spec_digests = {"spec of b"};
  const auto items = ItemsOf(Schedule({JobOf("a", 9), JobOf("b", 9)}, {asker}), "n");
  EXPECT_EQ(items[0], "b-1");
  const auto of_b =
      std::count_if(items.begin(), items.end(), [](const std::string& id) { return id[0] == 'b'; });
  EXPECT_EQ(of_b, kAffinityItems + 1);
}

TEST(Scheduler, IdleNodesShareAJob) {
  const auto given = Schedule({JobOf("a", 4)}, {AskerOf("m", 4), AskerOf("n", 4)});
  EXPECT_EQ(ItemsOf(given, "m").size(), 2U);
  EXPECT_EQ(ItemsOf(given, "n").size(), 2U);
}

TEST(Scheduler, ARefusedNodeGetsTheNextJobInstead) {
  WaitingJob refusing = JobOf("a", 2, JobPriority::kHigh);
  refusing.refused_nodes = {"n"};
  EXPECT_THAT(ItemsOf(Schedule({refusing, JobOf("b", 1)}, {AskerOf("n", 5)}), "n"),
              ElementsAre("b-1"));
}

TEST(Scheduler, AnItemThatAvoidsANodeLetsTheOthersPass) {
  WaitingJob job = JobOf("a", 3);
  job.avoided = {{"a-1", "n"}};
  EXPECT_THAT(ItemsOf(Schedule({job}, {AskerOf("n", 5)}), "n"), ElementsAre("a-2", "a-3"));
  const auto given = Schedule({job}, {AskerOf("n", 2), AskerOf("m", 1)});
  EXPECT_THAT(ItemsOf(given, "m"), ElementsAre("a-1"));
  EXPECT_THAT(ItemsOf(given, "n"), ElementsAre("a-2", "a-3"));
}

TEST(Scheduler, ANodeThatAJobsItemsAvoidGetsTheNextJobInstead) {
  WaitingJob avoiding = JobOf("a", 1, JobPriority::kHigh);
  avoiding.avoided = {{"a-1", "n"}};
  EXPECT_THAT(ItemsOf(Schedule({avoiding, JobOf("b", 1)}, {AskerOf("n", 5)}), "n"),
              ElementsAre("b-1"));
}

TEST(Scheduler, NothingWaitsAndNobodyAsks) {
  EXPECT_THAT(Schedule({}, {AskerOf("n", 5)}), IsEmpty());
  EXPECT_THAT(Schedule({JobOf("a", 1)}, {}), IsEmpty());
  EXPECT_THAT(Schedule({JobOf("a", 1)}, {AskerOf("n", 0)}), IsEmpty());
}

// ---------------------------------------------------------------- every schedule, whatever the
// farm

struct Farm {
  std::vector<WaitingJob> jobs;
  std::vector<Asker> askers;
};

Farm RandomFarm(std::uint32_t seed) {
  std::mt19937 random(seed);
  const auto upto = [&](int max) { return std::uniform_int_distribution<int>(0, max)(random); };
  Farm farm;
  for (int j = upto(6); j >= 0; --j) {
    WaitingJob job = JobOf(absl::StrCat("job", j), upto(12), static_cast<JobPriority>(upto(2)));
    job.leased = upto(20);
    job.created_at = absl::FromUnixSeconds(upto(3));
    for (int n = 0; n < 8; ++n) {
      if (upto(5) == 0) {
        job.refused_nodes.insert(absl::StrCat("node", n));
      }
    }
    for (const std::string& item : job.items) {
      if (upto(3) == 0) {
        job.avoided[item] = absl::StrCat("node", upto(2));
      }
    }
    farm.jobs.push_back(std::move(job));
  }
  for (int n = upto(8); n > 0; --n) {
    Asker asker = AskerOf(absl::StrCat("node", n - 1), upto(6));
    asker.session = "session of " + asker.node_id;
    for (const WaitingJob& job : farm.jobs) {
      if (upto(2) == 0) {
        asker.spec_digests.insert(job.spec_digest);
      }
    }
    farm.askers.push_back(std::move(asker));
  }
  return farm;
}

class ScheduleProperty : public ::testing::Test {
 protected:
  struct Given {
    const WaitingJob* job;
    const Asker* asker;
  };

  static constexpr std::uint32_t kFarms = 2000;

  // Calls `check` on each of many farms and what they got, by item.
  template <typename Check>
  static void ForEachFarm(Check check) {
    for (std::uint32_t seed = 0; seed < kFarms && !HasFailure(); ++seed) {
      SCOPED_TRACE(absl::StrCat("seed ", seed));
      const Farm farm = RandomFarm(seed);
      const std::vector<Assignment> assignments = Schedule(farm.jobs, farm.askers);
      std::multimap<std::string, Given> given;
      for (const Assignment& assignment : assignments) {
        for (const std::string& item : assignment.item_ids) {
          given.emplace(item, Given{JobOfItem(farm, item), AskerOfSession(farm, assignment)});
        }
      }
      check(farm, given);
    }
  }

  static const WaitingJob* JobOfItem(const Farm& farm, const std::string& item) {
    for (const WaitingJob& job : farm.jobs) {
      if (std::count(job.items.begin(), job.items.end(), item) > 0) {
        return &job;
      }
    }
    ADD_FAILURE() << item << " does not wait";
    return nullptr;
  }

  static const Asker* AskerOfSession(const Farm& farm, const Assignment& assignment) {
    for (const Asker& asker : farm.askers) {
      if (asker.session == assignment.session) {
        return &asker;
      }
    }
    ADD_FAILURE() << assignment.session << " did not ask";
    return nullptr;
  }

  static std::int64_t CountOf(const std::multimap<std::string, Given>& given, const Asker& asker) {
    return std::count_if(given.begin(), given.end(), [&](const auto& entry) {
      return entry.second.asker == &asker;
    });
  }
  static std::int64_t CountOf(const std::multimap<std::string, Given>& given,
                              const WaitingJob& job) {
    return std::count_if(
        given.begin(), given.end(), [&](const auto& entry) { return entry.second.job == &job; });
  }
  static bool MayTake(const Asker& asker, const WaitingJob& job, const std::string& item) {
    const auto avoided = job.avoided.find(item);
    return job.refused_nodes.count(asker.node_id) == 0 &&
           (avoided == job.avoided.end() || avoided->second != asker.node_id);
  }
  // Whether any of the job's items is left that the node may have.
  static bool FindsMore(const Asker& asker,
                        const WaitingJob& job,
                        const std::multimap<std::string, Given>& given) {
    return std::any_of(job.items.begin(), job.items.end(), [&](const std::string& item) {
      return given.count(item) == 0 && MayTake(asker, job, item);
    });
  }
};

TEST_F(ScheduleProperty, NoItemIsGivenTwice) {
  ForEachFarm([](const Farm&, const auto& given) {
    for (const auto& entry : given) {
      EXPECT_EQ(given.count(entry.first), 1U) << entry.first;
    }
  });
}

TEST_F(ScheduleProperty, NobodyGetsMoreThanWantedNorWhatRefusesThem) {
  ForEachFarm([](const Farm& farm, const auto& given) {
    for (const Asker& asker : farm.askers) {
      EXPECT_LE(CountOf(given, asker), asker.want);
    }
    for (const auto& [item, what] : given) {
      EXPECT_TRUE(MayTake(*what.asker, *what.job, item)) << item;
    }
  });
}

TEST_F(ScheduleProperty, NothingWaitsBesideANodeThatCouldTakeIt) {
  ForEachFarm([](const Farm& farm, const auto& given) {
    for (const WaitingJob& job : farm.jobs) {
      for (const Asker& asker : farm.askers) {
        EXPECT_FALSE(CountOf(given, asker) < asker.want && FindsMore(asker, job, given))
            << job.job_id << " and " << asker.node_id;
      }
    }
  });
}

TEST_F(ScheduleProperty, NoNodeWorksOnALowerPriorityThanItCould) {
  ForEachFarm([](const Farm& farm, const auto& given) {
    for (const auto& [item, what] : given) {
      for (const WaitingJob& job : farm.jobs) {
        EXPECT_FALSE(job.priority > what.job->priority && FindsMore(*what.asker, job, given))
            << item << " before " << job.job_id;
      }
    }
  });
}

TEST_F(ScheduleProperty, EqualJobsStayWithinTheFairnessBound) {
  ForEachFarm([](Farm farm, const auto&) {
    for (WaitingJob& job : farm.jobs) {
      job.refused_nodes.clear();
      job.avoided.clear();
      job.leased = 0;
    }
    std::map<std::string, std::int64_t> under_way;
    for (const Assignment& assignment : Schedule(farm.jobs, farm.askers)) {
      for (const std::string& item : assignment.item_ids) {
        ++under_way[item.substr(0, item.find('-'))];
      }
    }
    for (const WaitingJob& ahead : farm.jobs) {
      for (const WaitingJob& behind : farm.jobs) {
        const bool still_waits =
            under_way[behind.job_id] < static_cast<std::int64_t>(behind.items.size());
        if (ahead.priority == behind.priority && still_waits) {
          EXPECT_LE(under_way[ahead.job_id] - under_way[behind.job_id], kAffinityItems + 1);
        }
      }
    }
  });
}

TEST_F(ScheduleProperty, TheSameFarmGetsTheSameSchedule) {
  ForEachFarm([](const Farm& farm, const auto&) {
    EXPECT_EQ(Schedule(farm.jobs, farm.askers), Schedule(farm.jobs, farm.askers));
  });
}

}  // namespace
}  // namespace rn
