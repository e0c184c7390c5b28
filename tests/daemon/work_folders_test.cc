#include "daemon/work_folders.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/file.h"

namespace rn {
namespace {
namespace fs = std::filesystem;

class WorkFoldersTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto dir = TempDir::Create("work");
    ASSERT_TRUE(dir.ok());
    dir_ = std::make_unique<TempDir>(*std::move(dir));
    Open({});
  }

  void Open(const std::set<LeaseKey>& keep) {
    folders_.reset();
    auto folders = WorkFolders::Open(dir_->path() / "work", keep);
    ASSERT_TRUE(folders.ok()) << folders.status();
    folders_ = *std::move(folders);
  }

  fs::path Create(const LeaseKey& key) {
    const auto folder = folders_->Create(key);
    EXPECT_TRUE(folder.ok()) << folder.status();
    std::ofstream(*folder / "video.mp4") << "video";
    return *folder;
  }

  std::unique_ptr<TempDir> dir_;
  std::unique_ptr<WorkFolders> folders_;
};

TEST_F(WorkFoldersTest, ALeaseGetsAnEmptyFolderOfItsOwn) {
  EXPECT_NE(Create({"a", 1}), Create({"a", 2}));
  EXPECT_EQ(*folders_->Create({"a", 1}), folders_->PathOf({"a", 1}));
  EXPECT_TRUE(fs::is_empty(folders_->PathOf({"a", 1})));
}

TEST_F(WorkFoldersTest, ADiscardedFolderIsGoneAtOnceAndItsBytesSoonAfter) {
  const fs::path folder = Create({"a", 1});
  folders_->Discard({"a", 1});
  EXPECT_FALSE(fs::exists(folder));
  folders_->Discard({"a", 1});
  folders_.reset();
  Open({});
  EXPECT_TRUE(fs::is_empty(dir_->path() / "work" / ".trash"));
}

TEST_F(WorkFoldersTest, AtStartOnlyFinishedResultsStay) {
  const fs::path finished = Create({"finished", 1});
  const fs::path cut_off = Create({"cut off", 1});
  Open({{"finished", 1}, {"never seen", 4}});
  EXPECT_TRUE(fs::exists(finished / "video.mp4"));
  EXPECT_FALSE(fs::exists(cut_off));
}

TEST_F(WorkFoldersTest, AnItemIdIsNeverAPath) {
  for (const char* id : {"../../escape", "/etc", "..", "a/b", ""}) {
    EXPECT_EQ(folders_->PathOf({id, 1}).parent_path(), dir_->path() / "work") << id;
  }
}

}  // namespace
}  // namespace rn
