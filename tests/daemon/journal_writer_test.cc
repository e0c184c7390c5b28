#include "daemon/journal_writer.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "tests/fakes/fake_clock.h"

namespace rn {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(20);  // Ends a test that would hang.
const LeaseKey kA = {"a", 1};
const LeaseKey kB = {"b", 1};

class JournalWriterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto dir = TempDir::Create("journal");
    ASSERT_TRUE(dir.ok());
    dir_ = std::make_unique<TempDir>(*std::move(dir));
    writer_ = std::make_unique<JournalWriter>(
        OpenJournal(), 100, [this](Event event) { events_.Push(std::move(event)); });
  }
  void TearDown() override { events_.Close(); }

  std::unique_ptr<Journal> OpenJournal() {
    auto journal = Journal::Open(dir_->path() / "journal.sqlite", clock_, "boot");
    EXPECT_TRUE(journal.ok()) << journal.status();
    EXPECT_TRUE((*journal)->RaiseIncarnation().ok());
    return *std::move(journal);
  }

  // What a daemon started now would find.
  std::vector<JournalledLease> Restart() {
    writer_.reset();
    return OpenJournal()->Load().value();
  }

  static JournalLeases Leases(const std::vector<LeaseKey>& keys) {
    JournalLeases write;
    for (const LeaseKey& key : keys) {
      *write.leases.emplace_back().mutable_ref() = key.ToProto();
    }
    return write;
  }

  template <typename T>
  T Next() {
    std::optional<Event> event = events_.PopFor(kPatience);
    if (!event.has_value() || !std::holds_alternative<T>(*event)) {
      ADD_FAILURE() << (event.has_value() ? "another event came first" : "no event");
      return T{};
    }
    return std::get<T>(*std::move(event));
  }

  FakeClock clock_;
  BoundedQueue<Event> events_{100};
  std::unique_ptr<TempDir> dir_;
  std::unique_ptr<JournalWriter> writer_;
};

TEST_F(JournalWriterTest, EachWriteIsAnsweredInItsOrder) {
  writer_->Do(Leases({kA, kB}));
  writer_->Do(JournalStart{kA});
  writer_->Do(JournalResult{kA, {}, /*uploaded=*/false});
  writer_->Do(JournalResult{kA, {}, /*uploaded=*/true});
  writer_->Do(JournalForget{{kB}});
  EXPECT_EQ(Next<LeasesJournalled>().keys, (std::vector<LeaseKey>{kA, kB}));
  EXPECT_EQ(Next<ResultJournalled>().key, kA);
  EXPECT_TRUE(Next<ResultJournalled>().status.ok());
  const auto found = Restart();
  ASSERT_EQ(found.size(), 1);
  EXPECT_TRUE(found[0].uploaded);
  EXPECT_EQ(found[0].starts, 1);
}

TEST_F(JournalWriterTest, ABadWriteDoesNotFailItsNeighbours) {
  writer_->Do(Leases({kA}));
  for (int i = 0; i < 20; ++i) {  // Some of them share a transaction.
    writer_->Do(JournalResult{kB, {}, /*uploaded=*/false});
    writer_->Do(JournalResult{kA, {}, /*uploaded=*/true});
  }
  Next<LeasesJournalled>();
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(absl::IsNotFound(Next<ResultJournalled>().status));
    EXPECT_TRUE(Next<ResultJournalled>().status.ok());
  }
}

TEST_F(JournalWriterTest, WhatWasAcceptedIsOnDiskWhenItGoes) {
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(writer_->Do(Leases({{"item", static_cast<std::uint64_t>(i)}})));
  }
  EXPECT_EQ(Restart().size(), 50);
}

TEST_F(JournalWriterTest, MoreThanMayWaitIsRefusedAtOnce) {
  events_.Close();
  BoundedQueue<bool> stuck(1);
  stuck.Push(true);
  writer_.reset();
  writer_ = std::make_unique<JournalWriter>(
      OpenJournal(), 2, [&](const Event&) { stuck.Push(true); });  // Waits for us.
  int accepted = 0;
  while (writer_->Do(Leases({kA}))) {
    ASSERT_LT(++accepted, 1000000);
  }
  stuck.Close();
  writer_.reset();
}

}  // namespace
}  // namespace rn
