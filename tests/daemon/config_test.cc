#include "daemon/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"

namespace rn {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

DaemonConfig Parsed(const std::string& text) {
  absl::StatusOr<DaemonConfig> config = ParseDaemonConfig(text, "daemon.toml");
  EXPECT_TRUE(config.ok()) << config.status();
  return config.ok() ? *std::move(config) : DaemonConfig();
}

std::string MistakesIn(const std::string& text) {
  return std::string(ParseDaemonConfig(text, "daemon.toml").status().message());
}

TEST(DaemonConfig, AnEmptyFileGivesAWorkingNode) {
  const DaemonConfig config = Parsed("");
  EXPECT_FALSE(config.node_id.empty());
  EXPECT_GE(config.node.workers.slots, 1);
  EXPECT_EQ(config.node.stall_timeout, absl::Seconds(30));
  EXPECT_EQ(config.node.self_fence_margin, absl::Seconds(5));
  EXPECT_EQ(config.lease.job_spec_folder, "/var/lib/rendernode/job_specs");
  EXPECT_TRUE(CheckCoordinatorAddress(config.lease.coordinator, /*tls=*/false).ok());
}

TEST(DaemonConfig, EveryNodeLimitIsRead) {
  const DaemonConfig config = Parsed(R"(
node_id = "box-7"
log_level = "debug"
log_format = "json"
[metrics]
address = "127.0.0.1:9464"
[folders]
state = "/srv/state"
work = "/srv/work"
cache = "/srv/cache"
disk_free_min = "2GiB"
[admin]
socket = "/srv/admin.sock"
[coordinator]
address = "unix:/srv/node.sock"
rpc_timeout = "3s"
job_spec_max = "1MiB"
job_specs_max = 5
retry_min = "100ms"
retry_max = "2s"
[node]
slots = 2
prefetch = 3
held_max = 20
stall_timeout = "10s"
self_fence_margin = "4s"
drain_timeout = "8s"
drain_reserve = "2s"
sync_spacing = "10ms"
progress_spacing = "500ms"
hello_wait = "0s"
journal_retry_min = "1s"
journal_retry_max = "2s"
[worker]
command = ["/opt/worker", "--nice"]
environment = ["LANG=C"]
sandbox = "required"
cgroup = "/sys/fs/cgroup/ours"
tasks_max = 55
read_only = ["/srv/fonts"]
file_max = "5GiB"
open_files_max = 99
memory_max = "512MiB"
items_max = 7
crashes_max = 2
start_timeout = "5s"
restart_min = "50ms"
restart_max = "1s"
)");
  EXPECT_EQ(config.node_id, "box-7");
  EXPECT_EQ(config.log_level, "debug");
  EXPECT_EQ(config.log_format, LogFormat::kJson);
  EXPECT_EQ(config.metrics_address, "127.0.0.1:9464");
  EXPECT_EQ(config.state_folder, "/srv/state");
  EXPECT_EQ(config.work_folder, "/srv/work");
  EXPECT_EQ(config.cache_folder, "/srv/cache");
  EXPECT_EQ(config.disk_free_bytes_min, std::int64_t{2} << 30);
  EXPECT_EQ(config.admin_socket, "/srv/admin.sock");
  EXPECT_EQ(config.lease.coordinator, "unix:/srv/node.sock");
  EXPECT_EQ(config.lease.rpc_timeout, absl::Seconds(3));
  EXPECT_EQ(config.lease.job_spec_bytes_max, 1 << 20);
  EXPECT_EQ(config.lease.job_specs_max, 5);
  EXPECT_EQ(config.node.coordinator_retry.min, absl::Milliseconds(100));
  EXPECT_EQ(config.node.coordinator_retry.max, absl::Seconds(2));
  EXPECT_EQ(config.node.workers.slots, 2);
  EXPECT_EQ(config.node.prefetch, 3);
  EXPECT_EQ(config.node.held_max, 20);
  EXPECT_EQ(config.node.stall_timeout, absl::Seconds(10));
  EXPECT_EQ(config.node.self_fence_margin, absl::Seconds(4));
  EXPECT_EQ(config.node.drain_timeout, absl::Seconds(8));
  EXPECT_EQ(config.node.drain_reserve, absl::Seconds(2));
  EXPECT_EQ(config.node.sync_spacing, absl::Milliseconds(10));
  EXPECT_EQ(config.node.progress_spacing, absl::Milliseconds(500));
  EXPECT_EQ(config.node.hello_wait, absl::ZeroDuration());
  EXPECT_EQ(config.node.journal_retry.max, absl::Seconds(2));
  EXPECT_THAT(config.worker.argv, ElementsAre("/opt/worker", "--nice"));
  EXPECT_THAT(config.worker.environment, ElementsAre("LANG=C"));
  EXPECT_EQ(config.worker.sandbox, "required");
  EXPECT_EQ(config.worker.cgroup, "/sys/fs/cgroup/ours");
  EXPECT_EQ(config.worker.tasks_max, 55);
  EXPECT_THAT(config.worker.read_only, ElementsAre("/srv/fonts", "/srv/cache"));
  EXPECT_EQ(config.worker.file_bytes_max, std::int64_t{5} << 30);
  EXPECT_EQ(config.worker.open_files_max, 99);
  EXPECT_EQ(config.worker.memory_bytes_max, std::int64_t{512} << 20);
  EXPECT_EQ(config.node.workers.items_per_worker, 7);
  EXPECT_EQ(config.node.workers.crashes_max, 2);
  EXPECT_EQ(config.node.workers.start_timeout, absl::Seconds(5));
  EXPECT_EQ(config.node.workers.restart.min, absl::Milliseconds(50));
}

TEST(DaemonConfig, EveryLimitOfFilesIsRead) {
  const DaemonConfig config = Parsed(R"(
[folders]
work = "/srv/work"
cache = "/srv/cache"
[fetch]
threads = 5
total_timeout = "3m"
connect_timeout = "2s"
low_speed_window = "7s"
low_speed_min = "1KiB"
redirects_max = 2
per_host_max = 3
attempts_max = 4
retry_max = "12s"
ca_file = "/srv/ca.pem"
allow_private = ["127.0.0.0/8", "fd00::/8"]
allow_files = ["/srv/media"]
[cache]
size_max = "1GiB"
urls_max = 77
image_max = "1MiB"
video_max = "2MiB"
audio_max = "3MiB"
font_max = "4MiB"
subtitles_max = "5MiB"
[store]
root = "/srv/artifacts"
url_base = "https://cdn.example/artifacts"
threads = 6
probe_interval = "7s"
removals_max = 9
retry_min = "20ms"
retry_max = "3s"
)");
  const FetchLimits& limits = config.fetch.limits;
  EXPECT_EQ(config.fetch.threads, 5);
  EXPECT_EQ(config.node.fetches_max, 5);
  EXPECT_EQ(limits.total_timeout, absl::Minutes(3));
  EXPECT_EQ(limits.connect_timeout, absl::Seconds(2));
  EXPECT_EQ(limits.low_speed_window, absl::Seconds(7));
  EXPECT_EQ(limits.low_speed_bytes_min, 1024);
  EXPECT_EQ(limits.redirects_max, 2);
  EXPECT_EQ(limits.per_host_max, 3);
  EXPECT_EQ(limits.attempts_max, 4);
  EXPECT_EQ(limits.retry.max, absl::Seconds(12));
  EXPECT_EQ(limits.ca_file, "/srv/ca.pem");
  EXPECT_THAT(limits.allow_private, ElementsAre("127.0.0.0/8", "fd00::/8"));
  EXPECT_THAT(limits.allow_files, ElementsAre("/srv/media"));
  const AssetCacheOptions& cache = config.fetch.cache;
  EXPECT_EQ(cache.folder, "/srv/cache");
  EXPECT_EQ(cache.bytes_max, 1 << 30);
  EXPECT_EQ(cache.urls_max, 77);
  EXPECT_EQ(cache.image_bytes_max, 1 << 20);
  EXPECT_EQ(cache.video_bytes_max, 2 << 20);
  EXPECT_EQ(cache.audio_bytes_max, 3 << 20);
  EXPECT_EQ(cache.font_bytes_max, 4 << 20);
  EXPECT_EQ(cache.subtitles_bytes_max, 5 << 20);
  EXPECT_EQ(config.store.root, "/srv/artifacts");
  EXPECT_EQ(config.store.url_base, "https://cdn.example/artifacts");
  EXPECT_EQ(config.upload.threads, 6);
  EXPECT_EQ(config.store_keeper.probe_interval, absl::Seconds(7));
  EXPECT_EQ(config.store_keeper.removals_max, 9);
  EXPECT_EQ(config.store_keeper.retry.min, absl::Milliseconds(20));
  EXPECT_EQ(config.node.store_retry.max, absl::Seconds(3));
  EXPECT_EQ(config.node.uploads_max, 6);
  EXPECT_EQ(config.upload.work_folder, "/srv/work");
}

TEST(DaemonConfig, EveryLimitOfAnS3StoreIsRead) {
  const DaemonConfig config = Parsed(R"(
[folders]
state = "/srv/state"
[store]
kind = "s3"
threads = 3
[store.s3]
endpoint = "http://minio:9000"
region = "eu-central-1"
path_style = false
bucket = "farm"
credentials_file = "/srv/keys"
profile = "node"
ca_file = "/srv/ca.pem"
url_base = "https://cdn.example"
checksums = false
multipart_min = "8MiB"
part_size = "6MiB"
parts_at_once = 2
stale_after = "2h"
connect_timeout = "3s"
request_timeout = "20s"
low_speed_window = "5s"
low_speed_min = "1KiB"
attempts_max = 7
retry_min = "30ms"
retry_max = "4s"
)");
  ASSERT_TRUE(config.s3_store.has_value());
  const S3StoreOptions& s3 = *config.s3_store;
  EXPECT_EQ(s3.client.account.endpoint, "http://minio:9000");
  EXPECT_EQ(s3.client.account.region, "eu-central-1");
  EXPECT_FALSE(s3.client.account.path_style);
  EXPECT_EQ(s3.client.account.credentials.file, "/srv/keys");
  EXPECT_EQ(s3.client.account.credentials.profile, "node");
  EXPECT_EQ(s3.client.ca_file, "/srv/ca.pem");
  EXPECT_EQ(s3.bucket, "farm");
  EXPECT_EQ(s3.url_base, "https://cdn.example");
  EXPECT_FALSE(s3.checksums);
  EXPECT_EQ(s3.multipart_bytes_min, 8 << 20);
  EXPECT_EQ(s3.part_bytes, 6 << 20);
  EXPECT_EQ(s3.parts_at_once, 2);
  EXPECT_EQ(s3.stale_after, absl::Hours(2));
  EXPECT_EQ(s3.client.connect_timeout, absl::Seconds(3));
  EXPECT_EQ(s3.client.request_timeout, absl::Seconds(20));
  EXPECT_EQ(s3.client.low_speed_window, absl::Seconds(5));
  EXPECT_EQ(s3.client.low_speed_bytes_min, 1024);
  EXPECT_EQ(s3.client.attempts_max, 7);
  EXPECT_EQ(s3.client.retry.min, absl::Milliseconds(30));
  EXPECT_EQ(s3.uploads_folder, "/srv/state/s3_uploads");
}

TEST(DaemonConfig, AnS3StoreWithoutAnEndpointIsAmazons) {
  const DaemonConfig config =
      Parsed("[store]\nkind = \"s3\"\n[store.s3]\nregion = \"eu-west-1\"\n");
  EXPECT_EQ(config.s3_store->client.account.endpoint, "https://s3.eu-west-1.amazonaws.com");
  EXPECT_EQ(config.s3_store->url_base, "s3:/");
}

TEST(DaemonConfig, AnEndpointWithAPathIsRefused) {
  EXPECT_THAT(MistakesIn("[store]\nkind = \"s3\"\n[store.s3]\nendpoint = \"minio:9000\"\n"),
              HasSubstr("store.s3.endpoint: \"minio:9000\" is not a URL"));
}

TEST(DaemonConfig, TheTableOfAStoreThatIsNotUsedIsAMistake) {
  EXPECT_THAT(MistakesIn("[store.s3]\nbucket = \"farm\"\n"), HasSubstr("store.s3"));
}

TEST(DaemonConfig, NothingPrivateIsFetchedUnlessAllowed) {
  EXPECT_TRUE(Parsed("").fetch.limits.allow_private.empty());
  EXPECT_TRUE(Parsed("").fetch.limits.allow_files.empty());
}

TEST(DaemonConfig, WithTlsTheCoordinatorMayBeAnywhere) {
  const DaemonConfig config = Parsed(R"(
node_id = "box-7"
[coordinator]
address = "render.example:7600"
ca_file = "/etc/rendernode/ca.crt"
cert_file = "/etc/rendernode/node.crt"
key_file = "/etc/rendernode/node.key"
token_file = "/etc/rendernode/node.token"
server_name = "coordinator"
tls_refresh = "1m"
)");
  EXPECT_EQ(config.lease.node_id, "box-7");
  EXPECT_EQ(config.lease.security.ca_file, "/etc/rendernode/ca.crt");
  EXPECT_EQ(config.lease.security.cert_file, "/etc/rendernode/node.crt");
  EXPECT_EQ(config.lease.security.key_file, "/etc/rendernode/node.key");
  EXPECT_EQ(config.lease.security.token_file, "/etc/rendernode/node.token");
  EXPECT_EQ(config.lease.security.server_name, "coordinator");
  EXPECT_EQ(config.lease.security.refresh, absl::Minutes(1));
}

TEST(DaemonConfig, SeveralCoordinatorsStandInOneLine) {
  const std::string several = "127.0.0.1:1, [::1]:2,unix:/a";
  EXPECT_EQ(Parsed("[coordinator]\naddress = \"" + several + "\"\n").lease.coordinator, several);
  EXPECT_THAT(MistakesIn("[coordinator]\naddress = \"127.0.0.1:1,\"\n"),
              HasSubstr("coordinator.address: \"\" is neither host:port nor unix:/path"));
  EXPECT_THAT(MistakesIn("[coordinator]\naddress = \"127.0.0.1:1,10.0.0.1:1\"\n"),
              HasSubstr("coordinator.address: \"10.0.0.1:1\" is not this machine"));
  EXPECT_THAT(MistakesIn("[coordinator]\naddress = \"127.0.0.1:1,127.0.0.1:1\"\n"),
              HasSubstr("coordinator.address: has \"127.0.0.1:1\" twice"));
}

TEST(DaemonConfig, HalfATlsIsNone) {
  EXPECT_THAT(MistakesIn("[coordinator]\nca_file = \"/ca.crt\"\n"),
              HasSubstr("coordinator.ca_file: with TLS the node must say who it is"));
  EXPECT_THAT(MistakesIn("[coordinator]\nca_file = \"/ca.crt\"\ncert_file = \"/n.crt\"\n"),
              HasSubstr("coordinator.cert_file: goes with coordinator.key_file"));
  EXPECT_THAT(MistakesIn("[coordinator]\ncert_file = \"/n.crt\"\nkey_file = \"/n.key\"\n"),
              HasSubstr("coordinator.ca_file: must be given"));
  EXPECT_THAT(MistakesIn("[coordinator]\ntoken_file = \"/n.token\"\naddress = \"10.0.0.1:1\"\n"),
              HasSubstr("coordinator.address: \"10.0.0.1:1\" is not this machine: without TLS the "
                        "coordinator must be on a loopback address or a Unix socket; for TLS give "
                        "coordinator.ca_file"));
}

TEST(DaemonConfig, ASmallCacheBoundsItsFiles) {
  EXPECT_EQ(Parsed("[cache]\nsize_max = \"100MiB\"\n").fetch.cache.video_bytes_max, 100 << 20);
}

TEST(DaemonConfig, MistakesInFileLimitsAreNamed) {
  EXPECT_THAT(MistakesIn(R"(
[fetch]
allow_private = ["10.0.0.1/8"]
allow_files = ["media"]
[cache]
size_max = "2MiB"
video_max = "3MiB"
[store]
root = "artifacts"
url_base = "/artifacts/"
)"),
              AllOf(HasSubstr("fetch.allow_private: \"10.0.0.1/8\" has bits beyond its prefix"),
                    HasSubstr("fetch.allow_files: \"media\" is not an absolute path"),
                    HasSubstr("cache.video_max: must not be above cache.size_max"),
                    HasSubstr("store.root: \"artifacts\" is not an absolute path"),
                    HasSubstr("store.url_base: must be a path or URL that does not end in /")));
}

TEST(DaemonConfig, AMisspeltLimitIsNeverASilentDefault) {
  EXPECT_THAT(MistakesIn("[node]\ndrain_timout = \"8s\"\n"),
              HasSubstr("node.drain_timout: unknown key; did you mean \"node.drain_timeout\"?"));
}

TEST(DaemonConfig, EveryMistakeIsReportedAtOnce) {
  EXPECT_THAT(MistakesIn(R"(
node_id = "two words"
[folders]
work = "relative/path"
[coordinator]
address = "render.example:7600"
retry_min = "9s"
retry_max = "1s"
[node]
slots = 0
held_max = 1
drain_timeout = "2s"
drain_reserve = "3s"
[worker]
command = ["worker"]
environment = ["LANG"]
)"),
              AllOf(HasSubstr("node_id: must be 1 to 128"),
                    HasSubstr("folders.work: \"relative/path\" is not an absolute path"),
                    HasSubstr("coordinator.address: \"render.example:7600\" is not this machine"),
                    HasSubstr("coordinator.retry_min: must not be above coordinator.retry_max"),
                    HasSubstr("node.slots: 0 is outside 1 to 256"),
                    HasSubstr("node.held_max: must not be below"),
                    HasSubstr("node.drain_reserve: must not be above"),
                    HasSubstr("worker.command: must begin with the absolute path"),
                    HasSubstr("worker.environment: \"LANG\" is not NAME=value")));
}

// Those that depend on the machine are commented out; they must be right as well.
TEST(DaemonConfig, TheExampleThatWeShipIsTrueAndSaysTheDefaults) {
  std::string text = *ReadFile(RN_SOURCE_DIR "/daemon/node.example.toml", 1 << 20);
  for (const char* key : {"node_id", "slots", "prefetch", "held_max"}) {
    const std::size_t at = text.find(absl::StrCat("\n# ", key, " = "));
    ASSERT_NE(at, std::string::npos) << key;
    text.erase(at + 1, 2);
  }
  const DaemonConfig example = Parsed(text);
  const DaemonConfig defaults = Parsed("");
  EXPECT_EQ(example.node_id, "box-7");
  EXPECT_EQ(example.node.workers.slots, 4);
  EXPECT_EQ(example.worker.argv, defaults.worker.argv);
  EXPECT_EQ(example.worker.memory_bytes_max, defaults.worker.memory_bytes_max);
  EXPECT_EQ(example.worker.sandbox, defaults.worker.sandbox);
  EXPECT_EQ(example.worker.cgroup, defaults.worker.cgroup);
  EXPECT_EQ(example.worker.tasks_max, defaults.worker.tasks_max);
  EXPECT_EQ(example.worker.file_bytes_max, defaults.worker.file_bytes_max);
  EXPECT_EQ(example.worker.open_files_max, defaults.worker.open_files_max);
  EXPECT_EQ(example.events_max, defaults.events_max);
  EXPECT_EQ(example.node.drain_timeout, defaults.node.drain_timeout);
  EXPECT_EQ(example.fetch.limits.low_speed_bytes_min, defaults.fetch.limits.low_speed_bytes_min);
  EXPECT_EQ(example.fetch.cache.bytes_max, defaults.fetch.cache.bytes_max);
  EXPECT_EQ(example.store.root, defaults.store.root);
}

}  // namespace
}  // namespace rn
