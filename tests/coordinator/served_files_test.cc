#include "coordinator/served_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "coordinator/http_server.h"
#include "tests/coordinator/http_client.h"

namespace rn {
namespace {

using ::testing::HasSubstr;

constexpr const char* kVideo = "/artifacts/my-bucket/job_1/item_1/3/video.mp4";

class ServedFilesTest : public ::testing::Test {
 protected:
  ServedFilesTest() {
    const auto leaf = root_.path() / "artifacts/my-bucket/job_1/item_1/3";
    std::filesystem::create_directories(leaf);
    std::ofstream(leaf / "video.mp4") << "0123456789";
    std::ofstream(leaf / ".upload") << "half";
    std::ofstream(root_.path() / "secret") << "secret";
    std::filesystem::create_symlink(root_.path() / "secret", leaf / "link.txt");
    std::filesystem::create_directory_symlink(leaf, leaf.parent_path() / "4");
    HttpServerOptions options;
    options.port = 0;
    server_ = *HttpServer::Start(
        options, [this](const HttpRequest& request) { return *files_.Handle(request); });
    client_ = std::make_unique<HttpClient>(server_->port());
  }

  HttpReply Range(const std::string& range, std::vector<std::string> headers = {}) {
    headers.push_back("Range: " + range);
    return client_->Get(kVideo, std::move(headers));
  }

  const TempDir root_ = *TempDir::Create("served");
  const std::string asset_ = Sha256("music");
  const ServedFiles files_{root_.path() / "artifacts", [this](const std::string& digest) {
                             return digest == asset_ ? std::optional(root_.path() / "secret")
                                                     : std::nullopt;
                           }};
  std::unique_ptr<HttpServer> server_;
  std::unique_ptr<HttpClient> client_;
};

TEST_F(ServedFilesTest, AnArtifactComesWithItsTypeAndTag) {
  const HttpReply reply = client_->Get(kVideo);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "0123456789");
  EXPECT_EQ(reply.headers.at("content-type"), "video/mp4");
  EXPECT_EQ(reply.headers.at("accept-ranges"), "bytes");
  EXPECT_THAT(reply.headers.at("cache-control"), HasSubstr("immutable"));
  EXPECT_EQ(client_->Get(kVideo, {"If-None-Match: " + reply.headers.at("etag")}).status, 304);
  EXPECT_EQ(client_->Get(kVideo, {"If-None-Match: \"other\""}).status, 200);
}

TEST_F(ServedFilesTest, HeadTellsTheLengthWithoutTheBytes) {
  const HttpReply reply = client_->Call(kVideo, {.method = "HEAD"});
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.headers.at("content-length"), "10");
  EXPECT_EQ(reply.body, "");
}

TEST_F(ServedFilesTest, ARangeIsServedAsPlayersAskForIt) {
  const HttpReply middle = Range("bytes=2-4");
  EXPECT_EQ(middle.status, 206);
  EXPECT_EQ(middle.body, "234");
  EXPECT_EQ(middle.headers.at("content-range"), "bytes 2-4/10");
  EXPECT_EQ(Range("bytes=7-").body, "789");
  EXPECT_EQ(Range("bytes=-3").body, "789");
  EXPECT_EQ(Range("bytes=0-0").body, "0");
  EXPECT_EQ(Range("bytes=8-999").headers.at("content-range"), "bytes 8-9/10");
  EXPECT_EQ(Range("bytes=-99").body, "0123456789");
}

TEST_F(ServedFilesTest, ARangeBeyondTheEndIs416) {
  for (const char* range : {"bytes=10-", "bytes=50-60", "bytes=-0"}) {
    const HttpReply reply = Range(range);
    EXPECT_EQ(reply.status, 416) << range;
    EXPECT_EQ(reply.headers.at("content-range"), "bytes */10");
  }
}

TEST_F(ServedFilesTest, WhatIsNotOneByteRangeGetsTheWholeFile) {
  for (const char* range : {"bytes=4-2",
                            "bytes=-",
                            "bytes=a-b",
                            "bytes=0-1,3-4",
                            "lines=1-2",
                            "bytes=99999999999999999999-",
                            "bytes=--1"}) {
    const HttpReply reply = Range(range);
    EXPECT_EQ(reply.status, 200) << range;
    EXPECT_EQ(reply.body, "0123456789") << range;
  }
}

TEST_F(ServedFilesTest, ARangeOfAnotherVersionGetsTheWholeFile) {
  const std::string etag = client_->Get(kVideo).headers.at("etag");
  EXPECT_EQ(Range("bytes=0-1", {"If-Range: " + etag}).status, 206);
  EXPECT_EQ(Range("bytes=0-1", {"If-Range: \"old\""}).body, "0123456789");
}

TEST_F(ServedFilesTest, NoPathLeadsOutOfTheFolder) {
  for (const char* path : {"/artifacts/../secret",
                           "/artifacts/my-bucket/job_1/item_1/../../../../secret",
                           "/artifacts/my-bucket/job_1/item_1/3/%2e%2e",
                           "/artifacts/my-bucket/job_1/item_1/3/..%2F..%2Fsecret",
                           "/artifacts/my-bucket/job_1/item_1/3/link.txt",
                           "/artifacts/my-bucket/job_1/item_1/4/video.mp4",
                           "/artifacts/my-bucket/job_1/item_1/3/.upload",
                           "/artifacts//my-bucket/job_1/item_1/3/video.mp4",
                           "/artifacts/my-bucket/job_1/item_1/3/",
                           "/artifacts/my-bucket/job_1/item_1/3",
                           "/artifacts/",
                           "/assets/",
                           "/assets/../secret"}) {
    const HttpReply reply = client_->Get(path);
    EXPECT_EQ(reply.status, 404) << path;
    EXPECT_THAT(reply.body, HasSubstr("not_found")) << path;
  }
}

TEST_F(ServedFilesTest, AnAssetIsServedByItsDigest) {
  EXPECT_EQ(client_->Get("/assets/" + asset_).body, "secret");
  EXPECT_EQ(client_->Get("/assets/" + asset_).headers.at("etag"), "\"" + asset_ + "\"");
  EXPECT_EQ(client_->Get("/assets/" + Sha256("other")).status, 404);
}

TEST_F(ServedFilesTest, FilesCannotBeWritten) {
  const HttpReply reply = client_->Call(kVideo, {.method = "PUT", .body = "x"});
  EXPECT_EQ(reply.status, 405);
  EXPECT_EQ(reply.headers.at("allow"), "GET, HEAD");
}

TEST(ServedFiles, OtherPathsAreLeftToOthers) {
  const TempDir root = *TempDir::Create("served");
  const ServedFiles files(root.path(), [](const std::string&) { return std::nullopt; });
  HttpRequest request;
  request.method = "GET";
  request.path = "/api/v1/bulk-jobs";
  EXPECT_FALSE(files.Handle(request).has_value());
}

}  // namespace
}  // namespace rn
