#include "daemon/config_reload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rn {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

absl::Status Reload(const std::string& now, const std::string& next) {
  const auto running = ParseDaemonConfig(now, "node.toml");
  const auto wanted = ParseDaemonConfig(next, "node.toml");
  EXPECT_TRUE(running.ok()) << running.status();
  EXPECT_TRUE(wanted.ok()) << wanted.status();
  return CheckReloadable(*running, *wanted);
}

TEST(ConfigReload, LimitsTimeoutsSlotsAndAllowListsChangeWithoutARestart) {
  const absl::Status status = Reload("[node]\nslots = 1\n", R"(
log_level = "debug"
[folders]
disk_free_min = "5GiB"
[coordinator]
retry_max = "9s"
rpc_timeout = "3s"
[node]
slots = 4
prefetch = 7
held_max = 99
stall_timeout = "45s"
drain_timeout = "30s"
[worker]
command = ["/opt/worker"]
memory_max = "3GiB"
items_max = 7
[fetch]
total_timeout = "1m"
per_host_max = 9
allow_private = ["10.0.0.0/8"]
allow_files = ["/srv/images"]
)");
  EXPECT_TRUE(status.ok()) << status;
}

TEST(ConfigReload, WhatOnlyARestartChangesIsRefusedByName) {
  const absl::Status status = Reload("", R"(
node_id = "another"
[folders]
state = "/srv/state"
[admin]
socket = "/run/other.sock"
[coordinator]
address = "127.0.0.1:7700"
[node]
stall_timeout = "45s"
events_max = 100
[store]
root = "/srv/videos"
[speech.engines.piper]
kind = "command"
command = ["/usr/bin/piper"]
)");
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("admin.socket, coordinator.address, folders.state, "),
                    HasSubstr("node.events_max"),
                    HasSubstr("node_id"),
                    HasSubstr("store.root"),
                    HasSubstr("speech.engines.piper.command"),
                    Not(HasSubstr("stall_timeout"))));
}

TEST(ConfigReload, TheSameValuesWrittenOtherwiseAreNoChange) {
  const absl::Status status =
      Reload("[cache]\nsize_max = \"1GiB\"\n[speech]\nutterances_timeout = \"60s\"",
             "[speech]\nutterances_timeout = \"1m\"\n[cache]\nsize_max = 1073741824\n"
             "[store]\nroot = \"/var/lib/rendernode/artifacts\"\n");
  EXPECT_TRUE(status.ok()) << status;
}

TEST(ConfigReload, AKeyThatGoesBackToItsDefaultIsAChange) {
  EXPECT_FALSE(Reload("[cache]\nsize_max = \"1GiB\"\n", "").ok());
}

}  // namespace
}  // namespace rn
