#include "daemon/node_metrics.h"

#include <gmock/gmock.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "daemon/status_metrics.h"
#include "tests/daemon/node_harness.h"

namespace rn {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// What the state machine hears and asks for, as the control thread shows it to the metrics.
class NodeMetricsTest : public NodeTest {
 protected:
  NodeMetricsTest() {
    Create();
    Connect();
  }

  void Happens(const Event& event, absl::Duration after = absl::ZeroDuration()) {
    clock_.Advance(after);
    metrics_.Saw(event);
    for (const Command& command : node_->Handle(event)) {
      metrics_.Asked(command);
      if (const auto* sync = std::get_if<Sync>(&command)) {
        last_sync_ = sync->request;
        sync_sent_at_ = clock_.SinceBoot();
      }
    }
  }
  void GetsToUpload() {
    Happens(Reply({LeaseOf("a")}));
    Happens(Journalled(std::vector<LeaseKey>{kA}), absl::Milliseconds(10));
    Happens(Fetched{kA}, absl::Seconds(1));
    ItemResult result = Success();
    result.mutable_usage()->set_frames(90);
    result.mutable_artifacts(0)->set_bytes(1000);
    Happens(Done(kA, result), absl::Seconds(20));
    Happens(Journalled(kA));
  }
  std::string Text() const {
    return prometheus::TextSerializer().Serialize(metrics_.registry()->Collect());
  }

  NodeMetrics metrics_{clock_};
};

TEST_F(NodeMetricsTest, EachStageIsTimedAndTheItemCounted) {
  GetsToUpload();
  ItemResult uploaded = Success();
  uploaded.mutable_artifacts(0)->set_bytes(1000);
  Happens(Uploaded{kA, uploaded}, absl::Seconds(2));
  Happens(Journalled(kA));
  Happens(CommitAnswered{kA, CommitItemResponse::COMMITTED}, absl::Milliseconds(500));
  const std::string text = Text();
  EXPECT_THAT(text, HasSubstr("rendernode_leases_granted_total 1"));
  EXPECT_THAT(text, HasSubstr("stage_seconds_sum{outcome=\"ok\",stage=\"fetch\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("stage_seconds_sum{outcome=\"ok\",stage=\"render\"} 20\n"));
  EXPECT_THAT(text, HasSubstr("stage_seconds_sum{outcome=\"ok\",stage=\"upload\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("stage_seconds_sum{outcome=\"ok\",stage=\"commit\"} 0.5\n"));
  EXPECT_THAT(text, HasSubstr("lease_to_worker_seconds_sum 1.01"));
  EXPECT_THAT(text, HasSubstr("done_to_committed_seconds_sum 2.5"));
  EXPECT_THAT(text, HasSubstr("items_total{outcome=\"succeeded\",verdict=\"committed\"} 1"));
  EXPECT_THAT(text, HasSubstr("frames_rendered_total 90"));
  EXPECT_THAT(text, HasSubstr("upload_bytes_total 1000"));
  EXPECT_THAT(text, Not(HasSubstr("stage_retries_total{")));
}

TEST_F(NodeMetricsTest, AStageTriedAgainIsARetry) {
  GetsToUpload();
  Happens(UploadFailed{kA, absl::UnavailableError("away")});
  Happens(Tick{}, limits_.store_retry.min);
  EXPECT_THAT(Text(), HasSubstr("stage_retries_total{stage=\"upload\"} 1"));
  EXPECT_THAT(Text(), HasSubstr("stage_seconds_count{outcome=\"failed\",stage=\"upload\"} 1"));
}

TEST_F(NodeMetricsTest, AWorkerThatDiesIsCountedAndOneThatWeKillIsNot) {
  Happens(Reply({LeaseOf("a")}));
  Happens(Journalled(std::vector<LeaseKey>{kA}));
  Happens(Fetched{kA});
  Happens(CancelRequested{"a"});
  Happens(WorkerGone{0, "killed"});
  EXPECT_THAT(Text(), HasSubstr("workers_lost_total 0"));
  Happens(Tick{}, absl::Minutes(5));
  Happens(Ready(0));
  Happens(Reply({LeaseOf("b")}));
  Happens(Journalled(std::vector<LeaseKey>{kB}));
  Happens(Fetched{kB});
  Happens(WorkerGone{0, "signal 11"});
  EXPECT_THAT(Text(), HasSubstr("workers_lost_total 1"));
}

TEST(StatusMetrics, GaugesSayTheStateWhatIsHeldAndHowFast) {
  rendernode::NodeStatus status;
  status.set_state(rendernode::NOT_READY);
  status.set_connected(true);
  auto* slot = status.add_slots();
  slot->set_item_id("a");
  slot->set_rss_bytes(1000);
  auto* item = status.add_items();
  item->set_item_id("a");
  item->set_phase(rendernode::RENDERING);
  item->set_frames_per_second(60);
  status.add_items()->set_phase(rendernode::COMMITTING);
  status.add_devices()->set_uuid("cpu");
  const std::string text = prometheus::TextSerializer().Serialize(MetricsOf(status));
  for (const char* line : {"rendernode_node_state{state=\"not_ready\"} 1",
                           "rendernode_node_state{state=\"ready\"} 0",
                           "rendernode_coordinator_connected 1",
                           "rendernode_leases{phase=\"rendering\"} 1",
                           "rendernode_leases{phase=\"queued\"} 0",
                           "rendernode_results_unreported 1",
                           "rendernode_worker_resident_bytes{slot=\"0\"} 1000",
                           "rendernode_frames_per_second{slot=\"0\"} 60",
                           "rendernode_encoder_sessions{device=\"cpu\"} 1"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

}  // namespace
}  // namespace rn
