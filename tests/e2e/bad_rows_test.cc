// A bad row fails alone, with the right code and within the time limit; the others are rendered.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "tests/e2e/farm.h"

namespace rn {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr absl::Duration kJobTimeout = absl::Seconds(90);

struct Row {
  const char* path;
  const char* error_code;  // "" = it is rendered.
  const char* says;        // In the error's message.
};

constexpr Row kRows[] = {
    {"good.jpg", "", ""},
    {"missing.jpg", "asset_download_failed", "404"},
    {"page.jpg", "asset_download_failed", "HTML"},
    {"loop.jpg", "asset_download_failed", "redirect"},
    {"silent.jpg", "asset_download_failed", "silent.jpg"},
    {"broken.jpg", "asset_download_failed", "500"},
    {"truncated.jpg", "template_render_error", ""},
    {"bomb.png", "template_render_error", "pixels"},
    {"good.jpg?again", "", ""},
};

// The origin of images, as a program of its own.
class HostileServer {
 public:
  HostileServer() {
    const std::string source = absl::StrCat(RN_SOURCE_DIR, "/tests/e2e/hostile_server.py");
    const std::string image = absl::StrCat(RN_SOURCE_DIR, "/templates/samples/images/speaker.jpg");
    // The port comes, and the end goes, over the channel.
    const std::string script = absl::StrCat("exec python3 '", source, "' '", image, "' <&3 >&3");
    auto process = Subprocess::Start(
        {.argv = {"/bin/sh", "-c", script}, .environment = {"PATH=/usr/bin:/bin"}});
    CHECK(process.ok());
    process_.emplace(*std::move(process));
    std::string line;
    for (char c = 0; read(process_->channel(), &c, 1) == 1 && c != '\n';) {
      line += c;
    }
    CHECK(absl::SimpleAtoi(line, &port_));
  }

  std::string Url(const std::string& path) const {
    return absl::StrCat("http://127.0.0.1:", port_, "/", path);
  }

 private:
  std::optional<Subprocess> process_;
  int port_ = 0;
};

TEST(BadRowsTest, EachFailsAloneWithItsOwnCode) {
  const HostileServer server;
  auto farm = Farm::Create({.fetch_timeout = absl::Seconds(2)});
  ASSERT_TRUE(farm.ok()) << farm.status();
  std::vector<std::array<std::string, 3>> rows;
  for (const Row& row : kRows) {
    rows.push_back({row.path, "A short narration.", server.Url(row.path)});
  }
  (*farm)->WriteSheet("bad", rows);
  const auto job = (*farm)->Submit("bad", "Bad rows");
  ASSERT_TRUE(job.ok()) << job.status();
  ASSERT_TRUE((*farm)->WaitForJob(*job, kJobTimeout, [](const json& state) {
    return state.at("state") == "completed" || state.at("state") == "failed";
  })) << (*farm)->Logs();

  const auto videos = (*farm)->client().ListVideos(*job);
  ASSERT_TRUE(videos.ok()) << videos.status();
  ASSERT_EQ(videos->size(), std::size(kRows));
  for (std::size_t i = 0; i < std::size(kRows); ++i) {
    SCOPED_TRACE(kRows[i].path);
    const json& video = videos->at(i);
    if (*kRows[i].error_code == '\0') {
      EXPECT_EQ(video.at("state"), "completed") << video;
      continue;
    }
    EXPECT_EQ(video.at("state"), "failed") << video;
    ASSERT_FALSE(video.at("errors").empty());
    EXPECT_EQ(video.at("errors").back().at("error_code"), kRows[i].error_code) << video;
    EXPECT_THAT(video.at("errors").back().at("error_message").get<std::string>(),
                HasSubstr(kRows[i].says));
  }
  EXPECT_THAT((*farm)->Logs(), Not(HasSubstr("worker lost")));
}

}  // namespace
}  // namespace rn
