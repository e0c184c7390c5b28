#include "daemon/asset_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <thread>

#include "base/bounded_queue.h"
#include "base/file.h"
#include "proto/item_error.h"
#include "tests/fakes/scripted_server.h"

namespace rn {
namespace {
namespace fs = std::filesystem;

using rendernode::Asset;
using ::testing::AllOf;
using ::testing::HasSubstr;

// A PNG as far as anybody here looks, of `bytes` bytes.
std::string Picture(const std::string& what, std::size_t bytes = 100) {
  std::string picture = "\x89PNG\r\n\x1a\n" + what;
  picture.resize(bytes, '.');
  return picture;
}

class AssetCacheTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto dir = TempDir::Create("cache");
    ASSERT_TRUE(dir.ok()) << dir.status();
    dir_ = std::make_unique<TempDir>(*std::move(dir));
    auto fetcher =
        Fetcher::Create({.attempts_max = 1, .allow_private = {"127.0.0.1"}}, Clock::System());
    ASSERT_TRUE(fetcher.ok()) << fetcher.status();
    fetcher_ = *std::move(fetcher);
    options_.folder = dir_->path() / "cache";
    Restart();
  }

  void Restart() {
    cache_.reset();
    auto cache = AssetCache::Create(options_, *fetcher_);
    ASSERT_TRUE(cache.ok()) << cache.status();
    cache_ = *std::move(cache);
  }

  Asset Image(const std::string& path, const std::string& sha256 = "") {
    Asset asset;
    asset.set_name("image_url");
    asset.set_kind(Asset::IMAGE);
    asset.set_url(server_.Url(path));
    asset.set_sha256(sha256);
    return asset;
  }

  absl::StatusOr<AssetCache::Pin> Get(const Asset& asset, const std::string& job = "job") {
    return cache_->Get(asset, job, stop_.get_token());
  }
  // The bytes that a job gets; nothing stays pinned.
  std::string Bytes(const Asset& asset, const std::string& job = "job") {
    const absl::StatusOr<AssetCache::Pin> pin = Get(asset, job);
    EXPECT_TRUE(pin.ok()) << pin.status();
    return pin.ok() ? *ReadFile(pin->path(), 1 << 20) : "";
  }
  // The status of a failure that is the asset's.
  absl::Status Fault(const Asset& asset) {
    const absl::Status status = Get(asset).status();
    EXPECT_EQ(ItemErrorOf(status), rendernode::ITEM_ERROR_ASSET_DOWNLOAD_FAILED) << status;
    return status;
  }

  fs::path ObjectOf(const std::string& bytes) {
    const std::string sha256 = Sha256(bytes);
    return options_.folder / "objects" / sha256.substr(0, 2) / sha256;
  }
  void Overwrite(const fs::path& path, const std::string& bytes) {
    fs::remove(path);
    ASSERT_TRUE(WriteFileDurably(path, bytes).ok());
  }
  std::size_t Partials() {
    const fs::directory_iterator files(options_.folder / "partial");
    return static_cast<std::size_t>(std::distance(begin(files), end(files)));
  }

  AssetCacheOptions options_;
  std::stop_source stop_;
  std::unique_ptr<TempDir> dir_;
  std::unique_ptr<Fetcher> fetcher_;
  std::unique_ptr<AssetCache> cache_;
  ScriptedServer server_;
};

TEST_F(AssetCacheTest, AFileIsFetchedOnceAndHardToModify) {
  const std::string picture = Picture("a");
  server_.OnReply("/a", picture);
  const auto pin = Get(Image("/a", Sha256(picture)));
  ASSERT_TRUE(pin.ok()) << pin.status();
  EXPECT_EQ(pin->path(), ObjectOf(picture));
  EXPECT_EQ(fs::status(pin->path()).permissions(), fs::perms(0444));
  EXPECT_EQ(Bytes(Image("/a", Sha256(picture)), "another job"), picture);
  EXPECT_EQ(server_.Asked("/a"), 1);
  EXPECT_EQ(cache_->bytes(), 100);
  EXPECT_EQ(Partials(), 0u);
}

TEST_F(AssetCacheTest, TheSameBytesOfTwoUrlsAreKeptOnce) {
  server_.OnReply("/a", Picture("same"));
  server_.OnReply("/b", Picture("same"));
  const auto a = Get(Image("/a"));
  const auto b = Get(Image("/b"));
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_EQ(a->path(), b->path());
  EXPECT_EQ(cache_->bytes(), 100);
}

TEST_F(AssetCacheTest, AFileOfAnotherDigestThanPromisedIsRefusedForGood) {
  server_.OnReply("/a", Picture("other"));
  const absl::Status status = Fault(Image("/a", Sha256("promised")));
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(server_.Url("/a")), HasSubstr(Sha256("promised"))));
  EXPECT_EQ(cache_->bytes(), 0);
  EXPECT_EQ(Partials(), 0u);
}

TEST_F(AssetCacheTest, APageInsteadOfAPictureSaysWhatCame) {
  server_.OnReply("/a", "<!doctype html><html>Please sign in</html>");
  server_.OnReply("/empty", "");
  EXPECT_THAT(std::string(Fault(Image("/a")).message()),
              AllOf(HasSubstr(server_.Url("/a")),
                    HasSubstr("expected a picture"),
                    HasSubstr("got an HTML page")));
  EXPECT_TRUE(absl::IsInvalidArgument(Fault(Image("/a"))));
  EXPECT_THAT(std::string(Fault(Image("/empty")).message()), HasSubstr("got an empty file"));
  EXPECT_EQ(cache_->bytes(), 0);
}

TEST_F(AssetCacheTest, EachKindHasItsOwnLimitAlsoForWhatIsKept) {
  options_.image_bytes_max = 1000;
  options_.video_bytes_max = 500;
  Restart();
  server_.OnReply("/a", Picture("a", 1001));
  EXPECT_TRUE(absl::IsOutOfRange(Fault(Image("/a"))));
  const std::string movie = std::string("\x1a\x45\xdf\xa3", 4) + std::string(600, '.');
  server_.OnReply("/v", movie);
  Asset sound = Image("/v", Sha256(movie));
  sound.set_kind(Asset::AUDIO);
  EXPECT_EQ(Bytes(sound), movie);
  Asset video = sound;
  video.set_kind(Asset::VIDEO);
  EXPECT_TRUE(absl::IsOutOfRange(Fault(video)));
  EXPECT_TRUE(absl::IsInvalidArgument(Fault(Image("/v"))));
}

// ---------------------------------------------------------------- how fresh

// Serves versions with an ETag each and 304s.
class VersionsTest : public AssetCacheTest {
 protected:
  void SetUp() override {
    AssetCacheTest::SetUp();
    server_.On("/a", [this](ScriptedPeer& peer, const ScriptedRequest& request) {
      MutexLock lock(mutex_);
      const std::string etag = absl::StrCat("\"", version_, "\"");
      const auto known = request.headers.find("if-none-match");
      if (known != request.headers.end() && known->second == etag) {
        ++confirmed_;
        peer.Send("HTTP/1.1 304 Same\r\nConnection: close\r\n\r\n");
      } else {
        ++sent_;
        peer.Reply(200, Picture(version_), {absl::StrCat("ETag: ", etag)});
      }
    });
  }
  void Publish(const std::string& version) {
    MutexLock lock(mutex_);
    version_ = version;
  }
  int sent() {
    MutexLock lock(mutex_);
    return sent_;
  }
  int confirmed() {
    MutexLock lock(mutex_);
    return confirmed_;
  }

 private:
  Mutex mutex_;
  std::string version_ ABSL_GUARDED_BY(mutex_) = "v1";
  int sent_ ABSL_GUARDED_BY(mutex_) = 0;
  int confirmed_ ABSL_GUARDED_BY(mutex_) = 0;
};

TEST_F(VersionsTest, AJobAsksOnceAndTheNextJobAsksWhetherItChanged) {
  EXPECT_EQ(Bytes(Image("/a"), "job 1"), Picture("v1"));
  EXPECT_EQ(Bytes(Image("/a"), "job 1"), Picture("v1"));
  EXPECT_EQ(Bytes(Image("/a"), "job 2"), Picture("v1"));
  EXPECT_EQ(Bytes(Image("/a"), "job 2"), Picture("v1"));
  EXPECT_EQ(sent(), 1);
  EXPECT_EQ(confirmed(), 1);
}

TEST_F(VersionsTest, ACorrectedPictureIsSeenByTheNextJobAndNotByTheRunningOne) {
  EXPECT_EQ(Bytes(Image("/a"), "job 1"), Picture("v1"));
  Publish("v2");
  EXPECT_EQ(Bytes(Image("/a"), "job 2"), Picture("v2"));
  EXPECT_EQ(Bytes(Image("/a"), "job 1"), Picture("v1"));
  EXPECT_EQ(sent(), 2);
}

TEST_F(VersionsTest, WhatIsKnownOfAUrlSurvivesARestart) {
  EXPECT_EQ(Bytes(Image("/a")), Picture("v1"));
  Restart();
  EXPECT_EQ(Bytes(Image("/a")), Picture("v1"));
  EXPECT_EQ(sent(), 1);
  EXPECT_EQ(confirmed(), 1);
}

TEST_F(VersionsTest, AnOriginInTroubleIsAFailureNotAnOldPicture) {
  EXPECT_EQ(Bytes(Image("/a"), "job 1"), Picture("v1"));
  server_.OnReply("/a", "try later", 503);
  EXPECT_TRUE(absl::IsUnavailable(Get(Image("/a"), "job 2").status()));
  EXPECT_EQ(Bytes(Image("/a"), "job 1"), Picture("v1"));
}

TEST_F(VersionsTest, ADamagedEntryOfAUrlCostsOneDownload) {
  EXPECT_EQ(Bytes(Image("/a")), Picture("v1"));
  for (const auto& entry : fs::directory_iterator(options_.folder / "urls")) {
    EXPECT_EQ(entry.path().filename().string().find("127.0.0.1"), std::string::npos);
    Overwrite(entry.path(), "");
  }
  Restart();
  EXPECT_EQ(Bytes(Image("/a")), Picture("v1"));
  EXPECT_EQ(sent(), 2);
}

TEST_F(VersionsTest, OnlySoManyUrlsAreRemembered) {
  options_.urls_max = 1;
  Restart();
  server_.OnReply("/b", Picture("b"));
  Bytes(Image("/a"), "job 1");
  Bytes(Image("/b"), "job 1");
  Bytes(Image("/a"), "job 2");
  EXPECT_EQ(sent(), 2);
  EXPECT_EQ(confirmed(), 0);
}

// ---------------------------------------------------------------- sharing a download

// A path that answers when told to.
class SharingTest : public AssetCacheTest {
 protected:
  void SetUp() override {
    AssetCacheTest::SetUp();
    server_.On("/slow", [this](ScriptedPeer& peer, const ScriptedRequest&) {
      asked_.Push(true);
      if (answer_.Pop().value_or(false)) {
        peer.Reply(200, Picture("slow"));
      } else {
        peer.WaitUntilClosed();
        closed_.Push(true);
      }
    });
  }
  void TearDown() override { answer_.Close(); }

  BoundedQueue<bool> asked_{100};
  BoundedQueue<bool> answer_{100};
  BoundedQueue<bool> closed_{100};
};

TEST_F(SharingTest, AllWhoWantAUrlShareOneDownload) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back(
        [&, i] { EXPECT_EQ(Bytes(Image("/slow"), absl::StrCat("job ", i % 2)), Picture("slow")); });
  }
  asked_.Pop();
  answer_.Push(true);
  answer_.Push(true);  // For one who came when it was over, of the other job: it may ask again.
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_LE(server_.Asked("/slow"), 2);
}

TEST_F(SharingTest, ADownloadGoesOnForTheOthersAndEndsWithTheLast) {
  std::vector<std::stop_source> stops(3);
  BoundedQueue<absl::Status> done(3);
  std::vector<std::thread> threads;
  for (std::stop_source& stop : stops) {
    threads.emplace_back(
        [&] { done.Push(cache_->Get(Image("/slow"), "job", stop.get_token()).status()); });
  }
  asked_.Pop();
  stops[0].request_stop();
  stops[1].request_stop();
  answer_.Push(false);
  stops[2].request_stop();
  closed_.Pop();
  for (std::thread& thread : threads) {
    thread.join();
    EXPECT_TRUE(absl::IsCancelled(*done.Pop()));
  }
  EXPECT_EQ(cache_->bytes(), 0);
  EXPECT_EQ(Partials(), 0u);
}

TEST_F(SharingTest, OneWhoStoppedDoesNotTakeTheFileFromTheOther) {
  std::stop_source first;
  std::thread leader(
      [&] { cache_->Get(Image("/slow"), "job", first.get_token()).status().IgnoreError(); });
  asked_.Pop();
  std::thread follower([&] { EXPECT_EQ(Bytes(Image("/slow")), Picture("slow")); });
  first.request_stop();
  answer_.Push(true);
  answer_.Push(true);  // Should the first have gone before the other came.
  leader.join();
  follower.join();
}

// ---------------------------------------------------------------- room

class RoomTest : public AssetCacheTest {
 protected:
  void SetUp() override {
    options_.bytes_max = 350;  // Three pictures.
    options_.image_bytes_max = 350;
    AssetCacheTest::SetUp();
    for (const char* name : {"/a", "/b", "/c", "/d"}) {
      server_.OnReply(name, Picture(name));
    }
  }
  Asset Known(const std::string& path) { return Image(path, Sha256(Picture(path))); }
  bool Kept(const std::string& path) { return fs::exists(ObjectOf(Picture(path))); }
};

TEST_F(RoomTest, TheLongestUnusedGoesFirst) {
  for (const char* path : {"/a", "/b", "/c", "/a", "/d"}) {
    Bytes(Known(path));
  }
  EXPECT_TRUE(Kept("/a"));
  EXPECT_FALSE(Kept("/b"));
  EXPECT_TRUE(Kept("/c"));
  EXPECT_TRUE(Kept("/d"));
  EXPECT_EQ(cache_->bytes(), 300);
}

TEST_F(RoomTest, WhatALeaseUsesStays) {
  const auto a = Get(Known("/a"));
  for (const char* path : {"/b", "/c", "/d"}) {
    Bytes(Known(path));
  }
  EXPECT_TRUE(Kept("/a"));
  EXPECT_FALSE(Kept("/b"));
}

TEST_F(RoomTest, ACacheThatIsAllInUseTakesNoMoreUntilSomethingIsLetGo) {
  std::vector<AssetCache::Pin> pins;
  for (const char* path : {"/a", "/b", "/c"}) {
    pins.push_back(*Get(Known(path)));
  }
  const absl::Status status = Get(Known("/d")).status();
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_NE(ItemErrorOf(status), rendernode::ITEM_ERROR_ASSET_DOWNLOAD_FAILED);
  EXPECT_THAT(std::string(status.message()), HasSubstr("limit of 350 bytes (cache.size_max)"));
  EXPECT_EQ(cache_->bytes(), 300);
  EXPECT_EQ(Partials(), 0u);
  pins.pop_back();
  EXPECT_TRUE(Get(Known("/d")).ok());
  EXPECT_FALSE(Kept("/c"));
}

TEST_F(RoomTest, ARestartKeepsTheFilesTheirOrderAndASmallerBound) {
  for (const char* path : {"/a", "/b", "/c"}) {
    Bytes(Known(path));
  }
  // Times of last use that no file system's clock is too coarse for.
  const auto now = fs::file_time_type::clock::now();
  fs::last_write_time(ObjectOf(Picture("/a")), now);
  fs::last_write_time(ObjectOf(Picture("/b")), now - std::chrono::hours(2));
  fs::last_write_time(ObjectOf(Picture("/c")), now - std::chrono::hours(1));
  options_.bytes_max = 250;
  Restart();
  EXPECT_EQ(cache_->bytes(), 200);
  EXPECT_FALSE(Kept("/b"));
  EXPECT_EQ(Bytes(Known("/a")), Picture("/a"));
  EXPECT_EQ(Bytes(Known("/c")), Picture("/c"));
  EXPECT_EQ(server_.Asked("/a") + server_.Asked("/c"), 2);
}

// ---------------------------------------------------------------- damage

TEST_F(RoomTest, AFileDamagedWhileWeWereDownIsFetchedAgain) {
  Bytes(Known("/a"));
  Overwrite(ObjectOf(Picture("/a")), Picture("/A"));
  Restart();
  EXPECT_EQ(Bytes(Known("/a")), Picture("/a"));
  EXPECT_EQ(server_.Asked("/a"), 2);
  EXPECT_EQ(cache_->bytes(), 100);
}

TEST_F(RoomTest, AFileCutOrTakenAwayWhileWeRunIsFetchedAgain) {
  Bytes(Known("/a"));
  Overwrite(ObjectOf(Picture("/a")), "");
  EXPECT_EQ(Bytes(Known("/a")), Picture("/a"));
  fs::remove(ObjectOf(Picture("/a")));
  EXPECT_EQ(Bytes(Known("/a")), Picture("/a"));
  EXPECT_EQ(server_.Asked("/a"), 3);
  EXPECT_EQ(cache_->bytes(), 100);
}

TEST_F(RoomTest, WhatACrashLeftHalfAndWhatIsNotOursIsGone) {
  Bytes(Known("/a"));
  Overwrite(options_.folder / "partial/17", "half");
  Overwrite(options_.folder / "objects/readme", "not an object");
  const fs::path misplaced = options_.folder / "objects/zz" / Sha256("x");
  fs::create_directories(misplaced.parent_path());
  Overwrite(misplaced, "x");
  Restart();
  EXPECT_EQ(Partials(), 0u);
  EXPECT_FALSE(fs::exists(options_.folder / "objects/readme"));
  EXPECT_FALSE(fs::exists(misplaced));
  EXPECT_EQ(cache_->bytes(), 100);
}

TEST_F(AssetCacheTest, AnAssetWhoseDigestIsNoneIsRefused) {
  EXPECT_TRUE(absl::IsInvalidArgument(Fault(Image("/a", "../../etc/passwd"))));
}

TEST_F(AssetCacheTest, APurgeTakesWhatNobodyUses) {
  const std::string used = Picture("used");
  const std::string idle = Picture("idle", 300);
  server_.OnReply("/used", used);
  server_.OnReply("/idle", idle);
  const auto pin = Get(Image("/used"));
  ASSERT_TRUE(pin.ok()) << pin.status();
  Bytes(Image("/idle"));
  EXPECT_EQ(cache_->Purge().value(), 300);
  EXPECT_TRUE(fs::exists(ObjectOf(used)));
  EXPECT_FALSE(fs::exists(ObjectOf(idle)));
  EXPECT_EQ(Bytes(Image("/idle"), "another job"), idle);
}

}  // namespace
}  // namespace rn
