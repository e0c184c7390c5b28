#include "daemon/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <fstream>

#include "base/file.h"
#include "tests/fakes/fake_clock.h"

namespace rn {
namespace {

using ::testing::HasSubstr;

class JournalTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto dir = TempDir::Create("journal");
    ASSERT_TRUE(dir.ok());
    dir_ = std::make_unique<TempDir>(*std::move(dir));
    path_ = dir_->path() / "journal.db";
    Reopen();
  }

  // As a restart of the daemon does.
  void Reopen() {
    journal_.reset();
    auto opened = Journal::Open(path_, clock_, boot_id_);
    ASSERT_TRUE(opened.ok()) << opened.status();
    journal_ = *std::move(opened);
  }

  static rendernode::Lease LeaseOf(const std::string& item, std::uint64_t fence) {
    rendernode::Lease lease;
    lease.mutable_ref()->set_item_id(item);
    lease.mutable_ref()->set_fence(fence);
    lease.set_job_id("job");
    return lease;
  }

  static rendernode::ItemResult ResultOf(const std::string& url) {
    rendernode::ItemResult result;
    result.set_outcome(rendernode::SUCCEEDED);
    result.add_artifacts()->set_url(url);
    return result;
  }

  std::vector<JournalledLease> Loaded() {
    auto loaded = journal_->Load();
    EXPECT_TRUE(loaded.ok()) << loaded.status();
    return loaded.ok() ? *std::move(loaded) : std::vector<JournalledLease>();
  }

  absl::Status OpenStatus() {
    journal_.reset();
    return Journal::Open(path_, clock_, boot_id_).status();
  }

  void RunSql(const char* sql) {
    journal_.reset();
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(path_.c_str(), &database), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(database, sql, nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(database);
    sqlite3_close(database);
  }

  FakeClock clock_;
  std::string boot_id_ = "boot-1";
  std::unique_ptr<TempDir> dir_;
  std::filesystem::path path_;
  std::unique_ptr<Journal> journal_;
};

TEST_F(JournalTest, LeasesAndResultsSurviveARestartInTheirOrder) {
  ASSERT_TRUE(journal_->PutLeases({LeaseOf("b", 3), LeaseOf("a", ~std::uint64_t{0})}).ok());
  ASSERT_TRUE(journal_->PutResult({"b", 3}, ResultOf("http://store/b.mp4"), true).ok());
  Reopen();
  const std::vector<JournalledLease> loaded = Loaded();
  ASSERT_EQ(loaded.size(), 2u);
  EXPECT_EQ(loaded[0].lease.ref().item_id(), "b");
  EXPECT_TRUE(loaded[0].uploaded);
  EXPECT_EQ(loaded[0].result->artifacts(0).url(), "http://store/b.mp4");
  EXPECT_EQ(loaded[1].lease.ref().fence(), ~std::uint64_t{0});
  EXPECT_FALSE(loaded[1].result.has_value());
}

TEST_F(JournalTest, ALeaseGrantedTwiceKeepsItsResult) {
  ASSERT_TRUE(journal_->PutLeases({LeaseOf("a", 1)}).ok());
  ASSERT_TRUE(journal_->PutResult({"a", 1}, ResultOf("u"), false).ok());
  ASSERT_TRUE(journal_->PutLeases({LeaseOf("a", 1)}).ok());
  const std::vector<JournalledLease> loaded = Loaded();
  ASSERT_EQ(loaded.size(), 1u);
  EXPECT_TRUE(loaded[0].result.has_value());
  EXPECT_FALSE(loaded[0].uploaded);
}

TEST_F(JournalTest, AForgottenLeaseStaysForgottenAndOtherFencesStay) {
  ASSERT_TRUE(journal_->PutLeases({LeaseOf("a", 1), LeaseOf("a", 2)}).ok());
  ASSERT_TRUE(journal_->Forget({{"a", 1}, {"never", 7}}).ok());
  Reopen();
  const std::vector<JournalledLease> loaded = Loaded();
  ASSERT_EQ(loaded.size(), 1u);
  EXPECT_EQ(loaded[0].lease.ref().fence(), 2u);
}

TEST_F(JournalTest, AResultOfAnUnknownLeaseIsRefused) {
  EXPECT_TRUE(absl::IsNotFound(journal_->PutResult({"a", 1}, ResultOf("u"), true)));
}

TEST_F(JournalTest, EveryStartRaisesTheIncarnation) {
  EXPECT_EQ(journal_->RaiseIncarnation().value(), 1u);
  Reopen();
  EXPECT_EQ(journal_->RaiseIncarnation().value(), 2u);
}

TEST_F(JournalTest, ASecondDaemonOnTheSameStateIsRefused) {
  const absl::Status status = Journal::Open(path_, clock_, boot_id_).status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("another process"));
}

TEST_F(JournalTest, ADamagedPageIsReportedAndTheFileIsLeftAsItIs) {
  std::vector<rendernode::Lease> many;
  for (int i = 0; i < 500; ++i) {
    many.push_back(LeaseOf("item-" + std::to_string(i), 1));
  }
  ASSERT_TRUE(journal_->PutLeases(many).ok());
  journal_.reset();
  const auto bytes = static_cast<std::streamoff>(std::filesystem::file_size(path_));
  ASSERT_GT(bytes, 16384);
  std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
  for (std::streamoff at = 4096; at < bytes; at += 4096) {
    file.seekp(at);
    file.write("damagedamagedamage", 18);
  }
  file.close();
  const std::string before = Sha256File(path_).value();
  EXPECT_TRUE(absl::IsDataLoss(OpenStatus())) << OpenStatus();
  EXPECT_EQ(Sha256File(path_).value(), before);
}

TEST_F(JournalTest, AJournalCutToNothingIsNotTakenForANewOne) {
  ASSERT_TRUE(journal_->PutLeases({LeaseOf("a", 1)}).ok());
  journal_.reset();
  std::filesystem::resize_file(path_, 0);
  EXPECT_TRUE(absl::IsDataLoss(OpenStatus())) << OpenStatus();
}

TEST_F(JournalTest, ADamagedOneThatIsSetAsideMakesWayForANewHistory) {
  ASSERT_TRUE(journal_->PutLeases({LeaseOf("a", 1)}).ok());
  const std::string id = journal_->id();
  journal_.reset();
  std::filesystem::resize_file(path_, 0);
  const auto aside = Journal::SetAside(path_, clock_.Now());
  ASSERT_TRUE(aside.ok()) << aside.status();
  EXPECT_EQ(aside->filename(), "journal.db.damaged-20260101T000000Z");
  EXPECT_TRUE(std::filesystem::exists(*aside));
  Reopen();
  EXPECT_TRUE(Loaded().empty());
  EXPECT_NE(journal_->id(), id);
  EXPECT_EQ(journal_->RaiseIncarnation().value(), 1u);
}

// ---------------------------------------------------------------- age

TEST_F(JournalTest, ALeasesAgeIsExactInTheBootOfItsGrantWhateverTheWallClockDoes) {
  ASSERT_TRUE(journal_->PutLeases({LeaseOf("a", 1)}).ok());
  for (const absl::Duration jump : {absl::Hours(48), -absl::Hours(96)}) {
    clock_.JumpWallClock(jump);
    Reopen();
    EXPECT_EQ(Loaded()[0].age, absl::ZeroDuration());
  }
  clock_.Suspend(absl::Minutes(3));
  clock_.Advance(absl::Minutes(2));
  Reopen();
  EXPECT_EQ(Loaded()[0].age, absl::Minutes(5));
}

TEST_F(JournalTest, AfterAnotherBootTheWallClockGivesTheAgeAndNeverLessThanNothing) {
  ASSERT_TRUE(journal_->PutLeases({LeaseOf("a", 1)}).ok());
  boot_id_ = "boot-2";
  clock_.Advance(absl::Minutes(7));
  Reopen();
  EXPECT_EQ(Loaded()[0].age, absl::Minutes(7));
  clock_.JumpWallClock(-absl::Hours(24));
  Reopen();
  EXPECT_EQ(Loaded()[0].age, absl::ZeroDuration());
}

// ---------------------------------------------------------------- starts

TEST_F(JournalTest, TheLivesInWhichWorkOnALeaseBeganAreCounted) {
  ASSERT_TRUE(journal_->PutLeases({LeaseOf("a", 1), LeaseOf("b", 1)}).ok());
  for (int life = 1; life <= 3; ++life) {
    ASSERT_TRUE(journal_->RaiseIncarnation().ok());
    ASSERT_TRUE(journal_->PutStart({"a", 1}).ok());
    ASSERT_TRUE(journal_->PutStart({"a", 1}).ok()) << "tried again in the same life";
    Reopen();
    EXPECT_EQ(Loaded()[0].starts, life);
    EXPECT_EQ(Loaded()[1].starts, 0) << "only queued";
  }
}

// ---------------------------------------------------------------- identity and versions

TEST_F(JournalTest, ItsIdIsMadeWithTheFileAndStays) {
  const std::string id = journal_->id();
  EXPECT_EQ(id.size(), 32u);
  Reopen();
  EXPECT_EQ(journal_->id(), id);
  journal_.reset();
  std::filesystem::remove(path_);
  Reopen();
  EXPECT_NE(journal_->id(), id);
}

// As the first release left it: the schema of its day, in its words.
TEST_F(JournalTest, AJournalOfVersion1KeepsEverythingAndLearnsTheRest) {
  journal_.reset();
  std::filesystem::remove(path_);
  RunSql(R"(
    CREATE TABLE leases(
      position INTEGER PRIMARY KEY AUTOINCREMENT, item_id TEXT NOT NULL, fence INTEGER NOT NULL,
      lease BLOB NOT NULL, granted_at_ms INTEGER NOT NULL, result BLOB,
      uploaded INTEGER NOT NULL DEFAULT 0, UNIQUE(item_id, fence));
    CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    INSERT INTO meta VALUES('incarnation', 7);
    INSERT INTO leases(item_id, fence, lease, granted_at_ms, result, uploaded)
      VALUES('a', 3, x'0a050a01611003', 1767225540000, x'0801', 1);
    PRAGMA application_id=1380862513;
    PRAGMA user_version=1;)");
  Reopen();
  const std::vector<JournalledLease> loaded = Loaded();
  ASSERT_EQ(loaded.size(), 1u);
  EXPECT_EQ(LeaseKey::Of(loaded[0].lease.ref()), (LeaseKey{"a", 3}));
  EXPECT_EQ(loaded[0].age, absl::Minutes(1));
  EXPECT_EQ(loaded[0].result->outcome(), rendernode::SUCCEEDED);
  EXPECT_TRUE(loaded[0].uploaded);
  EXPECT_EQ(loaded[0].starts, 0);
  EXPECT_EQ(journal_->id().size(), 32u);
  EXPECT_EQ(journal_->RaiseIncarnation().value(), 8u);
}

TEST_F(JournalTest, AFileThatIsNoDatabaseIsRefused) {
  journal_.reset();
  ASSERT_TRUE(WriteFileDurably(path_, std::string(8192, 'x')).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(OpenStatus())) << OpenStatus();
}

TEST_F(JournalTest, AnotherProgramsDatabaseIsRefusedUntouched) {
  std::filesystem::remove(path_);
  RunSql("CREATE TABLE photos(id INTEGER)");
  const std::string before = Sha256File(path_).value();
  EXPECT_TRUE(absl::IsFailedPrecondition(OpenStatus())) << OpenStatus();
  EXPECT_EQ(Sha256File(path_).value(), before);
}

TEST_F(JournalTest, ANewerSchemaIsRefused) {
  RunSql("PRAGMA user_version=99");
  const absl::Status status = OpenStatus();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("schema version 99"));
}

TEST_F(JournalTest, ARecordThatCannotBeReadIsAnErrorNotASilentLoss) {
  ASSERT_TRUE(journal_->PutLeases({LeaseOf("a", 1)}).ok());
  RunSql("UPDATE leases SET lease = x'ffffffff'");
  Reopen();
  EXPECT_TRUE(absl::IsDataLoss(journal_->Load().status()));
}

}  // namespace
}  // namespace rn
