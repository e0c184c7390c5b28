#include "daemon/store_keeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bounded_queue.h"
#include "base/file.h"
#include "daemon/file_object_store.h"

namespace rn {
namespace {
namespace fs = std::filesystem;

constexpr absl::Duration kPatience = absl::Seconds(60);  // Ends a test that would hang.
constexpr char kAttempt[] = "bucket/job/item/7/";

class StoreKeeperTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto dir = TempDir::Create("keeper");
    ASSERT_TRUE(dir.ok()) << dir.status();
    dir_ = std::make_unique<TempDir>(*std::move(dir));
    auto store = FileObjectStore::Open({.root = root()});
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  void TearDown() override {
    events_.Close();
    keeper_.reset();
  }

  void Start() {
    auto keeper = StoreKeeper::Create(
        {.folder = dir_->path() / "removals",
         .probe_interval = absl::Milliseconds(5),
         .retry = {.min = absl::Milliseconds(5), .max = absl::Milliseconds(20)}},
        *store_,
        Clock::System(),
        [] { return 0.0; },
        [this](Event event) { events_.Push(std::move(event)); });
    ASSERT_TRUE(keeper.ok()) << keeper.status();
    keeper_ = *std::move(keeper);
  }

  // Waits for a probe that ends so; false when none comes.
  bool Probed(absl::StatusCode code) {
    while (const std::optional<Event> event = events_.PopFor(kPatience)) {
      if (std::get<StoreChecked>(*event).status.code() == code) {
        return true;
      }
    }
    return false;
  }
  // Probes go on meanwhile.
  bool Gone(const fs::path& path) {
    for (int i = 0; i < 10000 && fs::exists(path); ++i) {
      events_.PopFor(kPatience);
    }
    return !fs::exists(path);
  }
  void Leave(const std::string& key) {
    fs::create_directories((root() / key).parent_path());
    ASSERT_TRUE(WriteFileDurably(root() / key, "frames").ok());
  }

  fs::path root() const { return dir_->path() / "artifacts"; }

  std::unique_ptr<TempDir> dir_;
  std::unique_ptr<FileObjectStore> store_;
  BoundedQueue<Event> events_{100};
  std::unique_ptr<StoreKeeper> keeper_;
};

TEST_F(StoreKeeperTest, AStoreThatGoesAndComesBackIsNoticed) {
  Start();
  EXPECT_TRUE(Probed(absl::StatusCode::kOk));
  fs::rename(root(), dir_->path() / "away");
  EXPECT_TRUE(Probed(absl::StatusCode::kUnavailable));
  fs::rename(dir_->path() / "away", root());
  EXPECT_TRUE(Probed(absl::StatusCode::kOk));
}

TEST_F(StoreKeeperTest, ASupersededAttemptGoesAndNoOther) {
  Leave("bucket/job/item/7/video.mp4");
  Leave("bucket/job/item/7/.poster.jpg.part");
  Leave("bucket/job/item/70/video.mp4");
  Start();
  keeper_->Do(RemoveAttempt{{"item", 7}, kAttempt});
  EXPECT_TRUE(Gone(root() / kAttempt));
  EXPECT_TRUE(fs::exists(root() / "bucket/job/item/70/video.mp4"));
}

TEST_F(StoreKeeperTest, ARemovalWaitsForAStoreThatIsAwayEvenOverARestart) {
  Leave("bucket/job/item/7/video.mp4");
  Start();
  fs::rename(root(), dir_->path() / "away");
  keeper_->Do(RemoveAttempt{{"item", 7}, kAttempt});
  EXPECT_TRUE(Probed(absl::StatusCode::kUnavailable));
  keeper_.reset();
  fs::rename(dir_->path() / "away", root());
  Start();
  EXPECT_TRUE(Gone(root() / kAttempt));
  EXPECT_TRUE(Gone(dir_->path() / "removals" / Sha256(kAttempt))) << "it is done once";
}

TEST_F(StoreKeeperTest, ARemovalThatIsRefusedHoldsUpNoOther) {
  Leave("bucket/job/item/7/video.mp4");
  Start();
  keeper_->Do(RemoveAttempt{{"item", 7}, "../outside/"});
  keeper_->Do(RemoveAttempt{{"item", 7}, kAttempt});
  EXPECT_TRUE(Gone(root() / kAttempt));
}

}  // namespace
}  // namespace rn
