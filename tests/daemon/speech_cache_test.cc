#include "daemon/speech_cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/bounded_queue.h"
#include "base/file.h"

namespace rn {
namespace {
namespace fs = std::filesystem;

std::string Key(int n) {
  return Sha256(absl::StrCat(n));
}

class SpeechCacheTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto dir = TempDir::Create("speech");
    ASSERT_TRUE(dir.ok()) << dir.status();
    dir_ = std::make_unique<TempDir>(*std::move(dir));
    Open(100);
  }

  void Open(std::int64_t bytes_max) {
    cache_.reset();
    auto cache = SpeechCache::Create({.folder = dir_->path() / "cache", .bytes_max = bytes_max});
    ASSERT_TRUE(cache.ok()) << cache.status();
    cache_ = *std::move(cache);
  }

  // Of 40 bytes each.
  absl::StatusOr<SpeechCache::Pin> Get(int n) {
    return cache_->Get(Key(n),
                       [this, n](const fs::path& to) {
                         ++made_;
                         return WriteFileDurably(to, std::string(40, static_cast<char>('a' + n)));
                       },
                       {});
  }

  std::unique_ptr<TempDir> dir_;
  std::unique_ptr<SpeechCache> cache_;
  int made_ = 0;
};

TEST_F(SpeechCacheTest, WhatWasSpokenIsFoundAgainAlsoAfterARestart) {
  for (int i = 0; i < 2; ++i) {
    const auto pin = Get(1);
    ASSERT_TRUE(pin.ok()) << pin.status();
    EXPECT_EQ(*ReadFile(pin->path(), 100), std::string(40, 'b'));
  }
  Open(100);
  ASSERT_TRUE(Get(1).ok());
  EXPECT_EQ(made_, 1);
  EXPECT_EQ(cache_->bytes(), 40);
}

TEST_F(SpeechCacheTest, TheLeastRecentlyUsedMakesRoom) {
  ASSERT_TRUE(Get(1).ok());
  ASSERT_TRUE(Get(2).ok());
  ASSERT_TRUE(Get(1).ok());
  ASSERT_TRUE(Get(3).ok());  // instead of 2
  EXPECT_EQ(cache_->bytes(), 80);
  made_ = 0;
  ASSERT_TRUE(Get(1).ok());
  ASSERT_TRUE(Get(3).ok());
  EXPECT_EQ(made_, 0);
  ASSERT_TRUE(Get(2).ok());
  EXPECT_EQ(made_, 1);
}

TEST_F(SpeechCacheTest, WhatIsInUseStaysAndWhatDoesNotFitIsRefused) {
  {
    const auto one = Get(1), two = Get(2);
    EXPECT_TRUE(absl::IsResourceExhausted(Get(3).status()));
    EXPECT_TRUE(fs::exists(one->path()));
    EXPECT_TRUE(fs::exists(two->path()));
  }
  EXPECT_TRUE(Get(3).ok());
  EXPECT_TRUE(fs::is_empty(dir_->path() / "cache" / "partial"));
}

TEST_F(SpeechCacheTest, ASmallerLimitAndAHalfWrittenFileAreSeenAtTheStart) {
  ASSERT_TRUE(Get(1).ok());
  ASSERT_TRUE(Get(2).ok());
  ASSERT_TRUE(WriteFileDurably(dir_->path() / "cache" / "partial" / "7", "half").ok());
  Open(50);
  EXPECT_EQ(cache_->bytes(), 40);
  EXPECT_TRUE(fs::is_empty(dir_->path() / "cache" / "partial"));
}

TEST_F(SpeechCacheTest, ThoseWhoWantTheSameAtOnceShareOneMaking) {
  std::atomic<int> made = 0;
  BoundedQueue<bool> go(1);
  std::vector<std::thread> threads;
  std::atomic<int> served = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const auto pin = cache_->Get(Key(1),
                                   [&](const fs::path& to) {
                                     ++made;
                                     go.Pop();
                                     return WriteFileDurably(to, "speech");
                                   },
                                   {});
      served += pin.ok() ? 1 : 0;
    });
  }
  go.Push(true);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(made, 1);
  EXPECT_EQ(served, 4);
}

TEST_F(SpeechCacheTest, AFailureIsNotKept) {
  const auto failed =
      cache_->Get(Key(1), [](const fs::path&) { return absl::InternalError("hoarse"); }, {});
  EXPECT_EQ(failed.status(), absl::InternalError("hoarse"));
  EXPECT_TRUE(Get(1).ok());
}

TEST_F(SpeechCacheTest, WhenTheOneThatMakesItIsStoppedTheNextOneMakesIt) {
  BoundedQueue<bool> begun(1), go(1);
  std::stop_source stop;
  std::thread first([&] {
    const auto pin = cache_->Get(
        Key(1),
        [&](const fs::path&) {
          begun.Push(true);
          go.Pop();
          return absl::CancelledError("stopped");
        },
        stop.get_token());
    EXPECT_TRUE(absl::IsCancelled(pin.status()));
  });
  begun.Pop();
  std::thread second([&] { EXPECT_TRUE(Get(1).ok()); });
  go.Push(true);
  first.join();
  second.join();
  EXPECT_EQ(made_, 1);
}

}  // namespace
}  // namespace rn
