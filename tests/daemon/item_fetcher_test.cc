#include "daemon/item_fetcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

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

constexpr absl::Duration kPatience = absl::Seconds(20);  // Ends a test that would hang.

std::string Picture(const std::string& what) {
  std::string picture = "\x89PNG\r\n\x1a\n" + what;
  picture.resize(100, '.');
  return picture;
}

class ItemFetcherTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto dir = TempDir::Create("items");
    ASSERT_TRUE(dir.ok()) << dir.status();
    dir_ = std::make_unique<TempDir>(*std::move(dir));
    options_.limits.allow_private = {"127.0.0.1"};
    options_.limits.attempts_max = 1;
    options_.cache.folder = dir_->path() / "cache";
    Start();
    for (const char* path : {"/logo", "/a", "/b", "/c"}) {
      server_.OnReply(path, Picture(path));
    }
    server_.On("/never", [this](ScriptedPeer& peer, const ScriptedRequest&) {
      asked_.Push(true);
      peer.WaitUntilClosed();
    });
    spec_.set_job_id("job");
    *spec_.add_assets() = Image("asset:logo", "/logo");
  }
  void TearDown() override {
    events_.Close();
    fetcher_.reset();
  }

  void Start() {
    fetcher_.reset();
    auto fetcher = ItemFetcher::Create(
        options_,
        [this](const std::string& digest) -> absl::StatusOr<JobSpecPtr> {
          if (!spec_status_.ok()) {
            return spec_status_;
          }
          EXPECT_EQ(digest, "digest of the spec");
          return std::make_shared<rendernode::JobSpec>(spec_);
        },
        Clock::System(),
        [this](Event event) { events_.Push(std::move(event)); });
    ASSERT_TRUE(fetcher.ok()) << fetcher.status();
    fetcher_ = *std::move(fetcher);
  }

  Asset Image(const std::string& name, const std::string& path) {
    Asset asset;
    asset.set_name(name);
    asset.set_kind(Asset::IMAGE);
    asset.set_url(server_.Url(path));
    return asset;
  }

  FetchItem ItemOf(const std::string& id, const std::map<std::string, std::string>& images) {
    FetchItem item;
    item.lease.mutable_ref()->set_item_id(id);
    item.lease.mutable_ref()->set_fence(1);
    item.lease.set_job_id("job");
    item.lease.set_job_spec_digest("digest of the spec");
    for (const auto& [name, path] : images) {
      *item.lease.mutable_item()->add_assets() = Image(name, path);
    }
    return item;
  }

  // The next event, which must be a T.
  template <typename T>
  T Next() {
    std::optional<Event> event = events_.PopFor(kPatience);
    if (!event.has_value() || !std::holds_alternative<T>(*event)) {
      ADD_FAILURE() << (event.has_value() ? "another event came first" : "no event");
      return T{};
    }
    return std::get<T>(*std::move(event));
  }

  std::string BytesOf(const std::string& id, const std::string& asset) {
    const auto item = fetcher_->Prepared({id, 1});
    EXPECT_TRUE(item.ok()) << item.status();
    return item.ok() ? *ReadFile(item->asset_paths.at(asset), 1000) : "";
  }

  FetchOptions options_{.threads = 2};
  rendernode::JobSpec spec_;
  absl::Status spec_status_;
  BoundedQueue<bool> asked_{100};
  BoundedQueue<Event> events_{100};
  std::unique_ptr<TempDir> dir_;
  ScriptedServer server_;
  std::unique_ptr<ItemFetcher> fetcher_;
};

TEST_F(ItemFetcherTest, AnItemIsPreparedWithItsJobsFilesAndItsOwn) {
  fetcher_->Do(ItemOf("one", {{"image_url", "/a"}}));
  EXPECT_EQ(Next<Fetched>().key, (LeaseKey{"one", 1}));
  EXPECT_EQ(BytesOf("one", "asset:logo"), Picture("/logo"));
  EXPECT_EQ(BytesOf("one", "image_url"), Picture("/a"));
  const auto item = fetcher_->Prepared({"one", 1});
  EXPECT_EQ(item->job_spec->job_id(), "job");
  EXPECT_TRUE(fs::path(item->asset_paths.at("image_url")).is_absolute());
  EXPECT_EQ(fetcher_->bytes(), 200);
}

TEST_F(ItemFetcherTest, AnItemsOwnFileTakesThePlaceOfTheJobs) {
  fetcher_->Do(ItemOf("one", {{"asset:logo", "/b"}}));
  Next<Fetched>();
  EXPECT_EQ(BytesOf("one", "asset:logo"), Picture("/b"));
  EXPECT_EQ(server_.Asked("/logo"), 0);
}

TEST_F(ItemFetcherTest, TheRowsOfAJobFetchItsFilesOnce) {
  for (const char* id : {"one", "two", "three", "four"}) {
    fetcher_->Do(ItemOf(id, {{"image_url", "/a"}}));
  }
  for (int i = 0; i < 4; ++i) {
    Next<Fetched>();
  }
  EXPECT_EQ(server_.Asked("/logo"), 1);
  EXPECT_EQ(server_.Asked("/a"), 1);
}

TEST_F(ItemFetcherTest, AFailureOfAnAssetIsTheItemsAndNamesTheAsset) {
  server_.OnReply("/a", "try later", 503);
  fetcher_->Do(ItemOf("one", {{"image_url", "/a"}}));
  const auto failed = Next<FetchFailed>();
  EXPECT_TRUE(failed.item_fault);
  EXPECT_TRUE(absl::IsUnavailable(failed.status)) << failed.status;
  EXPECT_EQ(ItemErrorOf(failed.status), rendernode::ITEM_ERROR_ASSET_DOWNLOAD_FAILED);
  EXPECT_THAT(std::string(failed.status.message()),
              AllOf(HasSubstr("asset image_url: "), HasSubstr(server_.Url("/a"))));
  EXPECT_TRUE(absl::IsNotFound(fetcher_->Prepared({"one", 1}).status()));
  EXPECT_EQ(server_.Asked("/a"), 1);
}

TEST_F(ItemFetcherTest, AMissingJobSpecIsNotTheItemsFault) {
  spec_status_ = absl::UnavailableError("coordinator is away");
  fetcher_->Do(ItemOf("one", {}));
  const auto failed = Next<FetchFailed>();
  EXPECT_FALSE(failed.item_fault);
  EXPECT_EQ(failed.status, spec_status_);
}

TEST_F(ItemFetcherTest, ADiscardEndsATransferAndIsAnsweredOnce) {
  fetcher_->Do(ItemOf("one", {{"image_url", "/never"}}));
  asked_.Pop();
  fetcher_->Do(Discard{{"one", 1}});
  EXPECT_TRUE(absl::IsCancelled(Next<FetchFailed>().status));
  fetcher_->Do(ItemOf("two", {}));
  EXPECT_EQ(Next<Fetched>().key.item_id, "two");
}

TEST_F(ItemFetcherTest, ADiscardedFetchThatWaitsItsTurnIsAnsweredToo) {
  for (const char* id : {"one", "two", "three"}) {
    fetcher_->Do(ItemOf(id, {{"image_url", "/never"}}));
  }
  fetcher_->Do(Discard{{"three", 1}});
  fetcher_->Do(Discard{{"one", 1}});
  fetcher_->Do(Discard{{"two", 1}});
  std::set<std::string> answered;
  for (int i = 0; i < 3; ++i) {
    answered.insert(Next<FetchFailed>().key.item_id);
  }
  EXPECT_EQ(answered.size(), 3u);
}

TEST_F(ItemFetcherTest, DiscardingAnItemMakesRoomForTheNext) {
  options_.cache.bytes_max = 250;
  Start();
  fetcher_->Do(ItemOf("one", {{"image_url", "/a"}}));
  Next<Fetched>();
  fetcher_->Do(ItemOf("two", {{"image_url", "/b"}}));
  const auto failed = Next<FetchFailed>();
  EXPECT_FALSE(failed.item_fault) << "the node tries again when there is room";
  EXPECT_TRUE(absl::IsResourceExhausted(failed.status)) << failed.status;
  fetcher_->Do(Discard{{"one", 1}});
  EXPECT_TRUE(absl::IsNotFound(fetcher_->Prepared({"one", 1}).status()));
  fetcher_->Do(ItemOf("two", {{"image_url", "/b"}}));
  EXPECT_EQ(Next<Fetched>().key.item_id, "two");
  EXPECT_EQ(BytesOf("two", "image_url"), Picture("/b"));
  EXPECT_EQ(fetcher_->bytes(), 200);
  EXPECT_EQ(fetcher_->bytes_max(), 250);
}

TEST_F(ItemFetcherTest, AnItemThatNeverFitsFailsInsteadOfWaitingForEver) {
  options_.cache.bytes_max = 250;
  Start();
  fetcher_->Do(ItemOf("one", {{"1", "/a"}, {"2", "/b"}, {"3", "/c"}}));
  const auto failed = Next<FetchFailed>();
  EXPECT_TRUE(failed.item_fault);
  EXPECT_THAT(std::string(failed.status.message()), HasSubstr("more files than fit"));
  EXPECT_FALSE(FailedResult(failed.status).retryable());
}

TEST_F(ItemFetcherTest, FetchingAnItemAgainAnswersAgain) {
  fetcher_->Do(ItemOf("one", {{"image_url", "/a"}}));
  Next<Fetched>();
  fetcher_->Do(ItemOf("one", {{"image_url", "/a"}}));
  Next<Fetched>();
  EXPECT_EQ(BytesOf("one", "image_url"), Picture("/a"));
  EXPECT_EQ(server_.Asked("/a"), 1);
}

// Whatever runs is stopped; the destructor returns.
TEST_F(ItemFetcherTest, EndingItWaitsForNoOrigin) {
  fetcher_->Do(ItemOf("one", {{"image_url", "/never"}}));
  fetcher_->Do(ItemOf("two", {{"image_url", "/never"}}));
  fetcher_->Do(ItemOf("three", {{"image_url", "/never"}}));
  asked_.Pop();
  fetcher_.reset();
}

}  // namespace
}  // namespace rn
