#include "ctl/support_bundle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "base/file.h"

namespace rn {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kSecret[] = "hunter2";

rendernode::SupportData Data() {
  rendernode::SupportData data;
  data.mutable_status()->set_node_id("box-7");
  auto* item = data.mutable_status()->add_items();
  item->set_item_id("job_1-4");
  item->set_fence(3);
  data.mutable_status()->set_reason(
      absl::StrCat("object store: https://me:", kSecret, "@s3.example/ refused"));
  auto& config = *data.mutable_config();
  config["node.slots"] = "4";
  config["coordinator.token_file"] = "\"/etc/rendernode/node.token\"";
  config["store.secret_access_key"] = absl::StrCat("\"", kSecret, "\"");
  config["worker.environment"] = absl::StrCat("\"PIN=", kSecret, "\"");
  data.add_log("fetch failed item=job_1-4 error=\"Bearer hunter2\"\n");
  data.add_log("asked url=https://cdn.example/a?sig=hunter2\n");
  data.add_log("-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----");
  data.set_metrics("rendernode_uptime_seconds 5\n");
  return data;
}

class SupportBundleTest : public ::testing::Test {
 protected:
  std::string Unpacked() const {
    const std::string out = (folder_.path() / "all.txt").string();
    const std::string command =
        absl::StrCat("cd ",
                     folder_.path().string(),
                     " && tar -xzf bundle.tar.gz && cat rendernode-support/* > ",
                     out);
    EXPECT_EQ(std::system(command.c_str()), 0);
    return *ReadFile(out, 16 << 20);
  }

  const TempDir folder_ = *TempDir::Create("support_bundle");
  const std::filesystem::path path_ = folder_.path() / "bundle.tar.gz";
};

TEST_F(SupportBundleTest, TellsWhatTheNodeDoesAndNoSecret) {
  ASSERT_TRUE(WriteSupportBundle(path_, Data(), absl::UnixEpoch()).ok());
  const std::string all = Unpacked();
  for (const char* told : {"box-7",
                           "item=job_1-4 fence=3",
                           "node.slots = 4",
                           "/etc/rendernode/node.token",
                           "fetch failed item=job_1-4",
                           "https://cdn.example/a?(removed)",
                           "rendernode_uptime_seconds 5",
                           "MemTotal"}) {
    EXPECT_THAT(all, HasSubstr(told));
  }
  EXPECT_THAT(all, Not(HasSubstr(kSecret)));
}

TEST_F(SupportBundleTest, IsItsOwnersAndReplacesNothing) {
  ASSERT_TRUE(WriteSupportBundle(path_, Data(), absl::UnixEpoch()).ok());
  struct stat info {};
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600);
  EXPECT_TRUE(absl::IsAlreadyExists(WriteSupportBundle(path_, Data(), absl::UnixEpoch())));
}

}  // namespace
}  // namespace rn
