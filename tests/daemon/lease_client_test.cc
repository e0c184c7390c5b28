// The lease client against a real gRPC server in this process, on a Unix socket.
#include "daemon/lease_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "absl/strings/str_cat.h"
#include "base/bounded_queue.h"
#include "base/file.h"
#include "tests/daemon/fake_coordinator.h"
#include "tests/fakes/fake_clock.h"

namespace rn {
namespace {

using ::testing::HasSubstr;

constexpr absl::Duration kPatience = absl::Seconds(20);  // Ends a test that would hang.

// Who connects is not refused, and hears nothing.
class SilentSocket {
 public:
  explicit SilentSocket(const std::filesystem::path& path)
      : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    std::filesystem::remove(path);
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    path.string().copy(address.sun_path, sizeof(address.sun_path) - 1);
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): as bind() has it.
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    EXPECT_EQ(bind(fd_.get(), generic, sizeof(address)), 0);
    EXPECT_EQ(listen(fd_.get(), SOMAXCONN), 0);
  }

 private:
  const UniqueFd fd_;
};

class LeaseClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto dir = TempDir::Create("lease");
    ASSERT_TRUE(dir.ok());
    dir_ = std::make_unique<TempDir>(*std::move(dir));
    options_.coordinator = first();
    options_.job_spec_folder = dir_->path() / "specs";
    coordinator_ = std::make_unique<FakeCoordinator>(first());
    Connect();
  }

  void TearDown() override { events_.Close(); }

  std::string first() const { return "unix:" + (dir_->path() / "node.sock").string(); }

  void Connect() {
    client_.reset();
    auto client = LeaseClient::Create(
        options_, clock_, [this](Event event) { events_.Push(std::move(event)); });
    ASSERT_TRUE(client.ok()) << client.status();
    client_ = *std::move(client);
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

  static Sync WaitingSync() {
    Sync sync;
    sync.request.set_wait(true);
    return sync;
  }

  static Commit CommitIn(const std::string& session) {
    Commit commit;
    commit.request.set_session(session);
    commit.request.mutable_ref()->set_item_id("a");
    commit.request.mutable_ref()->set_fence(7);
    return commit;
  }

  static std::string SpecBytes(const std::string& job) {
    rendernode::JobSpec spec;
    spec.set_job_id(job);
    return spec.SerializeAsString();
  }

  FakeClock clock_;
  LeaseClientOptions options_;
  BoundedQueue<Event> events_{100};
  std::unique_ptr<TempDir> dir_;
  std::unique_ptr<FakeCoordinator> coordinator_;
  std::unique_ptr<LeaseClient> client_;
};

TEST_F(LeaseClientTest, RepliesCarryTheTimeTheirRequestLeft) {
  OpenSession open;
  open.request.set_node_id("n1");
  client_->Do(std::move(open));
  const auto opened = Next<SessionOpened>();
  EXPECT_EQ(opened.response.session(), "session of n1");
  EXPECT_EQ(opened.sent_at, clock_.SinceBoot());
  rendernode::Lease lease;
  lease.mutable_ref()->set_item_id("a");
  coordinator_->Grant(lease);
  Sync sync;
  sync.request.set_want(1);
  client_->Do(std::move(sync));
  const auto answered = Next<SyncAnswered>();
  EXPECT_EQ(answered.sent_at, clock_.SinceBoot());
  EXPECT_EQ(answered.response.grant(0).ref().item_id(), "a");
}

TEST_F(LeaseClientTest, AHeldOpenSyncIsCutShortAndTheNextGoesThrough) {
  client_->Do(WaitingSync());
  coordinator_->synced.Pop();
  client_->Do(CutSync{});
  EXPECT_TRUE(absl::IsCancelled(Next<SyncFailed>().status));
  client_->Do(Sync{});
  Next<SyncAnswered>();
}

TEST_F(LeaseClientTest, ASyncCutBeforeItLeftEndsToo) {
  client_->Do(WaitingSync());
  client_->Do(CutSync{});
  EXPECT_TRUE(absl::IsCancelled(Next<SyncFailed>().status));
}

TEST_F(LeaseClientTest, ACommitDoesNotWaitForTheHeldOpenSync) {
  client_->Do(WaitingSync());
  coordinator_->synced.Pop();
  client_->Do(CommitIn("s"));
  const auto answered = Next<CommitAnswered>();
  EXPECT_EQ(answered.key, (LeaseKey{"a", 7}));
  EXPECT_EQ(answered.verdict, rendernode::CommitItemResponse::COMMITTED);
}

TEST_F(LeaseClientTest, ARefusalKeepsItsCode) {
  client_->Do(CommitIn("old"));
  const auto failed = Next<CommitFailed>();
  EXPECT_TRUE(absl::IsFailedPrecondition(failed.status)) << failed.status;
  EXPECT_EQ(failed.key, (LeaseKey{"a", 7}));
}

TEST_F(LeaseClientTest, ACoordinatorThatIsAwayIsAnErrorAndItsReturnIsNoticed) {
  coordinator_.reset();
  client_->Do(Sync{});
  const auto failed = Next<SyncFailed>();
  EXPECT_TRUE(absl::IsUnavailable(failed.status)) << failed.status;
  coordinator_ = std::make_unique<FakeCoordinator>(first());
  for (int attempt = 0; attempt < 1000; ++attempt) {
    client_->Do(Sync{});
    const std::optional<Event> event = events_.PopFor(kPatience);
    ASSERT_TRUE(event.has_value());
    if (std::holds_alternative<SyncAnswered>(*event)) {
      return;
    }
    coordinator_->synced.PopFor(absl::Milliseconds(20));  // As the Node's back-off does.
  }
  FAIL() << "never reconnected";
}

TEST_F(LeaseClientTest, AClosedSessionIsAnswered) {
  client_->Do(CloseSession{});
  EXPECT_TRUE(Next<SessionClosed>().status.ok());
}

TEST_F(LeaseClientTest, TheClientGoesAwayWhileASyncIsHeldOpen) {
  client_->Do(WaitingSync());
  coordinator_->synced.Pop();
  client_.reset();
}

TEST_F(LeaseClientTest, OnceStoppedNothingWaitsForTheCoordinator) {
  client_->Do(WaitingSync());
  coordinator_->synced.Pop();
  client_->Stop();
  client_->Stop();
  client_->Do(Sync{});
  EXPECT_TRUE(absl::IsCancelled(client_->GetJobSpec(Sha256("any")).status()));
}

TEST_F(LeaseClientTest, AJobSpecIsAskedForOnceOverARestart) {
  const std::string bytes = SpecBytes("job");
  coordinator_->AddSpec(bytes);
  EXPECT_EQ(client_->GetJobSpec(Sha256(bytes)).value()->job_id(), "job");
  EXPECT_EQ(client_->GetJobSpec(Sha256(bytes)).value()->job_id(), "job");
  Connect();
  EXPECT_EQ(client_->GetJobSpec(Sha256(bytes)).value()->job_id(), "job");
  EXPECT_EQ(coordinator_->specs_asked(), 1);
}

TEST_F(LeaseClientTest, ADamagedJobSpecOnDiskIsAskedForAgain) {
  const std::string bytes = SpecBytes("job");
  coordinator_->AddSpec(bytes);
  ASSERT_TRUE(client_->GetJobSpec(Sha256(bytes)).ok());
  ASSERT_TRUE(WriteFileDurably(options_.job_spec_folder / Sha256(bytes), "damage").ok());
  Connect();
  EXPECT_EQ(client_->GetJobSpec(Sha256(bytes)).value()->job_id(), "job");
  EXPECT_EQ(coordinator_->specs_asked(), 2);
}

TEST_F(LeaseClientTest, AJobSpecWithAnotherDigestIsRefused) {
  coordinator_->AnswerWithSpec(SpecBytes("job"));
  EXPECT_TRUE(absl::IsDataLoss(client_->GetJobSpec(Sha256("another")).status()));
}

TEST_F(LeaseClientTest, AJobSpecBeyondTheLimitIsAnErrorThatNamesIt) {
  options_.job_spec_bytes_max = 1000;
  Connect();
  for (const std::size_t length : {std::size_t{1001}, std::size_t{3} << 20}) {
    const std::string bytes = SpecBytes(std::string(length, 'x'));
    coordinator_->AddSpec(bytes);
    absl::Status status = client_->GetJobSpec(Sha256(bytes)).status();
    for (int again = 0; again < 3 && absl::IsDeadlineExceeded(status); ++again) {
      status = client_->GetJobSpec(Sha256(bytes)).status();  // gRPC may notice late.
    }
    EXPECT_TRUE(absl::IsOutOfRange(status)) << length << ": " << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("coordinator.job_spec_max = 1000 bytes"));
  }
}

TEST_F(LeaseClientTest, ADigestThatIsAPathIsRefused) {
  EXPECT_TRUE(absl::IsInvalidArgument(client_->GetJobSpec("../../etc/passwd").status()));
  EXPECT_EQ(coordinator_->specs_asked(), 0);
}

TEST_F(LeaseClientTest, TheLeastRecentlyUsedJobSpecMakesRoom) {
  options_.job_specs_max = 2;
  Connect();
  for (const char* job : {"one", "two", "three"}) {
    coordinator_->AddSpec(SpecBytes(job));
    ASSERT_TRUE(client_->GetJobSpec(Sha256(SpecBytes(job))).ok());
  }
  const auto files = std::filesystem::directory_iterator(options_.job_spec_folder);
  EXPECT_EQ(std::distance(begin(files), end(files)), 2);
  EXPECT_FALSE(std::filesystem::exists(options_.job_spec_folder / Sha256(SpecBytes("one"))));
}

// ---------------------------------------------------------------- several coordinators

class LeaseClientOfSeveralTest : public LeaseClientTest {
 protected:
  void SetUp() override {
    LeaseClientTest::SetUp();
    options_.coordinator = absl::StrCat(first(), ", ", second());
    Connect();
  }

  std::string second() const { return "unix:" + (dir_->path() / "second.sock").string(); }

  static OpenSession Opening() {
    OpenSession open;
    open.request.set_node_id("n1");
    return open;
  }
};

TEST_F(LeaseClientOfSeveralTest, TheFirstIsSpokenToWhileItAnswers) {
  FakeCoordinator other(second());
  client_->Do(Opening());
  Next<SessionOpened>();
  client_->Do(Sync{});
  Next<SyncAnswered>();
  EXPECT_EQ(coordinator_->synced.size(), 1);
  EXPECT_EQ(other.opened.size() + other.synced.size(), 0);
}

TEST_F(LeaseClientOfSeveralTest, WhenOneIsAwayASessionIsOpenedWithTheNext) {
  FakeCoordinator other(second());
  const std::string spec = SpecBytes("job");
  other.AddSpec(spec);
  client_->Do(Opening());
  Next<SessionOpened>();
  coordinator_.reset();
  client_->Do(Sync{});
  const auto failed = Next<SyncFailed>();
  EXPECT_TRUE(absl::IsFailedPrecondition(failed.status)) << failed.status;
  EXPECT_THAT(std::string(failed.status.message()), HasSubstr("UNAVAILABLE"));
  client_->Do(Opening());
  Next<SessionOpened>();
  client_->Do(Sync{});
  Next<SyncAnswered>();
  client_->Do(CommitIn("s"));
  Next<CommitAnswered>();
  EXPECT_EQ(client_->GetJobSpec(Sha256(spec)).value()->job_id(), "job");
  EXPECT_EQ(other.committed.size(), 1);
}

TEST_F(LeaseClientOfSeveralTest, AfterTheLastItIsTheFirstOnesTurnAgain) {
  coordinator_.reset();
  for (int call = 0; call < 2; ++call) {
    client_->Do(Opening());
    EXPECT_TRUE(absl::IsUnavailable(Next<SessionFailed>().status));
  }
  coordinator_ = std::make_unique<FakeCoordinator>(first());
  client_->Do(Opening());
  Next<SessionOpened>();
}

TEST_F(LeaseClientOfSeveralTest, OneThatSaysNothingIsLeftInTime) {
  coordinator_.reset();
  const SilentSocket silent(dir_->path() / "node.sock");
  FakeCoordinator other(second());
  client_->SetRpcTimeout(absl::Milliseconds(200));
  client_->Do(Opening());
  Next<SessionFailed>();
  client_->SetRpcTimeout(kPatience);
  client_->Do(Opening());
  Next<SessionOpened>();
  EXPECT_EQ(other.opened.size(), 1);
}

// Whoever has the session is who the results are for.
TEST_F(LeaseClientOfSeveralTest, ACommitGoesWhereTheSessionGoes) {
  FakeCoordinator other(second());
  coordinator_.reset();
  for (int call = 0; call < 2; ++call) {
    client_->Do(CommitIn("s"));
    EXPECT_TRUE(absl::IsUnavailable(Next<CommitFailed>().status));
  }
  client_->Do(Sync{});
  EXPECT_TRUE(absl::IsFailedPrecondition(Next<SyncFailed>().status));
  client_->Do(CommitIn("s"));
  Next<CommitAnswered>();
}

TEST_F(LeaseClientOfSeveralTest, ASyncThatIsCutChangesNothing) {
  FakeCoordinator other(second());
  client_->Do(WaitingSync());
  coordinator_->synced.Pop();
  client_->Do(CutSync{});
  EXPECT_TRUE(absl::IsCancelled(Next<SyncFailed>().status));
  client_->Do(Sync{});
  Next<SyncAnswered>();
  EXPECT_EQ(other.synced.size(), 0);
}

// ---------------------------------------------------------------- addresses

TEST(CoordinatorAddress, OnlyThisMachineWithoutTls) {
  for (const char* here :
       {"127.0.0.1:7600", "127.9.9.9:1", "localhost:7600", "[::1]:7600", "unix:/run/rn.sock"}) {
    EXPECT_TRUE(CheckCoordinatorAddress(here, /*tls=*/false).ok()) << here;
  }
  for (const char* elsewhere : {"10.0.0.1:7600",
                                "render.example:7600",
                                "0.0.0.0:7600",
                                "127.0.0.1.example:1",
                                "127.0.0.1",
                                "127.0.0.1:0",
                                "unix:",
                                ""}) {
    EXPECT_FALSE(CheckCoordinatorAddress(elsewhere, /*tls=*/false).ok()) << elsewhere;
  }
  EXPECT_THAT(std::string(CheckCoordinatorAddress("10.0.0.1:7600", false).message()),
              HasSubstr("without TLS"));
}

TEST(CoordinatorAddress, AnyHostWithTls) {
  for (const char* address : {"render.example:7600", "10.0.0.1:1", "[fd00::1]:7600", "unix:/a"}) {
    EXPECT_TRUE(CheckCoordinatorAddress(address, /*tls=*/true).ok()) << address;
  }
  for (const char* address : {"render.example", ":7600", "render.example:0", ""}) {
    EXPECT_FALSE(CheckCoordinatorAddress(address, /*tls=*/true).ok()) << address;
  }
}

TEST(CoordinatorAddress, SeveralWithinTheBoundAndEachOnce) {
  const auto message = [](const std::string& addresses) {
    return std::string(CheckCoordinatorAddress(addresses, /*tls=*/false).message());
  };
  std::string many = "127.0.0.1:1";
  for (int port = 2; port <= 16; ++port) {
    absl::StrAppend(&many, ", 127.0.0.1:", port);
  }
  EXPECT_EQ(message(many), "");
  EXPECT_EQ(message(many + ",unix:/a"), "has 17 addresses, and at most 16 may be");
  EXPECT_EQ(message("[::1]:1,unix:/a,[::1]:1"), "has \"[::1]:1\" twice");
  EXPECT_EQ(message("[::1]:1,"), "\"\" is neither host:port nor unix:/path");
  EXPECT_THAT(message("[::1]:1,10.0.0.1:1"), HasSubstr("\"10.0.0.1:1\" is not this machine"));
}

}  // namespace
}  // namespace rn
