#include "daemon/file_object_store.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>

#include "base/file.h"
#include "proto/item_error.h"

namespace rn {
namespace {
namespace fs = std::filesystem;

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kKey[] = "bucket/job/item/7/video.mp4";

class ObjectStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto dir = TempDir::Create("store");
    ASSERT_TRUE(dir.ok()) << dir.status();
    dir_ = std::make_unique<TempDir>(*std::move(dir));
    store_ = Open();
  }

  std::unique_ptr<FileObjectStore> Open() {
    auto store = FileObjectStore::Open({.root = root(), .url_base = "/artifacts"});
    EXPECT_TRUE(store.ok()) << store.status();
    return *std::move(store);
  }

  // Puts `bytes`, which the request says are `promised`.
  absl::StatusOr<std::string> Put(const std::string& key,
                                  const std::string& bytes,
                                  const std::string& promised) {
    const fs::path file = dir_->path() / "rendered";
    EXPECT_TRUE(WriteFileDurably(file, bytes).ok());
    const UniqueFd fd(open(file.c_str(), O_RDONLY | O_CLOEXEC));
    return store_->Put(fd.get(),
                       {.key = key,
                        .bytes = static_cast<std::int64_t>(promised.size()),
                        .sha256 = Sha256(promised),
                        .content_type = "video/mp4"},
                       stop_.get_token());
  }
  absl::StatusOr<std::string> Put(const std::string& key, const std::string& bytes) {
    return Put(key, bytes, bytes);
  }

  // Every file in the store, hidden ones included.
  std::set<std::string> Files() {
    std::set<std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(root())) {
      if (!entry.is_directory()) {
        files.insert(fs::relative(entry.path(), root()).string());
      }
    }
    return files;
  }

  void Leave(const std::string& key, const std::string& bytes) {
    fs::create_directories((root() / key).parent_path());
    ASSERT_TRUE(WriteFileDurably(root() / key, bytes).ok());
  }

  fs::path root() const { return dir_->path() / "artifacts"; }
  std::string At(const std::string& key) { return *ReadFile(root() / key, 64 << 20); }

  std::unique_ptr<TempDir> dir_;
  std::stop_source stop_;
  std::unique_ptr<FileObjectStore> store_;
};

TEST_F(ObjectStoreTest, AnObjectIsThereWholeUnderItsUrl) {
  const auto url = Put(kKey, "frames");
  ASSERT_TRUE(url.ok()) << url.status();
  EXPECT_EQ(*url, "/artifacts/bucket/job/item/7/video.mp4");
  EXPECT_EQ(At(kKey), "frames");
  EXPECT_THAT(Files(), ElementsAre(kKey));
}

TEST_F(ObjectStoreTest, TheSameObjectMayBePutAgain) {
  ASSERT_TRUE(Put(kKey, "frames").ok());
  EXPECT_EQ(*Put(kKey, "frames"), "/artifacts/bucket/job/item/7/video.mp4");
}

TEST_F(ObjectStoreTest, AnObjectIsNeverReplacedByAnother) {
  ASSERT_TRUE(Put(kKey, "frames").ok());
  const absl::Status status = Put(kKey, "others").status();
  EXPECT_TRUE(absl::IsAlreadyExists(status)) << status;
  EXPECT_EQ(ItemErrorOf(status), rendernode::ITEM_ERROR_STORAGE_UPLOAD_FAILED);
  EXPECT_EQ(At(kKey), "frames");
  EXPECT_THAT(Files(), ElementsAre(kKey));
}

TEST_F(ObjectStoreTest, AFileThatIsNotWhatWasRenderedIsNotStored) {
  for (const char* other : {"frame", "frames!", "Frames"}) {
    const absl::Status status = Put(kKey, other, "frames").status();
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    EXPECT_THAT(Files(), IsEmpty());
  }
}

TEST_F(ObjectStoreTest, NoKeyLeadsOutOfTheStore) {
  fs::create_directories(dir_->path() / "elsewhere");
  for (const char* key : {"",
                          "/",
                          "/etc/passwd",
                          "../elsewhere/video.mp4",
                          "bucket/../../elsewhere/video.mp4",
                          "bucket/./video.mp4",
                          "bucket//video.mp4",
                          "bucket/video.mp4/",
                          "bucket/.hidden",
                          "bucket/a b",
                          "bucket/a\nb"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(Put(key, "frames").status())) << key;
  }
  EXPECT_THAT(Files(), IsEmpty());
}

TEST_F(ObjectStoreTest, NoSymbolicLinkLeadsOutOfTheStore) {
  fs::create_directories(dir_->path() / "elsewhere");
  fs::create_symlink(dir_->path() / "elsewhere", root() / "bucket");
  EXPECT_FALSE(Put("bucket/video.mp4", "frames").ok());
  EXPECT_FALSE(fs::exists(dir_->path() / "elsewhere/video.mp4"));
}

// ---------------------------------------------------------------- what a crash leaves

TEST_F(ObjectStoreTest, AHalfUploadOfACrashIsReplaced) {
  Leave("bucket/job/item/7/.video.mp4.part", "fra");
  ASSERT_TRUE(Put(kKey, "frames").ok());
  EXPECT_EQ(At(kKey), "frames");
  EXPECT_THAT(Files(), ElementsAre(kKey));
}

TEST_F(ObjectStoreTest, ACrashAfterTheObjectWasThereIsASuccess) {
  Leave(kKey, "frames");
  fs::create_hard_link(root() / kKey, root() / "bucket/job/item/7/.video.mp4.part");
  ASSERT_TRUE(Put(kKey, "frames").ok());
  EXPECT_THAT(Files(), ElementsAre(kKey));
}

// Killed wherever it happens to be, forty times: what others see is nothing or all of it.
TEST_F(ObjectStoreTest, AnUploadKilledAnywhereLeavesNoHalfObject) {
  const std::string bytes(8 << 20, 'f');
  const fs::path file = dir_->path() / "rendered";
  ASSERT_TRUE(WriteFileDurably(file, bytes).ok());
  const PutRequest request{.key = kKey,
                           .bytes = static_cast<std::int64_t>(bytes.size()),
                           .sha256 = Sha256(bytes),
                           .content_type = "video/mp4"};
  const UniqueFd fd(open(file.c_str(), O_RDONLY | O_CLOEXEC));
  for (int i = 0; i < 40; ++i) {
    int started[2];
    ASSERT_EQ(pipe2(started, O_CLOEXEC), 0);
    const pid_t child = fork();
    if (child == 0) {
      (void)!write(started[1], "", 1);
      _exit(store_->Put(fd.get(), request, {}).ok() ? 0 : 1);
    }
    char ready = 0;
    ASSERT_EQ(read(started[0], &ready, 1), 1);
    close(started[0]);
    close(started[1]);
    const std::string half = fs::path(root() / "bucket/job/item/7/.video.mp4.part").string();
    // As far as 0 %, 2.5 % … 97.5 % of the copy, or wherever else the child has got to by then.
    const std::int64_t until = static_cast<std::int64_t>(bytes.size()) * i / 40;
    std::error_code ignored;
    while (waitpid(child, nullptr, WNOHANG) == 0) {
      const auto size = fs::file_size(half, ignored);
      if (i == 0 || (!ignored && static_cast<std::int64_t>(size) >= until)) {
        kill(child, SIGKILL);
      }
    }
    if (fs::exists(root() / kKey)) {
      EXPECT_TRUE(At(kKey) == bytes);
    }
    fs::remove(root() / kKey);
  }
  EXPECT_TRUE(store_->Put(fd.get(), request, {}).ok());
  EXPECT_TRUE(At(kKey) == bytes);
  EXPECT_THAT(Files(), ElementsAre(kKey));
}

TEST_F(ObjectStoreTest, AStoppedUploadLeavesNothing) {
  stop_.request_stop();
  EXPECT_TRUE(absl::IsCancelled(Put(kKey, "frames").status()));
  EXPECT_THAT(Files(), IsEmpty());
}

// ---------------------------------------------------------------- a store in trouble

TEST_F(ObjectStoreTest, AStoreThatIsGoneMayComeBack) {
  fs::remove(root());
  const absl::Status status = Put(kKey, "frames").status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_EQ(ItemErrorOf(status), rendernode::ITEM_ERROR_STORAGE_UPLOAD_FAILED);
}

// A file system of 64 KiB, in a namespace of its own.
TEST_F(ObjectStoreTest, AFullStoreIsAQuotaAndKeepsNoHalfObject) {
  const pid_t child = fork();
  if (child == 0) {
    const bool mounted = (unshare(CLONE_NEWNS) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) &&
                         mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                         mount("tmpfs", root().c_str(), "tmpfs", 0, "size=64k") == 0;
    const absl::Status status = Put(kKey, std::string(1 << 20, 'f')).status();
    const bool as_said = absl::IsResourceExhausted(status) &&
                         ItemErrorOf(status) == rendernode::ITEM_ERROR_QUOTA_EXCEEDED;
    _exit(!mounted ? 2 : !as_said ? 3 : !Files().empty() ? 4 : 0);
  }
  int result = 0;
  ASSERT_EQ(waitpid(child, &result, 0), child);
  EXPECT_EQ(WEXITSTATUS(result), 0)
      << "2: no tmpfs (needs root or user namespaces), 3: another error, 4: something is left";
}

TEST_F(ObjectStoreTest, AStoreThatCannotBeMadeSaysSo) {
  ASSERT_TRUE(WriteFileDurably(dir_->path() / "file", "").ok());
  const absl::Status status =
      FileObjectStore::Open({.root = dir_->path() / "file" / "store"}).status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("file/store"));
}

// ---------------------------------------------------------------- probes and removals

TEST_F(ObjectStoreTest, AProbeSaysWhetherSomethingCouldBePutAndLeavesNothing) {
  EXPECT_TRUE(store_->Probe({}).ok()) << store_->Probe({});
  EXPECT_THAT(Files(), IsEmpty());
  fs::remove(root());
  EXPECT_TRUE(absl::IsUnavailable(store_->Probe({})));
}

TEST_F(ObjectStoreTest, AnAttemptIsRemovedWithItsHalfUploadsAndNoOtherIs) {
  ASSERT_TRUE(Put(kKey, "frames").ok());
  ASSERT_TRUE(Put("bucket/job/item/8/video.mp4", "frames").ok());
  Leave("bucket/job/item/7/.poster.jpg.part", "pix");
  EXPECT_TRUE(store_->Remove("bucket/job/item/7/", {}).ok());
  EXPECT_THAT(Files(), ElementsAre("bucket/job/item/8/video.mp4"));
  EXPECT_FALSE(fs::exists(root() / "bucket/job/item/7"));
  EXPECT_TRUE(store_->Remove("bucket/job/item/7/", {}).ok()) << "nothing there is a success";
}

TEST_F(ObjectStoreTest, NothingWiderThanAnAttemptIsRemoved) {
  ASSERT_TRUE(Put(kKey, "frames").ok());
  for (const char* prefix : {"",
                             "/",
                             "bucket/",
                             "bucket/job/",
                             "bucket/job/item/",
                             "bucket/job/item/7",
                             "bucket/job/item/7/video.mp4/",
                             "bucket/job/item/../",
                             "../bucket/job/item/7/"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(store_->Remove(prefix, {}))) << prefix;
  }
  EXPECT_THAT(Files(), ElementsAre(kKey));
}

TEST_F(ObjectStoreTest, ARemovalFollowsNoSymbolicLink) {
  fs::create_directories(dir_->path() / "elsewhere/job/item/7");
  ASSERT_TRUE(WriteFileDurably(dir_->path() / "elsewhere/job/item/7/key", "secret").ok());
  fs::create_symlink(dir_->path() / "elsewhere", root() / "bucket");
  EXPECT_FALSE(store_->Remove("bucket/job/item/7/", {}).ok());
  EXPECT_TRUE(fs::exists(dir_->path() / "elsewhere/job/item/7/key"));
}

}  // namespace
}  // namespace rn
