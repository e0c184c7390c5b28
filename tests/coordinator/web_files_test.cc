// The page is there, tells browsers when it changed, and may load nothing but itself.
#include "coordinator/web_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/file.h"

namespace rn {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::size_t kBytesMax = 60'000;

HttpResponse Get(const WebFiles& files, const std::string& path, const HttpFields& headers = {}) {
  HttpRequest request;
  request.method = "GET";
  request.path = path;
  request.headers = headers;
  std::optional<HttpResponse> response = files.Handle(request);
  EXPECT_TRUE(response.has_value()) << path;
  return response.has_value() ? *std::move(response) : HttpResponse();
}

std::string HeaderOf(const HttpResponse& response, const std::string& name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) {
      return value;
    }
  }
  return "";
}

TEST(WebFiles, EveryFileOfTheFolderIsServedAsItIs) {
  const WebFiles files({});
  const std::filesystem::path folder = std::filesystem::path(RN_SOURCE_DIR) / "web";
  std::size_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename();
    const std::string content = *ReadFile(entry.path(), kBytesMax);
    const HttpResponse response = Get(files, "/ui/" + name);
    EXPECT_EQ(response.status, 200) << name;
    EXPECT_EQ(response.body, content) << name;
    EXPECT_EQ(HeaderOf(response, "ETag"), "\"" + Sha256(content) + "\"");
    bytes += content.size();
  }
  EXPECT_LT(bytes, kBytesMax) << "the whole page";
  EXPECT_EQ(Get(files, "/").body, Get(files, "/ui/index.html").body);
  EXPECT_EQ(HeaderOf(Get(files, "/"), "Content-Type"), "text/html; charset=utf-8");
  EXPECT_EQ(HeaderOf(Get(files, "/ui/app.js"), "Content-Type"), "text/javascript; charset=utf-8");
  EXPECT_EQ(HeaderOf(Get(files, "/ui/app.css"), "Content-Type"), "text/css; charset=utf-8");
}

TEST(WebFiles, AnUnchangedFileIsNotSentAgain) {
  const WebFiles files({});
  const std::string etag = HeaderOf(Get(files, "/"), "ETag");
  const HttpResponse same = Get(files, "/", {{"if-none-match", "\"other\", " + etag}});
  EXPECT_EQ(same.status, 304);
  EXPECT_EQ(same.body, "");
  EXPECT_EQ(Get(files, "/", {{"if-none-match", "\"other\""}}).status, 200);
  EXPECT_EQ(HeaderOf(same, "Cache-Control"), "no-cache");
}

TEST(WebFiles, OnlyVideosAndPicturesMayComeFromElsewhere) {
  const WebFiles alone({});
  const std::string strict = HeaderOf(Get(alone, "/"), "Content-Security-Policy");
  EXPECT_THAT(strict, HasSubstr("default-src 'none'; script-src 'self'; style-src 'self';"));
  EXPECT_THAT(strict, Not(HasSubstr("unsafe")));
  EXPECT_THAT(strict, Not(HasSubstr("http")));
  const WebFiles open({"https://cdn.example/videos",
                       "https://*.s3.example",
                       "ftp://no",
                       "https://evil.example; script-src https://evil.example"});
  const std::string policy = HeaderOf(Get(open, "/"), "Content-Security-Policy");
  EXPECT_THAT(policy, HasSubstr("img-src 'self' https://*.s3.example https://cdn.example;"));
  EXPECT_THAT(policy, HasSubstr("script-src 'self';"));
  EXPECT_THAT(policy, Not(HasSubstr("evil")));
}

TEST(WebFiles, OtherPathsAreSomebodyElses) {
  const WebFiles files({});
  HttpRequest request;
  request.method = "GET";
  request.path = "/api/v1/bulk-jobs";
  EXPECT_FALSE(files.Handle(request).has_value());
  EXPECT_EQ(Get(files, "/ui/nothing.js").status, 404);
  EXPECT_EQ(Get(files, "/ui/../coordinator.toml").status, 404);
  request.method = "POST";
  request.path = "/";
  EXPECT_EQ(files.Handle(request)->status, 405);
}

}  // namespace
}  // namespace rn
