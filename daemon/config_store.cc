#include <optional>
#include <string>

#include "base/s3_account.h"
#include "daemon/config_sections.h"

namespace rn {
namespace {

void ReadFolder(ConfigReader& reader, FileStoreOptions& store) {
  ReadPath(reader, "store.root", store.root);
  reader.Read("store.url_base", store.url_base);
  if (store.url_base.empty() || store.url_base.back() == '/') {
    reader.Fail("store.url_base", "must be a path or URL that does not end in /");
  }
}

void ReadClient(ConfigReader& reader, S3ClientOptions& client) {
  ReadS3Account(reader, "store.s3", client.account);
  ReadOptionalPath(reader, "store.s3.ca_file", client.ca_file);
  reader.Read("store.s3.connect_timeout",
              client.connect_timeout,
              absl::Milliseconds(100),
              absl::Minutes(5));
  reader.Read(
      "store.s3.request_timeout", client.request_timeout, absl::Milliseconds(100), absl::Hours(1));
  reader.Read(
      "store.s3.low_speed_window", client.low_speed_window, absl::Seconds(1), absl::Hours(1));
  reader.ReadBytes("store.s3.low_speed_min", client.low_speed_bytes_min, 1, kGiB);
  reader.Read("store.s3.attempts_max", client.attempts_max, 1, 100);
  ReadBackoff(reader, "store.s3.retry", client.retry);
}

void ReadS3(ConfigReader& reader, S3StoreOptions& s3) {
  ReadClient(reader, s3.client);
  reader.Read("store.s3.bucket", s3.bucket);
  std::string url_base;
  reader.Read("store.s3.url_base", url_base);
  if (!url_base.empty()) {
    s3.url_base = url_base;
    if (url_base.back() == '/') {
      reader.Fail("store.s3.url_base", "must not end in /");
    }
  }
  reader.Read("store.s3.checksums", s3.checksums);
  reader.ReadBytes("store.s3.multipart_min", s3.multipart_bytes_min, 5 * kMiB, 5 * kGiB);
  reader.ReadBytes("store.s3.part_size", s3.part_bytes, 5 * kMiB, 5 * kGiB);
  reader.Read("store.s3.parts_at_once", s3.parts_at_once, 1, 64);
  reader.Read("store.s3.stale_after", s3.stale_after, absl::Minutes(1), absl::Hours(24 * 30));
}

}  // namespace

// Only the table of the kind that is used may be there: a key of the other is one nobody asked for.
void ReadStore(ConfigReader& reader, DaemonConfig& config) {
  std::string kind = "folder";
  reader.ReadName("store.kind", kind, {"folder", "s3"});
  if (kind == "s3") {
    ReadS3(reader, config.s3_store.emplace());
  } else {
    ReadFolder(reader, config.store);
  }
  reader.Read("store.threads", config.upload.threads, 1, 256);
  StoreKeeperOptions& keeper = config.store_keeper;
  reader.Read("store.probe_interval", keeper.probe_interval, absl::Seconds(1), absl::Hours(1));
  reader.Read("store.removals_max", keeper.removals_max, 1, 1000000);
  ReadBackoff(reader, "store.retry", config.node.store_retry);
  keeper.retry = config.node.store_retry;
}

}  // namespace rn
