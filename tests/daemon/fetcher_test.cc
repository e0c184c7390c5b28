// Downloads from a real server on a loopback port, which the tests' policy allows: 127.0.0.1 alone,
// so that the rest of 127.0.0.0/8 stands for a private network.
#include "daemon/fetcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <thread>

#include "base/bounded_queue.h"
#include "base/file.h"
#include "proto/item_error.h"
#include "tests/fakes/scripted_server.h"

namespace rn {
namespace {
namespace fs = std::filesystem;

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// Of a file that never gets anywhere; long enough for any machine to make a connection.
constexpr absl::Duration kSoon = absl::Milliseconds(200);

class FetcherTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto dir = TempDir::Create("fetcher");
    ASSERT_TRUE(dir.ok()) << dir.status();
    dir_ = std::make_unique<TempDir>(*std::move(dir));
    limits_.allow_private = {"127.0.0.1"};
    limits_.attempts_max = 1;
  }

  absl::StatusOr<Download> Fetch(const std::string& url, DownloadRequest request = {}) {
    if (fetcher_ == nullptr) {
      auto fetcher = Fetcher::Create(limits_, Clock::System());
      EXPECT_TRUE(fetcher.ok()) << fetcher.status();
      fetcher_ = *std::move(fetcher);
    }
    request.url = url;
    request.to = to();
    request.bytes_max = request.bytes_max > 0 ? request.bytes_max : 1 << 20;
    return fetcher_->Fetch(request, stop_.get_token());
  }

  // The status of a download that fails; whatever it left behind is a failure too.
  absl::Status Failure(const std::string& url, DownloadRequest request = {}) {
    const absl::Status status = Fetch(url, std::move(request)).status();
    EXPECT_FALSE(fs::exists(to())) << "a half download was left behind";
    EXPECT_TRUE(absl::IsCancelled(status) ||
                ItemErrorOf(status) == rendernode::ITEM_ERROR_ASSET_DOWNLOAD_FAILED)
        << status;
    return status;
  }

  fs::path to() const { return dir_->path() / "file"; }
  std::string Fetched() const { return *ReadFile(to(), 1 << 20); }

  FetchLimits limits_;
  std::stop_source stop_;
  std::unique_ptr<TempDir> dir_;
  ScriptedServer server_;
  std::unique_ptr<Fetcher> fetcher_;
};

TEST_F(FetcherTest, AFileComesWithItsDigestAndWhatItsOriginSaysOfItsVersion) {
  server_.OnReply("/a.png", "pixels", 200, {"ETag: \"v1\"", "Last-Modified: Mon, 5 Jan 2026"});
  const auto download = Fetch(server_.Url("/a.png"));
  ASSERT_TRUE(download.ok()) << download.status();
  EXPECT_EQ(Fetched(), "pixels");
  EXPECT_EQ(download->bytes, 6);
  EXPECT_EQ(download->sha256, Sha256("pixels"));
  EXPECT_EQ(download->validators.etag, "\"v1\"");
  EXPECT_EQ(download->validators.last_modified, "Mon, 5 Jan 2026");
  EXPECT_EQ(fs::status(to()).permissions(), fs::perms(0444));
}

TEST_F(FetcherTest, AVersionThatIsStillCurrentIsNotSentAgain) {
  server_.On("/a.png", [](ScriptedPeer& peer, const ScriptedRequest& request) {
    const auto etag = request.headers.find("if-none-match");
    const bool same = etag != request.headers.end() && etag->second == "\"v1\"";
    peer.Send(same ? "HTTP/1.1 304 Same\r\nConnection: close\r\n\r\n"
                   : "HTTP/1.1 500 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  });
  const auto download = Fetch(server_.Url("/a.png"), {.validators = {.etag = "\"v1\""}});
  ASSERT_TRUE(download.ok()) << download.status();
  EXPECT_TRUE(download->not_modified);
  EXPECT_FALSE(fs::exists(to()));
}

TEST_F(FetcherTest, AMissingFileIsAPermanentFailureWhoseMessageKeepsTheUrlsSecrets) {
  const std::string url =
      absl::StrCat("http://anna:pw@127.0.0.1:", server_.port(), "/private/a.png?token=secret#part");
  const absl::Status status = Failure(url);
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(server_.Url("/private/a.png")),
                    HasSubstr("the server answered 404"),
                    Not(HasSubstr("anna")),
                    Not(HasSubstr("pw@")),
                    Not(HasSubstr("secret"))));
}

TEST_F(FetcherTest, AServersTroubleMayPassAndARefusalDoesNot) {
  for (const int http_status : {500, 502, 503, 504, 429, 408}) {
    server_.OnReply("/a", "try later", http_status);
    EXPECT_TRUE(absl::IsUnavailable(Failure(server_.Url("/a")))) << http_status;
  }
  for (const int http_status : {400, 401, 403, 410, 451}) {
    server_.OnReply("/a", "no", http_status);
    const absl::Status status = Failure(server_.Url("/a"));
    EXPECT_FALSE(absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status)) << http_status;
  }
}

TEST_F(FetcherTest, AnAnswerWithoutAFileIsNoFile) {
  server_.OnReply("/a", "part", 206);
  EXPECT_THAT(std::string(Failure(server_.Url("/a")).message()), HasSubstr("answered 206"));
  server_.OnReply("/a", "", 204);
  EXPECT_THAT(std::string(Failure(server_.Url("/a")).message()), HasSubstr("answered 204"));
}

// ---------------------------------------------------------------- redirects

TEST_F(FetcherTest, RedirectsLeadToTheFileAndItsOwnVersion) {
  server_.OnReply("/1", "", 302, {"Location: /2", "ETag: \"of the redirect\""});
  server_.OnRedirect("/2", server_.Url("/3"));
  server_.OnReply("/3", "pixels");
  const auto download = Fetch(server_.Url("/1"));
  ASSERT_TRUE(download.ok()) << download.status();
  EXPECT_EQ(Fetched(), "pixels");
  EXPECT_EQ(download->validators.etag, "");
}

TEST_F(FetcherTest, ARedirectLoopEndsAtTheLimit) {
  limits_.redirects_max = 3;
  server_.OnRedirect("/a", "/b");
  server_.OnRedirect("/b", "/a");
  const absl::Status status = Failure(server_.Url("/a"));
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("more often than the limit of 3"));
  EXPECT_EQ(server_.Asked("/a") + server_.Asked("/b"), 4);
}

TEST_F(FetcherTest, ARedirectsOwnBodyIsNobodysFileHoweverLongItIs) {
  server_.OnReply("/short", "<html>moved</html>", 302, {"Location: /a"});
  server_.On("/endless", [](ScriptedPeer& peer, const ScriptedRequest&) {
    peer.Send("HTTP/1.1 302 Found\r\nLocation: /a\r\nConnection: close\r\n\r\n");
    while (peer.Send(std::string(4096, 'x'))) {
    }
  });
  server_.OnReply("/a", "pixels");
  for (const char* from : {"/short", "/endless"}) {
    ASSERT_TRUE(Fetch(server_.Url(from)).ok()) << from;
    EXPECT_EQ(Fetched(), "pixels") << from;
    fs::remove(to());
  }
}

TEST_F(FetcherTest, ARedirectWithoutATargetIsAnErrorOfItsOwn) {
  server_.OnReply("/a", "", 302, {});
  EXPECT_THAT(std::string(Failure(server_.Url("/a")).message()),
              HasSubstr("the server answered 302"));
}

TEST_F(FetcherTest, ASecretIsForTheHostThatItWasGivenForAndForNoOther) {
  limits_.resolve = {absl::StrCat("other.test:", server_.port(), ":127.0.0.1")};
  Mutex mutex;
  std::map<std::string, std::string> seen;
  for (const char* path : {"/same", "/other"}) {
    server_.On(path, [&, path](ScriptedPeer& peer, const ScriptedRequest& request) {
      const auto header = request.headers.find("authorization");
      MutexLock lock(mutex);
      seen[path] = absl::StrCat(request.method,
                                " ",
                                header == request.headers.end() ? "nothing" : header->second,
                                " ",
                                request.body);
      peer.Reply(200, "sound");
    });
  }
  const DownloadRequest post{.json = "{}", .authorization = "Bearer secret"};
  server_.OnReply("/a", "", 307, {"Location: /same"});
  ASSERT_TRUE(Fetch(server_.Url("/a"), post).ok());
  fs::remove(to());
  server_.OnRedirect("/a", absl::StrCat("http://other.test:", server_.port(), "/other"));
  ASSERT_TRUE(Fetch(server_.Url("/a"), post).ok());
  MutexLock lock(mutex);
  EXPECT_EQ(seen["/same"], "POST Bearer secret {}");
  EXPECT_EQ(seen["/other"], "GET nothing ");
}

TEST_F(FetcherTest, ARedirectLeadsToHttpAlone) {
  for (const char* elsewhere :
       {"file:///etc/passwd", "ftp://127.0.0.1/a", "gopher://127.0.0.1/a"}) {
    server_.OnRedirect("/a", elsewhere);
    EXPECT_TRUE(absl::IsInvalidArgument(Failure(server_.Url("/a")))) << elsewhere;
  }
}

// ---------------------------------------------------------------- private addresses

TEST_F(FetcherTest, AnAddressOfThisMachineIsRefusedUnlessAllowed) {
  limits_.allow_private = {};
  server_.OnReply("/a", "secret");
  const absl::Status status = Failure(server_.Url("/a"));
  EXPECT_TRUE(absl::IsPermissionDenied(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("127.0.0.1 is a loopback address"));
  EXPECT_EQ(server_.Asked("/a"), 0);
}

TEST_F(FetcherTest, OtherSpellingsOfARefusedAddressAreRefusedToo) {
  for (const char* host : {"127.0.0.2",
                           "127.2",
                           "0x7f000002",
                           "2130706434",
                           "0177.0.0.2",
                           "[::1]",
                           "[::ffff:127.0.0.2]",
                           "[64:ff9b::127.0.0.2]",
                           "0.0.0.0",
                           "169.254.169.254",
                           "10.0.0.1"}) {
    const absl::Status status = Failure(absl::StrCat("http://", host, ":", server_.port(), "/a"));
    EXPECT_TRUE(absl::IsPermissionDenied(status)) << host << ": " << status;
  }
}

TEST_F(FetcherTest, ARedirectToARefusedAddressIsRefused) {
  server_.OnRedirect("/a", absl::StrCat("http://127.0.0.2:", server_.port(), "/metadata"));
  EXPECT_TRUE(absl::IsPermissionDenied(Failure(server_.Url("/a"))));
  EXPECT_EQ(server_.Asked("/metadata"), 0);
}

// The first answer of the name's DNS is harmless, the next one is not.
TEST_F(FetcherTest, ANameThatResolvesToARefusedAddressIsRefusedWhenConnecting) {
  limits_.resolve = {absl::StrCat("rebound.test:", server_.port(), ":127.0.0.2")};
  server_.OnRedirect("/a", absl::StrCat("http://rebound.test:", server_.port(), "/metadata"));
  const absl::Status status = Failure(server_.Url("/a"));
  EXPECT_TRUE(absl::IsPermissionDenied(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("127.0.0.2"));
}

TEST_F(FetcherTest, ProxiesOfTheEnvironmentAreIgnored) {
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
  server_.OnReply("/a", "pixels");
  EXPECT_TRUE(Fetch(server_.Url("/a")).ok());
  unsetenv("http_proxy");
  unsetenv("ALL_PROXY");
}

// ---------------------------------------------------------------- time and size

TEST_F(FetcherTest, AHostThatNeverAnswersIsGivenUp) {
  limits_.low_speed_window = kSoon;
  server_.On("/a", [](ScriptedPeer& peer, const ScriptedRequest&) { peer.WaitUntilClosed(); });
  const absl::Status status = Failure(server_.Url("/a"));
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("fewer bytes than the limit of 65536 came within 200ms"));
}

TEST_F(FetcherTest, ASlowDripIsGivenUpThoughItNeverStops) {
  limits_.low_speed_window = kSoon;
  limits_.low_speed_bytes_min = 1000;
  server_.On("/a", [](ScriptedPeer& peer, const ScriptedRequest&) {
    peer.Send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
    while (!peer.ClosedWithin(10) && peer.Send("x")) {
    }
  });
  EXPECT_TRUE(absl::IsDeadlineExceeded(Failure(server_.Url("/a"))));
}

TEST_F(FetcherTest, ADownloadEndsAtItsTotalTime) {
  limits_.total_timeout = kSoon;
  limits_.connect_timeout = kSoon / 2;
  limits_.low_speed_bytes_min = 1;
  server_.On("/a", [](ScriptedPeer& peer, const ScriptedRequest&) {
    peer.Send("HTTP/1.1 200 OK\r\n\r\n");
    while (!peer.ClosedWithin(1) && peer.Send("x")) {
    }
  });
  const absl::Status status = Failure(server_.Url("/a"));
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("not complete within the limit of 200ms"));
}

// A full backlog: the kernel answers no further connection.
TEST_F(FetcherTest, AHostThatAcceptsNoConnectionEndsAtTheConnectTime) {
  limits_.connect_timeout = kSoon;
  UniqueFd listener(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener.get(), 0), 0);
  ASSERT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  std::vector<UniqueFd> waiting;
  for (int i = 0; i < 8; ++i) {
    waiting.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    ::connect(waiting.back().get(), reinterpret_cast<sockaddr*>(&address), size);
  }
  const absl::Status status =
      Failure(absl::StrCat("http://127.0.0.1:", ntohs(address.sin_port), "/a"));
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("no connection within the limit of 200ms"));
}

TEST_F(FetcherTest, APortThatNobodyListensOnMayPass) {
  int port = 0;
  {
    const ScriptedServer gone;
    port = gone.port();
  }
  EXPECT_TRUE(absl::IsUnavailable(Failure(absl::StrCat("http://127.0.0.1:", port, "/a"))));
}

TEST_F(FetcherTest, ATruncatedBodyIsNoFile) {
  server_.On("/a", [](ScriptedPeer& peer, const ScriptedRequest&) {
    peer.Reply(200, "half", {}, /*claimed_length=*/8);
  });
  const absl::Status status = Failure(server_.Url("/a"));
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("cut off after 4 bytes"));
}

TEST_F(FetcherTest, ATruncatedChunkIsNoFile) {
  server_.On("/a", [](ScriptedPeer& peer, const ScriptedRequest&) {
    peer.Send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nhalf");
  });
  EXPECT_TRUE(absl::IsUnavailable(Failure(server_.Url("/a"))));
}

TEST_F(FetcherTest, AFileTooLongIsRefusedByWhatItClaimsAndByWhatComes) {
  server_.OnReply("/honest", std::string(1001, 'x'));
  server_.On("/endless", [](ScriptedPeer& peer, const ScriptedRequest&) {
    peer.Send("HTTP/1.1 200 OK\r\n\r\n");
    while (peer.Send(std::string(100, 'x'))) {
    }
  });
  for (const char* path : {"/honest", "/endless"}) {
    const absl::Status status = Failure(server_.Url(path), {.bytes_max = 1000});
    EXPECT_TRUE(absl::IsOutOfRange(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("longer than the limit of 1000 bytes"));
  }
  server_.OnReply("/just", std::string(1000, 'x'));
  EXPECT_TRUE(Fetch(server_.Url("/just"), {.bytes_max = 1000}).ok());
}

TEST_F(FetcherTest, NoRoomForItEndsADownload) {
  server_.OnReply("/a", "pixels");
  DownloadRequest request;
  request.make_room = [](std::int64_t) { return absl::ResourceExhaustedError("cache is full"); };
  const absl::Status status = Fetch(server_.Url("/a"), std::move(request)).status();
  EXPECT_EQ(status, absl::ResourceExhaustedError("cache is full"));
  EXPECT_FALSE(fs::exists(to()));
}

TEST_F(FetcherTest, StoppingEndsATransferThatWaits) {
  BoundedQueue<bool> arrived(1);
  server_.On("/a", [&](ScriptedPeer& peer, const ScriptedRequest&) {
    arrived.Push(true);
    peer.WaitUntilClosed();
  });
  std::thread stopper([&] {
    arrived.Pop();
    stop_.request_stop();
  });
  EXPECT_TRUE(absl::IsCancelled(Failure(server_.Url("/a"))));
  stopper.join();
}

class FetcherTurnsTest : public FetcherTest {
 protected:
  // How many of so many downloads are at /busy at once, at most.
  int MostAtOnce(int downloads, const std::function<std::string(int)>& url_of) {
    Mutex mutex;
    int now = 0;
    int most = 0;
    server_.On("/busy", [&](ScriptedPeer& peer, const ScriptedRequest&) {
      {
        MutexLock lock(mutex);
        most = std::max(most, ++now);
      }
      peer.ClosedWithin(5);
      {
        MutexLock lock(mutex);
        --now;
      }
      peer.Reply(200, "pixels");
    });
    auto fetcher = Fetcher::Create(limits_, Clock::System());
    EXPECT_TRUE(fetcher.ok()) << fetcher.status();
    std::vector<std::thread> threads;
    for (int i = 0; i < downloads; ++i) {
      threads.emplace_back([&, i] {
        const DownloadRequest request{
            .url = url_of(i), .bytes_max = 100, .to = dir_->path() / absl::StrCat(i)};
        const auto download = (*fetcher)->Fetch(request, {});
        EXPECT_TRUE(download.ok()) << download.status();
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
    MutexLock lock(mutex);
    return most;
  }
};

TEST_F(FetcherTurnsTest, OneHostIsAskedForOnlySoManyFilesAtOnce) {
  limits_.per_host_max = 2;
  EXPECT_LE(MostAtOnce(8, [&](int) { return server_.Url("/busy"); }), 2);
}

TEST_F(FetcherTurnsTest, WhoeverIsSentToAHostByAnotherWaitsHisTurnThereToo) {
  limits_.per_host_max = 2;
  for (int i = 0; i < 8; ++i) {
    limits_.resolve.push_back(absl::StrCat("front", i, ".test:", server_.port(), ":127.0.0.1"));
  }
  server_.OnRedirect("/a", server_.Url("/busy"));
  EXPECT_LE(MostAtOnce(8,
                       [&](int i) {
                         return absl::StrCat("http://front", i, ".test:", server_.port(), "/a");
                       }),
            2);
}

// ---------------------------------------------------------------- further attempts

class FetcherRetryTest : public FetcherTest {
 protected:
  void SetUp() override {
    FetcherTest::SetUp();
    limits_.attempts_max = 3;
    limits_.retry = {.min = absl::Milliseconds(1), .max = absl::Milliseconds(5)};
  }
  // The first so many requests are answered otherwise.
  void FailFirst(int times, const std::function<void(ScriptedPeer&)>& fail) {
    server_.On("/a", [=, this](ScriptedPeer& peer, const ScriptedRequest&) {
      if (server_.Asked("/a") <= times) {
        return fail(peer);
      }
      peer.Reply(200, "pixels");
    });
  }
};

TEST_F(FetcherRetryTest, TroubleThatPassesCostsNothingButTime) {
  for (const int http_status : {500, 503, 429}) {
    fetcher_.reset();
    const int before = server_.Asked("/a");
    FailFirst(before + 2, [=](ScriptedPeer& peer) { peer.Reply(http_status, "later"); });
    EXPECT_TRUE(Fetch(server_.Url("/a")).ok()) << http_status;
    EXPECT_EQ(Fetched(), "pixels");
    fs::remove(to());
  }
}

TEST_F(FetcherRetryTest, ADownloadCutInTheMiddleBeginsAnew) {
  FailFirst(1, [](ScriptedPeer& peer) { peer.Reply(200, "pix", {}, /*claimed_length=*/6); });
  const auto download = Fetch(server_.Url("/a"));
  ASSERT_TRUE(download.ok()) << download.status();
  EXPECT_EQ(Fetched(), "pixels");
  EXPECT_EQ(download->sha256, Sha256("pixels"));
}

TEST_F(FetcherRetryTest, TroubleThatStaysEndsAtTheLimit) {
  FailFirst(1000, [](ScriptedPeer& peer) { peer.Reply(503, "later"); });
  EXPECT_TRUE(absl::IsUnavailable(Failure(server_.Url("/a"))));
  EXPECT_EQ(server_.Asked("/a"), 3);
}

TEST_F(FetcherRetryTest, ARefusalIsFinal) {
  for (const int http_status : {400, 403, 404, 410}) {
    const std::string path = absl::StrCat("/", http_status);
    server_.OnReply(path, "no", http_status);
    EXPECT_FALSE(absl::IsUnavailable(Failure(server_.Url(path))));
    EXPECT_EQ(server_.Asked(path), 1);
  }
}

TEST_F(FetcherRetryTest, NoAttemptBeginsAfterTheTotalTime) {
  limits_.total_timeout = absl::Minutes(1);
  limits_.retry = {.min = absl::Hours(1), .max = absl::Hours(1)};
  FailFirst(1000, [](ScriptedPeer& peer) { peer.Reply(503, "later"); });
  EXPECT_TRUE(absl::IsUnavailable(Failure(server_.Url("/a"))));
  EXPECT_EQ(server_.Asked("/a"), 1);
}

// ---------------------------------------------------------------- files and URLs

class FileUrlTest : public FetcherTest {
 protected:
  void SetUp() override {
    FetcherTest::SetUp();
    fs::create_directories(dir_->path() / "media/sub");
    fs::create_directories(dir_->path() / "media-private");
    Write("media/a.png", "pixels");
    Write("media-private/key", "secret");
    limits_.allow_files = {dir_->path() / "media"};
  }
  void Write(const std::string& name, const std::string& bytes) {
    ASSERT_TRUE(WriteFileDurably(dir_->path() / name, bytes).ok());
  }
  std::string UrlOf(const std::string& name) {
    return absl::StrCat("file://", (dir_->path() / name).string());
  }
};

TEST_F(FileUrlTest, AFileInAnAllowedFolderIsCopiedUnlessItIsTheSameStill) {
  const auto download = Fetch(UrlOf("media/a.png"));
  ASSERT_TRUE(download.ok()) << download.status();
  EXPECT_EQ(Fetched(), "pixels");
  EXPECT_EQ(download->sha256, Sha256("pixels"));
  fs::remove(to());
  EXPECT_TRUE(Fetch(UrlOf("media/a.png"), {.validators = download->validators})->not_modified);
  Write("media/a.png", "others");
  EXPECT_EQ(Fetch(UrlOf("media/a.png"), {.validators = download->validators})->sha256,
            Sha256("others"));
}

TEST_F(FileUrlTest, NothingOutsideTheAllowedFoldersIsRead) {
  fs::create_symlink(dir_->path() / "media-private/key", dir_->path() / "media/link");
  fs::create_symlink(dir_->path() / "media-private", dir_->path() / "media/folder");
  for (const char* name : {"media-private/key",
                           "media/../media-private/key",
                           "media/%2e%2e/media-private/key",
                           "media/link",
                           "media/folder/key"}) {
    EXPECT_TRUE(absl::IsPermissionDenied(Failure(UrlOf(name)))) << name;
  }
  fetcher_.reset();
  limits_.allow_files = {};
  EXPECT_TRUE(absl::IsPermissionDenied(Failure(UrlOf("media/a.png"))));
}

TEST_F(FileUrlTest, ALinkThatStaysInsideIsFollowed) {
  fs::create_symlink("../a.png", dir_->path() / "media/sub/link");
  EXPECT_TRUE(Fetch(UrlOf("media/sub/link")).ok());
}

TEST_F(FileUrlTest, OnlyRegularFilesOfTheRightSizeAreRead) {
  ASSERT_EQ(mkfifo((dir_->path() / "media/fifo").c_str(), 0600), 0);
  EXPECT_TRUE(absl::IsInvalidArgument(Failure(UrlOf("media/fifo"))));
  EXPECT_TRUE(absl::IsInvalidArgument(Failure(UrlOf("media/sub"))));
  EXPECT_TRUE(absl::IsNotFound(Failure(UrlOf("media/none"))));
  EXPECT_TRUE(absl::IsOutOfRange(Failure(UrlOf("media/a.png"), {.bytes_max = 5})));
}

TEST_F(FetcherTest, WhatIsNoUrlOfOursIsRefused) {
  for (const char* url : {"",
                          "a.png",
                          "example.com/a.png",
                          "http://",
                          "ftp://example.com/a",
                          "data:image/png;base64,AAAA",
                          "http://exa mple.com/",
                          "file://example.com/etc/passwd"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(Failure(url))) << url << ": " << Failure(url);
  }
}

TEST(PublicUrl, ShowsNeitherUserNorPasswordNorQuery) {
  EXPECT_EQ(PublicUrl("https://example.com/a.png"), "https://example.com/a.png");
  EXPECT_EQ(PublicUrl("https://u:p@example.com:8443/a@b.png?sig=1#x"),
            "https://example.com:8443/a@b.png?…");
  EXPECT_EQ(PublicUrl("https://u:p@w@example.com?sig=1"), "https://example.com?…");
  EXPECT_EQ(PublicUrl("a\nb"), "a\\nb");
  EXPECT_LT(PublicUrl("http://example.com/" + std::string(5000, 'x')).size(), 400u);
}

}  // namespace
}  // namespace rn
