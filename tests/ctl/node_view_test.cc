#include "ctl/node_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace rn {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

rendernode::NodeStatus Busy() {
  rendernode::NodeStatus node;
  node.set_node_id("box-7");
  node.set_state(rendernode::NOT_READY);
  node.set_reason("object store is full");
  node.set_coordinator("render.example:7600");
  node.set_session_open(true);
  node.set_disk_free_bytes(std::uint64_t{5} << 30);
  node.set_disk_free_min_bytes(1 << 30);
  node.set_store("/var/lib/artifacts");
  auto* slot = node.add_slots();
  slot->set_worker_pid(42);
  slot->set_item_id("job_1-4");
  node.add_slots()->set_slot(1);
  auto* item = node.add_items();
  item->set_item_id("job_1-4");
  item->set_phase(rendernode::RENDERING);
  item->set_progress_permille(500);
  item->set_frames_per_second(61.6);
  item->set_encoder("libx264");
  auto* waiting = node.add_items();
  waiting->set_item_id("job_1-5");
  waiting->set_job_id("job_1");
  waiting->set_row(5);
  waiting->set_phase(rendernode::FETCHING);
  return node;
}

TEST(NodeView, ASlotSaysItsItemItsPhaseAndHowFast) {
  const std::string text = DescribeNode(Busy(), absl::UnixEpoch());
  EXPECT_THAT(text, HasSubstr("box-7  not_ready: object store is full"));
  EXPECT_THAT(text, HasSubstr("not connected to render.example:7600, session kept"));
  EXPECT_THAT(text, HasSubstr("5.0 GiB free, at least 1.0 GiB wanted"));
  EXPECT_THAT(text, HasSubstr("/var/lib/artifacts"));
  EXPECT_THAT(text,
              ContainsRegex("pid 42 .*job_1-4 +rendering +█████░░░░░  50 % +62 fps +libx264"));
  EXPECT_THAT(text, ContainsRegex("1 +none +0 MiB +idle"));
  EXPECT_THAT(text, ContainsRegex("job_1-5 +job_1 +5 +fetching"));
}

TEST(NodeView, ACertificateThatEndsSoonIsSaidSo) {
  rendernode::NodeStatus node = Busy();
  EXPECT_THAT(DescribeNode(node, absl::UnixEpoch()), Not(HasSubstr("certificate")));
  node.set_certificate_expires_s(3 * 24 * 3600);
  EXPECT_THAT(DescribeNode(node, absl::UnixEpoch()), HasSubstr("ends in 3 days: renew it"));
  EXPECT_THAT(DescribeNode(node, absl::UnixEpoch() + absl::Hours(24 * 4)), HasSubstr("expired"));
}

TEST(NodeView, JsonHasEveryField) {
  const auto json = NodeJson(Busy());
  ASSERT_TRUE(json.ok()) << json.status();
  const auto parsed = nlohmann::json::parse(*json);
  EXPECT_EQ(parsed.at("state"), "NOT_READY");
  EXPECT_EQ(parsed.at("items").at(0).at("progress_permille"), 500);
  EXPECT_EQ(parsed.at("connected"), false);
  EXPECT_THAT(*json, Not(HasSubstr("\n")));
}

}  // namespace
}  // namespace rn
