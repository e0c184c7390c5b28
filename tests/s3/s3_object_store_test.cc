// Objects in a real S3 server, over a network that fails, and against answers that it does not
// give.
#include "daemon/s3_object_store.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <atomic>
#include <thread>

#include "base/file.h"
#include "base/s3_signer.h"
#include "daemon/fetcher.h"
#include "daemon/s3_digest.h"
#include "proto/item_error.h"
#include "tests/fakes/fault_proxy.h"
#include "tests/fakes/scripted_server.h"
#include "tests/s3/s3_server.h"

namespace rn {
namespace {
namespace fs = std::filesystem;

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kKey[] = "videos/job/item/7/video.mp4";
constexpr char kAttempt[] = "videos/job/item/7/";

// Of 5 MiB each, the last one shorter.
std::string Parts(int parts) {
  std::string bytes((static_cast<std::size_t>(parts) * 5 << 20) - 1000, '.');
  for (std::size_t i = 0; i < bytes.size(); i += 997) {
    bytes[i] = static_cast<char>('a' + i % 23);
  }
  return bytes;
}

class Folder {
 public:
  Folder() : dir_(*TempDir::Create("s3")) {}
  fs::path path() const { return dir_.path(); }

  // A file in it, open to be read.
  UniqueFd File(const std::string& bytes) const {
    EXPECT_TRUE(WriteFileDurably(path() / "rendered", bytes).ok());
    return UniqueFd(open((path() / "rendered").c_str(), O_RDONLY | O_CLOEXEC));
  }
  std::size_t UploadsUnderWay() const {
    std::error_code none;
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(path() / "uploads", none), fs::directory_iterator()));
  }

 private:
  TempDir dir_;
};

PutRequest RequestOf(const std::string& key, const std::string& bytes) {
  return {.key = key,
          .bytes = static_cast<std::int64_t>(bytes.size()),
          .sha256 = Sha256(bytes),
          .content_type = "video/mp4"};
}

class S3StoreTest : public ::testing::Test {
 protected:
  std::unique_ptr<S3ObjectStore> Open(S3StoreOptions options) {
    auto store = S3ObjectStore::Open(std::move(options), Clock::System());
    EXPECT_TRUE(store.ok()) << store.status();
    return *std::move(store);
  }

  absl::StatusOr<std::string> Put(S3ObjectStore& store,
                                  const std::string& key,
                                  const std::string& bytes) {
    const UniqueFd file = folder_.File(bytes);
    return store.Put(file.get(), RequestOf(key, bytes), stop_.get_token());
  }

  // What the server has under "<bucket>/<key>"; "" = nothing.
  std::string At(const std::string& path) {
    S3Client client(server_.Options().client, Clock::System());
    const std::size_t slash = path.find('/');
    std::string bytes;
    const auto answer =
        client.Call({.method = "GET",
                     .bucket = path.substr(0, slash),
                     .key = path.substr(slash + 1),
                     .once = true,
                     .take = [&](absl::string_view block) { absl::StrAppend(&bytes, block); }},
                    {});
    EXPECT_TRUE(answer.ok() || absl::IsNotFound(answer.status())) << answer.status();
    return answer.ok() ? bytes : "";
  }

  Folder folder_;
  std::stop_source stop_;
  S3Server server_{folder_.path()};
};

TEST_F(S3StoreTest, AnObjectIsThereWholeUnderItsUrl) {
  const auto store = Open(server_.Options());
  EXPECT_TRUE(store->Probe({}).ok()) << store->Probe({});
  const auto url = Put(*store, kKey, "frames");
  ASSERT_TRUE(url.ok()) << url.status();
  EXPECT_EQ(*url, "s3://videos/job/item/7/video.mp4");
  EXPECT_EQ(At(kKey), "frames");
}

TEST_F(S3StoreTest, OneBucketCanHoldEveryJobsObjects) {
  S3StoreOptions options = server_.Options();
  options.bucket = "others";
  options.url_base = "https://cdn.example";
  const auto store = Open(options);
  EXPECT_TRUE(store->Probe({}).ok()) << store->Probe({});
  EXPECT_EQ(*Put(*store, kKey, "frames"), "https://cdn.example/others/videos/job/item/7/video.mp4");
  EXPECT_EQ(At("others/videos/job/item/7/video.mp4"), "frames");
}

TEST_F(S3StoreTest, ABucketCanBeAHostOfItsOwn) {
  S3StoreOptions options = server_.Options();
  const std::string host =
      absl::StrCat("s3.amazonaws.com:", server_.port());  // As s3rver knows it.
  options.client.account.endpoint = absl::StrCat("http://", host);
  options.client.account.path_style = false;
  options.client.resolve = {absl::StrCat(host, ":127.0.0.1"),
                            absl::StrCat("videos.", host, ":127.0.0.1")};
  const auto store = Open(options);
  EXPECT_TRUE(store->Probe({}).ok()) << store->Probe({});
  const auto url = Put(*store, kKey, "frames");
  ASSERT_TRUE(url.ok()) << url.status();
  EXPECT_EQ(At(kKey), "frames");
}

TEST_F(S3StoreTest, TheSameObjectMayBePutAgainAndNoOther) {
  const auto store = Open(server_.Options());
  ASSERT_TRUE(Put(*store, kKey, "frames").ok());
  EXPECT_TRUE(Put(*store, kKey, "frames").ok());
  const absl::Status status = Put(*store, kKey, "others").status();
  EXPECT_TRUE(absl::IsAlreadyExists(status)) << status;
  EXPECT_EQ(ItemErrorOf(status), rendernode::ITEM_ERROR_STORAGE_UPLOAD_FAILED);
  EXPECT_EQ(At(kKey), "frames");
}

TEST_F(S3StoreTest, AFileThatIsNotWhatWasRenderedIsNotStored) {
  const auto store = Open(server_.Options());
  const UniqueFd file = folder_.File("Frames");
  const absl::Status status = store->Put(file.get(), RequestOf(kKey, "frames"), {}).status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_EQ(At(kKey), "");
}

TEST_F(S3StoreTest, NoKeyLeadsElsewhere) {
  const auto store = Open(server_.Options());
  for (const char* key : {"", "video.mp4", "videos/../others/video.mp4", "videos//video.mp4"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(Put(*store, key, "frames").status())) << key;
  }
}

TEST_F(S3StoreTest, ASupersededAttemptIsRemovedAndNoOther) {
  const auto store = Open(server_.Options());
  for (const char* key : {kKey, "videos/job/item/7/poster.jpg", "videos/job/item/70/video.mp4"}) {
    ASSERT_TRUE(Put(*store, key, "frames").ok());
  }
  ASSERT_TRUE(store->Remove(kAttempt, {}).ok()) << store->Remove(kAttempt, {});
  EXPECT_EQ(At(kKey), "");
  EXPECT_EQ(At("videos/job/item/7/poster.jpg"), "");
  EXPECT_EQ(At("videos/job/item/70/video.mp4"), "frames");
  EXPECT_TRUE(store->Remove(kAttempt, {}).ok()) << "nothing there is a success";
  EXPECT_TRUE(absl::IsInvalidArgument(store->Remove("videos/job/item/", {})));
}

TEST_F(S3StoreTest, APresignedUrlIsGoodForWhoeverHasItUntilItExpires) {
  ASSERT_TRUE(Put(*Open(server_.Options()), kKey, "frames").ok());
  const S3Account account = server_.Options().client.account;
  const S3Address address = AddressOf(account, "videos", "job/item/7/video.mp4");
  auto fetcher =
      Fetcher::Create({.attempts_max = 1, .allow_private = {"127.0.0.1"}}, Clock::System());
  const auto fetched = [&](absl::Time signed_at) {
    const std::string query =
        PresignedQuery({.method = "GET", .host = address.host, .path = address.path},
                       *ReadS3Credentials(account.credentials),
                       account.region,
                       signed_at,
                       absl::Hours(1));
    const fs::path to = folder_.path() / "fetched";
    const absl::Status status =
        (*fetcher)
            ->Fetch({.url = absl::StrCat(address.origin, address.path, "?", query),
                     .bytes_max = 1000,
                     .to = to},
                    {})
            .status();
    return status.ok() ? *ReadFile(to, 1000) : std::string(status.message());
  };
  EXPECT_EQ(fetched(Clock::System().Now()), "frames");
  fs::remove(folder_.path() / "fetched");
  EXPECT_THAT(fetched(Clock::System().Now() - absl::Hours(2)), HasSubstr("answered 403"));
}

// ---------------------------------------------------------------- in parts

TEST_F(S3StoreTest, ALongFileGoesUpInParts) {
  const auto store = Open(server_.Options());
  const std::string bytes = Parts(3);
  const auto url = Put(*store, kKey, bytes);
  ASSERT_TRUE(url.ok()) << url.status();
  EXPECT_TRUE(At(kKey) == bytes);
  EXPECT_EQ(server_.Said("Stored part"), 3);
  EXPECT_EQ(folder_.UploadsUnderWay(), 0u);
  EXPECT_TRUE(Put(*store, kKey, bytes).ok()) << "there already";
  EXPECT_EQ(server_.Said("Stored part"), 3);
}

// kill -9 of the daemon in mid-upload: what was sent is not sent again.
TEST_F(S3StoreTest, AnUploadGoesOnWhereItWasAfterAKill) {
  S3StoreOptions options = server_.Options();
  options.parts_at_once = 1;
  const std::string bytes = Parts(6);
  const UniqueFd file = folder_.File(bytes);
  const pid_t child = fork();
  if (child == 0) {
    const auto store = S3ObjectStore::Open(options, Clock::System());
    _exit((*store)->Put(file.get(), RequestOf(kKey, bytes), {}).ok() ? 0 : 1);
  }
  while (server_.Said("Stored part") < 2 && waitpid(child, nullptr, WNOHANG) == 0) {
    usleep(1000);
  }
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  ASSERT_EQ(folder_.UploadsUnderWay(), 1u);
  const auto url = Open(options)->Put(file.get(), RequestOf(kKey, bytes), {});
  ASSERT_TRUE(url.ok()) << url.status();
  EXPECT_TRUE(At(kKey) == bytes);
  // The one or two that were under way at the kill may have gone twice.
  EXPECT_LE(server_.Said("Stored part"), 8);
  EXPECT_EQ(folder_.UploadsUnderWay(), 0u);
}

TEST_F(S3StoreTest, AServerThatDiesAndComesBackGetsTheRest) {
  S3StoreOptions options = server_.Options();
  options.parts_at_once = 1;
  const auto store = Open(options);
  const std::string bytes = Parts(4);
  std::atomic<bool> stored = false;
  absl::Status status;
  std::thread putting([&] {
    status = Put(*store, kKey, bytes).status();
    stored = true;
  });
  while (server_.Said("Stored part") < 1 && !stored) {
    usleep(1000);
  }
  server_.Kill();
  putting.join();
  ASSERT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_TRUE(absl::IsUnavailable(store->Probe({})));
  server_.Start();
  EXPECT_TRUE(store->Probe({}).ok());
  const auto url = Put(*store, kKey, bytes);
  ASSERT_TRUE(url.ok()) << url.status();
  EXPECT_TRUE(At(kKey) == bytes);
}

TEST_F(S3StoreTest, AStoppedUploadGoesOnWhenItIsAskedForAgain) {
  S3StoreOptions options = server_.Options();
  options.parts_at_once = 1;
  const auto store = Open(options);
  const std::string bytes = Parts(8);
  std::atomic<bool> ended = false;
  std::thread stopper([&] {
    while (folder_.UploadsUnderWay() == 0 && !ended) {
      usleep(100);
    }
    stop_.request_stop();
  });
  const absl::Status status = Put(*store, kKey, bytes).status();
  ended = true;
  stopper.join();
  EXPECT_TRUE(absl::IsCancelled(status)) << status;
  EXPECT_EQ(folder_.UploadsUnderWay(), 1u);
  stop_ = std::stop_source();
  EXPECT_TRUE(Put(*store, kKey, bytes).ok());
  EXPECT_TRUE(At(kKey) == bytes);
}

// ---------------------------------------------------------------- a bad network

class S3OverProxyTest : public S3StoreTest {
 protected:
  void SetUp() override {
    auto proxy = FaultProxy::Start(server_.port());
    ASSERT_TRUE(proxy.ok()) << proxy.status();
    proxy_ = *std::move(proxy);
    options_ = server_.Options();
    options_.client.account.endpoint = absl::StrCat("http://127.0.0.1:", proxy_->port());
  }
  S3StoreOptions options_;
  std::unique_ptr<FaultProxy> proxy_;
};

TEST_F(S3OverProxyTest, AnAnswerCutInTheMiddleIsAskedForAgain) {
  const auto store = Open(options_);
  proxy_->CutAfterAnswerBytes(10);
  EXPECT_TRUE(Put(*store, kKey, "frames").ok());
  EXPECT_EQ(At(kKey), "frames");
}

TEST_F(S3OverProxyTest, ConnectionsCutAllTheTimeCostNoObject) {
  options_.client.attempts_max = 50;
  const auto store = Open(options_);
  const std::string bytes = Parts(3);
  std::jthread cutting([&](const std::stop_token& stop) {
    for (int cuts = 0; cuts < 5 && !stop.stop_requested(); ++cuts) {
      usleep(20000);
      proxy_->Cut();
    }
  });
  const auto url = Put(*store, kKey, bytes);
  ASSERT_TRUE(url.ok()) << url.status();
  EXPECT_TRUE(At(kKey) == bytes);
}

TEST_F(S3OverProxyTest, AServerThatRefusesConnectionsIsTroubleThatMayPass) {
  options_.client.attempts_max = 1;
  const auto store = Open(options_);
  proxy_->Set({.refuse = true});
  EXPECT_TRUE(absl::IsUnavailable(Put(*store, kKey, "frames").status()));
  EXPECT_TRUE(absl::IsUnavailable(store->Probe({})));
  proxy_->Heal();
  EXPECT_TRUE(Put(*store, kKey, "frames").ok());
}

TEST_F(S3OverProxyTest, ATransferThatStallsIsGivenUp) {
  options_.client.attempts_max = 1;
  options_.client.request_timeout = absl::Seconds(1);
  options_.client.low_speed_window = absl::Seconds(1);
  const auto store = Open(options_);
  proxy_->Set({.stall_up = true});
  const absl::Status probe = store->Probe({});
  EXPECT_TRUE(absl::IsDeadlineExceeded(probe)) << probe;
  const UniqueFd file = folder_.File("frames");
  S3Client client(options_.client, Clock::System());
  const absl::Status status = client
                                  .Call({.method = "PUT",
                                         .bucket = "videos",
                                         .key = "k",
                                         .fd = file.get(),
                                         .bytes = 6,
                                         .sha256 = Sha256("frames")},
                                        {})
                                  .status();
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
}

// ---------------------------------------------------------------- refusals

TEST_F(S3StoreTest, KeysThatTheServerDoesNotKnowAreThisNodesTrouble) {
  S3StoreOptions options = server_.Options();
  options.client.account.credentials.file = folder_.path() / "wrong";
  ASSERT_TRUE(WriteFileDurably(options.client.account.credentials.file,
                               "[default]\naws_access_key_id = NOBODY\n"
                               "aws_secret_access_key = hush\n")
                  .ok());
  const auto store = Open(options);
  for (const absl::Status& status : {Put(*store, kKey, "frames").status(), store->Probe({})}) {
    EXPECT_TRUE(absl::IsUnauthenticated(status)) << status;
    EXPECT_THAT(
        std::string(status.message()),
        AllOf(HasSubstr("InvalidAccessKeyId"), HasSubstr("NOBODY"), Not(HasSubstr("hush"))));
  }
  // Put right, they serve without a restart.
  fs::copy_file(server_.Options().client.account.credentials.file,
                options.client.account.credentials.file,
                fs::copy_options::overwrite_existing);
  EXPECT_TRUE(Put(*store, kKey, "frames").ok());
}

TEST_F(S3StoreTest, ABucketThatIsNotThereIsNamed) {
  const auto store = Open(server_.Options());
  for (const std::string& bytes : {std::string("frames"), Parts(2)}) {
    const absl::Status status = Put(*store, "nowhere/job/item/7/video.mp4", bytes).status();
    EXPECT_TRUE(absl::IsNotFound(status)) << status;
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr("NoSuchBucket"), HasSubstr("bucket nowhere"), HasSubstr("S3RVER")));
  }
  EXPECT_TRUE(store->Probe({}).ok()) << "other buckets are as good as before";
  S3StoreOptions options = server_.Options();
  options.bucket = "nowhere";
  EXPECT_TRUE(absl::IsNotFound(Open(options)->Probe({})));
}

TEST_F(S3StoreTest, KeysThatCannotBeReadSayWhere) {
  S3StoreOptions options = server_.Options();
  options.client.account.credentials.file = folder_.path() / "absent";
  const absl::Status status = Open(options)->Probe({});
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("absent"));
}

// ---------------------------------------------------------------- answers as a script gives them

// One object, whose PUTs and HEADs are answered as the test says.
class ScriptedS3Test : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(WriteFileDurably(folder_.path() / "keys",
                                 "[default]\naws_access_key_id = ID\naws_secret_access_key = s\n")
                    .ok());
    options_.client.account.endpoint = absl::StrCat("http://127.0.0.1:", server_.port());
    options_.client.account.credentials.file = folder_.path() / "keys";
    options_.client.attempts_max = 3;
    options_.client.retry = {.min = absl::Milliseconds(1), .max = absl::Milliseconds(5)};
    options_.uploads_folder = folder_.path() / "uploads";
    server_.On("/videos/job/item/7/video.mp4",
               [this](ScriptedPeer& peer, const ScriptedRequest& request) {
                 if (request.method == "PUT") {
                   return OnPut(peer, ++puts_);
                 }
                 if (request.method == "GET") {
                   return peer.Reply(200, stored_bytes_);
                 }
                 stored_ ? peer.Reply(200, "", head_, /*claimed_length=*/6) : peer.Reply(404, "");
               });
  }

  virtual void OnPut(ScriptedPeer& peer, int put) {
    if (put <= failures_) {
      return peer.Reply(failure_status_,
                        absl::StrCat("<?xml version=\"1.0\"?><Error><Code>",
                                     failure_code_,
                                     "</Code><Message>no</Message></Error>"));
    }
    stored_ = true;
    peer.Reply(200, "");
  }
  void Fail(int times, int http_status, const std::string& code) {
    failures_ = times;
    failure_status_ = http_status;
    failure_code_ = code;
    puts_ = 0;
    stored_ = false;
  }

  absl::Status Put() {
    auto store = S3ObjectStore::Open(options_, Clock::System());
    EXPECT_TRUE(store.ok()) << store.status();
    const UniqueFd file = folder_.File("frames");
    return (*store)->Put(file.get(), RequestOf(kKey, "frames"), {}).status();
  }

  Folder folder_;
  S3StoreOptions options_;
  std::atomic<int> puts_ = 0;
  std::atomic<bool> stored_ = false;
  int failures_ = 0;
  int failure_status_ = 0;
  std::string failure_code_;
  std::vector<std::string> head_ = {
      absl::StrCat("x-amz-checksum-sha256: ", S3Checksum(Sha256("frames")))};
  std::string stored_bytes_ = "frames";
  ScriptedServer server_;  // Last: its threads use all of the above.
};

TEST_F(ScriptedS3Test, TroubleThatPassesCostsNothingButTime) {
  for (const auto& [http_status, code] : {std::pair(500, "InternalError"),
                                          std::pair(503, "SlowDown"),
                                          std::pair(429, "TooManyRequests"),
                                          std::pair(400, "RequestTimeout"),
                                          std::pair(400, "BadDigest")}) {
    Fail(2, http_status, code);
    const absl::Status status = Put();
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_EQ(puts_, 3) << code;
  }
}

TEST_F(ScriptedS3Test, TroubleThatStaysIsTheStoresAndMayPass) {
  Fail(100, 503, "SlowDown");
  const absl::Status status = Put();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_EQ(puts_, 3);
}

TEST_F(ScriptedS3Test, AFullBucketIsAQuotaAndNotAskedAgainAtOnce) {
  for (const auto& [http_status, code] : {std::pair(507, ""),
                                          std::pair(403, "QuotaExceeded"),
                                          std::pair(400, "XMinioAdminBucketQuotaExceeded"),
                                          std::pair(507, "XMinioStorageFull")}) {
    Fail(100, http_status, code);
    const absl::Status status = Put();
    EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
    EXPECT_EQ(ItemErrorOf(status), rendernode::ITEM_ERROR_QUOTA_EXCEEDED) << status;
    EXPECT_EQ(puts_, 1);
  }
}

TEST_F(ScriptedS3Test, ABucketThatIsNotForUsIsRefusedForGood) {
  Fail(100, 403, "AccessDenied");
  const absl::Status status = Put();
  EXPECT_TRUE(absl::IsPermissionDenied(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("bucket videos"), HasSubstr("AccessDenied"), HasSubstr("key id ID")));
  EXPECT_EQ(puts_, 1);
}

TEST_F(ScriptedS3Test, ABucketOfAnotherRegionSaysWhatToDo) {
  Fail(100, 301, "PermanentRedirect");
  EXPECT_THAT(std::string(Put().message()), HasSubstr("in another region than \"us-east-1\"?"));
}

TEST_F(ScriptedS3Test, AnUploadThatTheServiceForgotBeginsAnew) {
  options_.multipart_bytes_min = 4;
  options_.part_bytes = 4;
  ASSERT_TRUE(CreateDirectories(options_.uploads_folder).ok());
  ASSERT_TRUE(WriteFileDurably(options_.uploads_folder / Sha256(kKey),
                               absl::StrCat("1\nvideos\njob/item/7/video.mp4\nforgotten\n",
                                            Sha256("frames"),
                                            "\n4\n1 \"etag\"\n"))
                  .ok());
  std::atomic<int> begun = 0;
  server_.On(
      "/videos/job/item/7/video.mp4", [&](ScriptedPeer& peer, const ScriptedRequest& request) {
        if (request.method == "HEAD") {
          return stored_ ? peer.Reply(200, "", head_, /*claimed_length=*/6) : peer.Reply(404, "");
        }
        if (absl::StrContains(request.target, "uploadId=forgotten")) {
          return peer.Reply(404, "<Error><Code>NoSuchUpload</Code></Error>");
        }
        if (request.method == "PUT") {
          return peer.Reply(200, "", {"ETag: \"etag\""});
        }
        if (absl::StrContains(request.target, "uploads=")) {
          ++begun;
          return peer.Reply(200,
                            "<InitiateMultipartUploadResult><UploadId>new</UploadId>"
                            "</InitiateMultipartUploadResult>");
        }
        stored_ = true;
        peer.Reply(200, "<CompleteMultipartUploadResult/>");
      });
  const absl::Status status = Put();
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(begun, 1);
  EXPECT_EQ(folder_.UploadsUnderWay(), 0u);
}

TEST_F(ScriptedS3Test, AnObjectThatIsNotWhatWasSentIsNoSuccess) {
  head_ = {absl::StrCat("x-amz-checksum-sha256: ", S3Checksum(Sha256("others")))};
  const absl::Status status = Put();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
}

TEST_F(ScriptedS3Test, AServiceThatKeepsNoDigestIsReadBack) {
  head_ = {"ETag: \"opaque\""};
  EXPECT_TRUE(Put().ok()) << Put();
  stored_ = false;
  stored_bytes_ = "framez";
  EXPECT_TRUE(absl::IsUnavailable(Put()));
}

}  // namespace
}  // namespace rn
