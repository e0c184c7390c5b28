#include "daemon/work_folders.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/file.h"

namespace rn {
namespace {
namespace fs = std::filesystem;

constexpr int kSlot = 3;

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
    ASSERT_TRUE(folders_->OpenSlot(kSlot).ok());
  }

  // Rendered in the slot.
  fs::path Create(const LeaseKey& key) {
    const auto folder = folders_->Create(kSlot, key);
    EXPECT_TRUE(folder.ok()) << folder.status();
    std::ofstream(*folder / "video.mp4") << "video";
    return *folder;
  }

  fs::path Finish(const LeaseKey& key) {
    Create(key);
    EXPECT_TRUE(folders_->Finish(kSlot, key).ok());
    return folders_->PathOf(key);
  }

  std::unique_ptr<TempDir> dir_;
  std::unique_ptr<WorkFolders> folders_;
};

TEST_F(WorkFoldersTest, ALeaseGetsAnEmptyFolderAloneInItsSlot) {
  const fs::path first = Create({"a", 1});
  EXPECT_NE(Create({"a", 2}), first);
  EXPECT_FALSE(fs::exists(first));
  EXPECT_TRUE(fs::is_empty(*folders_->Create(kSlot, {"a", 2})));
}

TEST_F(WorkFoldersTest, SlotsDoNotDisturbEachOther) {
  const fs::path folder = Create({"a", 1});
  ASSERT_TRUE(folders_->OpenSlot(kSlot + 1).ok());
  ASSERT_TRUE(folders_->Create(kSlot + 1, {"b", 1}).ok());
  folders_->Clear(kSlot + 1);
  EXPECT_TRUE(fs::exists(folder / "video.mp4"));
}

TEST_F(WorkFoldersTest, WhatIsFinishedLeavesTheSlot) {
  const fs::path rendered = Create({"a", 1});
  ASSERT_TRUE(folders_->Finish(kSlot, {"a", 1}).ok());
  EXPECT_FALSE(fs::exists(rendered));
  folders_->Clear(kSlot);
  EXPECT_TRUE(fs::exists(folders_->PathOf({"a", 1}) / "video.mp4"));
}

TEST_F(WorkFoldersTest, AFolderThatBecameALinkIsNotTaken) {
  const fs::path rendered = Create({"a", 1});
  fs::remove_all(rendered);
  fs::create_directory_symlink("/etc", rendered);
  EXPECT_TRUE(absl::IsInvalidArgument(folders_->Finish(kSlot, {"a", 1})));
}

TEST_F(WorkFoldersTest, ADiscardedFolderIsGoneAtOnceAndItsBytesSoonAfter) {
  const fs::path folder = Finish({"a", 1});
  folders_->Discard({"a", 1});
  EXPECT_FALSE(fs::exists(folder));
  folders_->Discard({"a", 1});
  Create({"b", 1});
  Open({});
  EXPECT_TRUE(fs::is_empty(dir_->path() / "work" / ".slot-3"));
  fs::remove(dir_->path() / "work" / ".slot-3");  // Nothing more to discard.
  Open({});
  EXPECT_TRUE(fs::is_empty(dir_->path() / "work" / ".trash"));
}

TEST_F(WorkFoldersTest, AtStartOnlyFinishedResultsStay) {
  const fs::path finished = Finish({"finished", 1});
  const fs::path forgotten = Finish({"forgotten", 1});
  const fs::path cut_off = Create({"cut off", 1});
  Open({{"finished", 1}, {"never seen", 4}});
  EXPECT_TRUE(fs::exists(finished / "video.mp4"));
  EXPECT_FALSE(fs::exists(forgotten));
  EXPECT_FALSE(fs::exists(cut_off));
}

TEST_F(WorkFoldersTest, AnItemIdIsNeverAPath) {
  for (const char* id : {"../../escape", "/etc", "..", "a/b", ""}) {
    EXPECT_EQ(folders_->PathOf({id, 1}).parent_path(), dir_->path() / "work") << id;
  }
}

}  // namespace
}  // namespace rn
