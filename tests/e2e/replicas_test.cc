// Two coordinators over one PostgreSQL: what comes in through one shows at the other, and either
// may be killed at any moment.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>
#include <chrono>
#include <cstdio>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/e2e/farm.h"
#include "tests/e2e/outcome.h"
#include "tests/fakes/postgres_server.h"

namespace rn {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

constexpr char kImage[] = "speaker.jpg";
constexpr absl::Duration kJobTimeout = absl::Seconds(180);

// Who watches a job. What takes longer than a minute fails.
class Watcher {
 public:
  Watcher(const Farm& farm, int coordinator, const std::string& job_id) : stream_(io_) {
    const int port = farm.http_port(coordinator);
    const boost::asio::ip::tcp::endpoint server(boost::asio::ip::address_v4::loopback(),
                                                static_cast<std::uint16_t>(port));
    stream_.set_option(boost::beast::websocket::stream_base::decorator(
        [](boost::beast::websocket::request_type& request) {
          request.set("Authorization", absl::StrCat("Bearer ", Farm::kApiKey));
        }));
    const std::string target = absl::StrCat("/api/v1/ws/bulk-jobs?job_id=", job_id);
    EXPECT_TRUE(Finish([&](auto done) { stream_.next_layer().async_connect(server, done); }) &&
                Finish([&](auto done) {
                  stream_.async_handshake(absl::StrCat("127.0.0.1:", port), target, done);
                }));
  }

  // The next message; null: the coordinator is gone.
  json Next() {
    boost::beast::flat_buffer buffer;
    const bool read = Finish([&](auto done) {
      stream_.async_read(
          buffer, [done](boost::system::error_code error, std::size_t) mutable { done(error); });
    });
    return read ? json::parse(boost::beast::buffers_to_string(buffer.data())) : json(nullptr);
  }

  // The first of that type from now on; rows of videos that were completed before go to `rows`.
  json Await(const std::string& type, std::set<int>& rows) {
    for (json message = Next(); !message.is_null(); message = Next()) {
      if (message["type"] == "video.completed") {
        rows.insert(message["data"]["row"].get<int>());
      }
      if (message["type"] == type) {
        return message;
      }
    }
    return nullptr;
  }

 private:
  static constexpr std::chrono::minutes kPatience{1};

  // Starts what calls `done(error)` when it has ended; whether that went well.
  template <typename Start>
  bool Finish(Start start) {
    std::optional<boost::system::error_code> outcome;
    start([&outcome](boost::system::error_code error) { outcome = error; });
    io_.restart();
    io_.run_for(kPatience);
    if (!outcome.has_value()) {
      ADD_FAILURE() << "the coordinator did not answer in time";
      boost::system::error_code ignored;
      stream_.next_layer().close(ignored);
      io_.restart();
      io_.run_for(kPatience);
      return false;
    }
    return !*outcome;
  }

  boost::asio::io_context io_;
  boost::beast::websocket::stream<boost::asio::ip::tcp::socket> stream_;
};

class ReplicasTest : public ::testing::Test {
 protected:
  void Start(int nodes, int rows) {
    rows_ = rows;
    // Neither looks at a watched job of its own accord: it hears of it, or the test fails.
    auto farm = Farm::Create(
        {.nodes = nodes,
         .coordinators = 2,
         .coordinator_config = absl::StrCat(
             "[store]\nurl = \"", database_.url(), "\"\n[websockets]\npoll_interval = \"1h\"\n")});
    ASSERT_TRUE(farm.ok()) << farm.status();
    farm_ = *std::move(farm);
    std::vector<std::array<std::string, 3>> sheet;
    for (int row = 1; row <= rows; ++row) {
      sheet.push_back({absl::StrCat("Video ", row), absl::StrCat("Narration ", row, "."), kImage});
    }
    farm_->WriteSheet("rows", sheet);
  }

  void TearDown() override {
    if (HasFailure() && farm_ != nullptr) {
      std::printf("%s\n", farm_->Logs().c_str());
    }
  }

  bool AwaitCompleted(const std::string& job_id, int items, int coordinator) {
    return farm_->WaitForJob(
        job_id,
        kJobTimeout,
        [&](const json& job) { return job.at("items_completed").get<int>() >= items; },
        coordinator);
  }

  // Whether every node comes to this one from the other.
  bool AwaitNodesAt(int coordinator, int nodes) {
    const std::string came = absl::StrCat("next=127.0.0.1:", farm_->node_port(coordinator));
    return farm_->WaitUntil(kJobTimeout, [&] {
      for (int node = 0; node < nodes; ++node) {
        const auto state = farm_->NodeState(node);
        if (!absl::StrContains(farm_->NodeLog(node), came) || !state.ok() || !state->connected()) {
          return false;
        }
      }
      return true;
    });
  }

  int rows_ = 0;
  const PostgresDatabase database_;
  std::unique_ptr<Farm> farm_;  // Ends before its database.
};

TEST_F(ReplicasTest, AWebSocketHearsOfCommitsThatCameInThroughTheOtherCoordinator) {
  ASSERT_NO_FATAL_FAILURE(Start(/*nodes=*/1, /*rows=*/3));
  const auto job = farm_->Submit("rows", "Heard", /*coordinator=*/1);
  ASSERT_TRUE(job.ok()) << job.status();
  Watcher watcher(*farm_, 1, *job);
  std::set<int> rows;
  EXPECT_FALSE(watcher.Await("job.completed", rows).is_null());
  EXPECT_THAT(rows, SizeIs(rows_));
  EXPECT_THAT(farm_->NodeLog(), Not(HasSubstr("does not answer")))
      << "it spoke to the other one alone";
  ExpectEveryItemCompletedOnce(*farm_, *job, rows_, kJobTimeout);
}

TEST_F(ReplicasTest, EitherCoordinatorMayBeKilledUnderLoad) {
  ASSERT_NO_FATAL_FAILURE(Start(/*nodes=*/2, /*rows=*/10));
  const auto job = farm_->Submit("rows", "Killed");
  ASSERT_TRUE(job.ok()) << job.status();
  std::set<int> heard;
  Watcher cut_off(*farm_, 0, *job);
  ASSERT_TRUE(AwaitCompleted(*job, 2, 1));
  farm_->KillCoordinator(0);  // The one that both nodes speak to.
  EXPECT_TRUE(cut_off.Await("job.completed", heard).is_null()) << "its socket is closed";
  EXPECT_TRUE(AwaitNodesAt(1, 2));
  ASSERT_TRUE(AwaitCompleted(*job, 5, 1)) << "the nodes go on with the other one";
  ASSERT_TRUE(farm_->StartCoordinator(0).ok());
  farm_->KillCoordinator(1);
  Watcher again(*farm_, 0, *job);
  heard.clear();
  EXPECT_FALSE(again.Await("job.completed", heard).is_null());
  EXPECT_THAT(heard, SizeIs(rows_)) << "who reconnects misses nothing";
  EXPECT_TRUE(AwaitNodesAt(0, 2));
  ExpectEveryItemCompletedOnce(*farm_, *job, rows_, kJobTimeout);
}

}  // namespace
}  // namespace rn
