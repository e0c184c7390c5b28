#include "daemon/uploader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bounded_queue.h"
#include "base/file.h"
#include "daemon/file_object_store.h"
#include "proto/item_error.h"

namespace rn {
namespace {
namespace fs = std::filesystem;

using ::testing::HasSubstr;

constexpr absl::Duration kPatience = absl::Seconds(20);  // Ends a test that would hang.

class UploaderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto dir = TempDir::Create("uploader");
    ASSERT_TRUE(dir.ok()) << dir.status();
    dir_ = std::make_unique<TempDir>(*std::move(dir));
    fs::create_directories(work());
    auto store = FileObjectStore::Open({.root = dir_->path() / "artifacts"});
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    uploader_ = std::make_unique<Uploader>(UploadOptions{.work_folder = work()},
                                           *store_,
                                           [this](Event event) { events_.Push(std::move(event)); });
  }
  void TearDown() override {
    events_.Close();
    uploader_.reset();
  }

  fs::path work() const { return dir_->path() / "work"; }

  // A result of the file that a worker wrote.
  UploadItem ItemOf(const fs::path& path, const std::string& bytes) {
    EXPECT_TRUE(WriteFileDurably(path, bytes).ok());
    UploadItem item;
    item.lease.mutable_ref()->set_item_id("item");
    item.lease.mutable_ref()->set_fence(7);
    item.lease.set_output_prefix("bucket/job/item/7/");
    item.result.set_outcome(rendernode::SUCCEEDED);
    rendernode::Artifact& artifact = *item.result.add_artifacts();
    artifact.set_path(path.string());
    artifact.set_bytes(bytes.size());
    artifact.set_sha256(Sha256(bytes));
    artifact.set_format("mp4");
    return item;
  }

  // The next event, which must be a T.
  template <typename T>
  T Next() {
    std::optional<Event> event = events_.PopFor(kPatience);
    if (!event.has_value() || !std::holds_alternative<T>(*event)) {
      ADD_FAILURE() << (event.has_value() ? "another event came first" : "no event");
      return T{};
    }
    return std::get<T>(*std::move(event));
  }

  std::unique_ptr<TempDir> dir_;
  std::unique_ptr<FileObjectStore> store_;
  BoundedQueue<Event> events_{100};
  std::unique_ptr<Uploader> uploader_;
};

TEST_F(UploaderTest, EveryArtifactGetsTheUrlOfItsObject) {
  UploadItem item = ItemOf(work() / "video.mp4", "frames");
  *item.result.mutable_artifacts()->Add() =
      ItemOf(work() / "poster.jpg", "pixels").result.artifacts(0);
  uploader_->Do(std::move(item));
  const auto uploaded = Next<Uploaded>();
  EXPECT_EQ(uploaded.key, (LeaseKey{"item", 7}));
  ASSERT_EQ(uploaded.result.artifacts_size(), 2);
  EXPECT_EQ(uploaded.result.artifacts(0).url(), "/artifacts/bucket/job/item/7/video.mp4");
  EXPECT_EQ(uploaded.result.artifacts(1).url(), "/artifacts/bucket/job/item/7/poster.jpg");
  EXPECT_EQ(uploaded.result.artifacts(0).path(), "");
  EXPECT_EQ(uploaded.result.artifacts(0).sha256(), Sha256("frames"));
  EXPECT_EQ(*ReadFile(dir_->path() / "artifacts/bucket/job/item/7/video.mp4", 100), "frames");
  EXPECT_TRUE(fs::exists(work() / "video.mp4")) << "the local file is not ours to remove";
}

TEST_F(UploaderTest, AnUploadRepeatedAfterACrashSucceeds) {
  uploader_->Do(ItemOf(work() / "video.mp4", "frames"));
  Next<Uploaded>();
  uploader_->Do(ItemOf(work() / "video.mp4", "frames"));
  EXPECT_EQ(Next<Uploaded>().result.artifacts(0).url(), "/artifacts/bucket/job/item/7/video.mp4");
}

TEST_F(UploaderTest, AFileThatIsGoneOrDamagedMustBeRenderedAgain) {
  UploadItem gone = ItemOf(work() / "video.mp4", "frames");
  fs::remove(work() / "video.mp4");
  uploader_->Do(gone);
  EXPECT_TRUE(absl::IsDataLoss(Next<UploadFailed>().status));
  ASSERT_TRUE(WriteFileDurably(work() / "video.mp4", "framez").ok());
  uploader_->Do(std::move(gone));
  EXPECT_TRUE(absl::IsDataLoss(Next<UploadFailed>().status));
}

TEST_F(UploaderTest, AWorkersWordOnAFileElsewhereIsNotBelieved) {
  const fs::path secret = dir_->path() / "secret";
  UploadItem item = ItemOf(secret, "key");
  uploader_->Do(item);
  EXPECT_TRUE(absl::IsDataLoss(Next<UploadFailed>().status));
  fs::create_symlink(secret, work() / "video.mp4");
  item.result.mutable_artifacts(0)->set_path((work() / "video.mp4").string());
  uploader_->Do(item);
  const absl::Status status = Next<UploadFailed>().status;
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("is not inside of"));
}

TEST_F(UploaderTest, ARefusalSaysSoWithTheApisCode) {
  UploadItem item = ItemOf(work() / "video.mp4", "frames");
  item.lease.set_output_prefix("../outside/");
  uploader_->Do(std::move(item));
  const auto failed = Next<UploadFailed>();
  EXPECT_TRUE(absl::IsInvalidArgument(failed.status)) << failed.status;
  EXPECT_EQ(ItemErrorOf(failed.status), rendernode::ITEM_ERROR_STORAGE_UPLOAD_FAILED);
}

// The one event comes, whether the discard or the upload was first.
TEST_F(UploaderTest, ADiscardedUploadIsAnsweredOnce) {
  for (int i = 0; i < 20; ++i) {
    uploader_->Do(ItemOf(work() / absl::StrCat("video", i, ".mp4"), std::string(1 << 20, 'f')));
    uploader_->Do(Discard{{"item", 7}});
    const std::optional<Event> event = events_.PopFor(kPatience);
    ASSERT_TRUE(event.has_value());
    if (const auto* failed = std::get_if<UploadFailed>(&*event)) {
      EXPECT_TRUE(absl::IsCancelled(failed->status)) << failed->status;
    } else {
      EXPECT_TRUE(std::holds_alternative<Uploaded>(*event));
    }
  }
  EXPECT_EQ(events_.size(), 0u);
}

}  // namespace
}  // namespace rn
