// Hygiene under time: many small items through one daemon, which must end as it began. Sixty here;
// by hand as many as one likes:
//   RENDERNODE_SOAK_ITEMS=1000 out/dev/bin/e2e_test --gtest_filter='SoakTest.*'
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/e2e/farm.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RN_SANITIZED 1
#endif

namespace rn {
namespace {
namespace fs = std::filesystem;

using nlohmann::json;

constexpr int kItemsShort = 60;
constexpr int kItemsMax = 9000;  // Rows of a sheet.
constexpr int kSamples = 30;
constexpr absl::Duration kTimePerItem = absl::Seconds(4);  // On a loaded machine.

int Items() {
  const char* wanted = std::getenv("RENDERNODE_SOAK_ITEMS");
  int items = kItemsShort;
  if (wanted != nullptr &&
      (!absl::SimpleAtoi(wanted, &items) || items < kSamples || items > kItemsMax)) {
    ADD_FAILURE() << "RENDERNODE_SOAK_ITEMS must be " << kSamples << " to " << kItemsMax;
    return kItemsShort;
  }
  return items;
}

std::int64_t EntriesIn(const fs::path& folder) {
  std::error_code error;
  std::int64_t entries = 0;
  for (fs::recursive_directory_iterator entry(folder, error), end; entry != end && !error;
       entry.increment(error)) {
    ++entries;
  }
  return entries;
}

double ResidentKib(pid_t pid) {
  std::ifstream status(absl::StrCat("/proc/", pid, "/status"));
  for (std::string line; std::getline(status, line);) {
    long kib = 0;
    if (std::sscanf(line.c_str(), "VmRSS: %ld", &kib) == 1) {
      return static_cast<double>(kib);
    }
  }
  return 0;
}

// What the daemon has of each thing at one moment.
struct Sample {
  int items = 0;
  double rss_kib = 0;
  std::int64_t fds = 0, processes = 0, threads = 0, temporaries = 0;
};

class SoakTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto farm = Farm::Create();
    ASSERT_TRUE(farm.ok()) << farm.status();
    farm_ = *std::move(farm);
  }
  void TearDown() override {
    if (HasFailure() && farm_ != nullptr) {
      const std::string logs = farm_->Logs();
      std::printf("%s\n",
                  logs.substr(logs.size() - std::min<std::size_t>(logs.size(), 20000)).c_str());
    }
  }

  Sample Look(int items) const {
    const fs::path proc = absl::StrCat("/proc/", farm_->node_pid());
    return {.items = items,
            .rss_kib = ResidentKib(farm_->node_pid()),
            .fds = EntriesIn(proc / "fd"),
            .processes = static_cast<std::int64_t>(farm_->WorkerPids().size()),
            .threads = static_cast<std::int64_t>(
                std::distance(fs::directory_iterator(proc / "task"), fs::directory_iterator())),
            .temporaries = Temporaries()};
  }

  // Work folders, downloads under way, files half written: all that is not kept on purpose.
  std::int64_t Temporaries() const {
    std::int64_t found = 0;
    std::error_code error;
    for (fs::recursive_directory_iterator entry(farm_->folder(), error), end;
         entry != end && !error;
         entry.increment(error)) {
      const std::string name = entry->path().filename().string();
      const std::string folder = entry->path().parent_path().filename().string();
      const bool temporary = folder == "partial" || folder == ".trash" ||
                             absl::StartsWith(folder, ".slot-") ||
                             (folder == "work" && name.front() != '.') ||
                             absl::StrContains(name, ".tmp") || absl::EndsWith(name, ".part");
      found += temporary ? 1 : 0;
    }
    return found;
  }

  std::unique_ptr<Farm> farm_;
};

template <typename Field>
double Mean(const std::vector<Sample>& samples, std::size_t begin, std::size_t end, Field field) {
  double sum = 0;
  for (std::size_t i = begin; i < end; ++i) {
    sum += static_cast<double>(samples[i].*field);
  }
  return sum / static_cast<double>(end - begin);
}

TEST_F(SoakTest, ADaemonIsAfterManyItemsWhatItWasBefore) {
  const int items = Items();
  std::vector<std::array<std::string, 3>> rows;
  for (int i = 1; i <= items; ++i) {
    rows.push_back({absl::StrCat("Video ", i), absl::StrCat("Number ", i, "."), "speaker.jpg"});
  }
  farm_->WriteSheet("soak", rows);
  const auto job = farm_->Submit("soak", "Soak");
  ASSERT_TRUE(job.ok()) << job.status();

  std::vector<Sample> samples;
  bool failed = false;
  ASSERT_TRUE(farm_->WaitForJob(
      *job,
      absl::Seconds(60) + items * kTimePerItem,
      [&](const json& now) {
        const int done = now.at("items_completed").get<int>();
        failed = now.at("items_failed").get<int>() > 0;
        if (samples.empty() || done >= samples.back().items + std::max(1, items / kSamples)) {
          samples.push_back(Look(done));
        }
        return failed || done == items;
      }))
      << "items completed: " << (samples.empty() ? 0 : samples.back().items);
  ASSERT_FALSE(failed);

  for (const Sample& sample : samples) {
    std::printf("soak items=%d rss_kib=%.0f fds=%ld processes=%ld threads=%ld temporaries=%ld\n",
                sample.items,
                sample.rss_kib,
                static_cast<long>(sample.fds),
                static_cast<long>(sample.processes),
                static_cast<long>(sample.threads),
                static_cast<long>(sample.temporaries));
  }
  ASSERT_GE(samples.size(), 6u);
  // The first third warms up. Of the rest, its first half against its second.
  const std::size_t warm = samples.size() / 3;
  const std::size_t half = warm + (samples.size() - warm) / 2;
  const auto growth = [&](auto field) {
    return Mean(samples, half, samples.size(), field) - Mean(samples, warm, half, field);
  };
  // Each item uses a few of these for a moment; a leak of one per item would be dozens.
  EXPECT_LE(growth(&Sample::fds), 4);
  EXPECT_LE(growth(&Sample::processes), 1);
  EXPECT_LE(growth(&Sample::threads), 2);
  EXPECT_LE(growth(&Sample::temporaries), 10);
#ifndef RN_SANITIZED
  const double rss = Mean(samples, warm, half, &Sample::rss_kib);
  std::printf("soak rss_growth=%.2f%%\n", 100 * growth(&Sample::rss_kib) / rss);
  EXPECT_LE(growth(&Sample::rss_kib), std::max(0.01 * rss, 1024.0)) << "KiB, of " << rss;
#endif
  // With nothing left to do, nothing is left of what was done.
  EXPECT_TRUE(farm_->WaitUntil(absl::Seconds(20), [&] { return Temporaries() == 0; }));
}

}  // namespace
}  // namespace rn
