// Real deliveries to a real server, good and bad.
#include "coordinator/webhooks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/coordinator/store_harness.h"
#include "tests/fakes/failing_store.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/scripted_server.h"

namespace rn {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

constexpr char kPath[] = "/hook";

class WebhooksTest : public ::testing::Test {
 protected:
  WebhooksTest() {
    options_.threads = 0;
    options_.timeout = absl::Seconds(20);
    options_.allow_private = {"127.0.0.0/8"};
    Answer(200);
  }

  // From now on the server notes what comes and answers so.
  void Answer(int status, const std::vector<std::string>& headers = {}) {
    server_.On(kPath, [=, this](ScriptedPeer& peer, const ScriptedRequest& request) {
      {
        MutexLock lock(mutex_);
        requests_.push_back(request);
      }
      peer.Reply(status, "", headers);
    });
  }

  std::vector<ScriptedRequest> Requests() {
    MutexLock lock(mutex_);
    return requests_;
  }

  // A job that is over.
  void EndJob(const std::string& id, const std::string& url, const std::string& tenant = "acme") {
    NewJob job;
    job.id = id;
    job.tenant = tenant;
    job.title = "Campaign";
    job.request_json = "{}";
    job.callback_url = url;
    job.correlation_id = "correlation";
    job.items.emplace_back().spec.set_row(2);
    ASSERT_TRUE(store_->CreateJob(job, {}, clock_.Now()).ok());
    ASSERT_TRUE(store_->CancelJob(tenant, id, clock_.Now()).ok());
  }
  void EndJob() { EndJob("job_1", server_.Url(kPath)); }

  std::unique_ptr<WebhookSender> Sender(Store& store) {
    auto sender = WebhookSender::Start(store, clock_, clock_, options_, "https://us");
    EXPECT_TRUE(sender.ok()) << sender.status();
    return *std::move(sender);
  }

  int SendDue() {
    const auto sent = Sender(*store_)->SendDue();
    EXPECT_TRUE(sent.ok()) << sent.status();
    return sent.value_or(-1);
  }

  const TempDir folder_ = *TempDir::Create("webhooks");
  FakeClock clock_;
  std::unique_ptr<Store> store_ = *OpenSqliteStore(folder_.path() / "store.db");
  WebhookOptions options_;
  Mutex mutex_;
  std::vector<ScriptedRequest> requests_ ABSL_GUARDED_BY(mutex_);
  ScriptedServer server_;
};

TEST_F(WebhooksTest, ACallbackUrlGetsTheJobSigned) {
  EndJob();
  EXPECT_EQ(SendDue(), 1);
  const auto requests = Requests();
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].method, "POST");
  auto headers = requests[0].headers;
  EXPECT_EQ(headers["content-type"], "application/json");
  EXPECT_EQ(headers["x-rendernode-delivery"], "job_1-1767225600000");
  EXPECT_EQ(headers["x-rendernode-attempt"], "1");
  EXPECT_EQ(headers["x-correlation-id"], "correlation");
  const json job = json::parse(requests[0].body);
  EXPECT_EQ(job["id"], "job_1");
  EXPECT_EQ(job["state"], "canceled");
  EXPECT_THAT(job["artifacts"][0]["url"].get<std::string>(), StartsWith("https://us/api/v1/"));
  const std::string secret = *store_->WebhookSecret("acme", "another", /*replace=*/false);
  EXPECT_EQ(headers["x-rendernode-signature"],
            WebhookSignature(secret, clock_.Now(), requests[0].body));
  EXPECT_NE(headers["x-rendernode-signature"],
            WebhookSignature("another", clock_.Now(), requests[0].body));
  clock_.Advance(absl::Hours(100));
  EXPECT_EQ(SendDue(), 0) << "told once, it is told";
}

TEST_F(WebhooksTest, ASealedSecretIsNotInTheStoreAndSignsAllTheSame) {
  const std::filesystem::path key = folder_.path() / "secrets.key";
  std::ofstream(key) << std::string(64, '7');
  std::filesystem::permissions(key, std::filesystem::perms(0600));
  options_.secret_box = *SecretBox::Load(key);
  WebhookSecrets secrets(*store_, options_.secret_box);
  const std::string secret = *secrets.Of("acme");
  EXPECT_THAT(secret, StartsWith("whsec_"));
  EXPECT_EQ(*secrets.Of("acme"), secret);
  EXPECT_THAT(*store_->WebhookSecret("acme", "", /*replace=*/false), Not(HasSubstr("whsec_")));
  EndJob();
  EXPECT_EQ(SendDue(), 1);
  auto headers = Requests().at(0).headers;
  EXPECT_EQ(headers["x-rendernode-signature"],
            WebhookSignature(secret, clock_.Now(), Requests().at(0).body));
  EXPECT_TRUE(absl::IsFailedPrecondition(WebhookSecrets(*store_, std::nullopt).Of("acme").status()))
      << "without the key nobody is given something else";
  EXPECT_NE(*secrets.Replace("acme", {.who = "acme CI", .detail_json = "{}"}, clock_.Now()),
            secret);
}

TEST_F(WebhooksTest, ASecretFromBeforeThereWasAKeyIsGoodUntilReplaced) {
  ASSERT_TRUE(store_->WebhookSecret("acme", "whsec_old", /*replace=*/false).ok());
  const std::filesystem::path key = folder_.path() / "secrets.key";
  std::ofstream(key) << std::string(64, '7');
  std::filesystem::permissions(key, std::filesystem::perms(0600));
  WebhookSecrets secrets(*store_, *SecretBox::Load(key));
  EXPECT_EQ(*secrets.Of("acme"), "whsec_old");
}

// From `printf '1767225600.{"id":"job_1"}' | openssl dgst -sha256 -hmac whsec_test`.
TEST_F(WebhooksTest, TheSignatureIsWhatAnyoneCanCompute) {
  EXPECT_EQ(WebhookSignature("whsec_test", absl::FromUnixSeconds(1767225600), R"({"id":"job_1"})"),
            "t=1767225600,v1=bbabd3ddce3c4acfcaa4b776b0bf9bda23ce50827fd416b889d05d0be11247da");
  EXPECT_THAT(NewWebhookSecret(), MatchesRegex("whsec_[0-9a-f]+"));
  EXPECT_NE(NewWebhookSecret(), NewWebhookSecret());
}

TEST_F(WebhooksTest, AFailureIsTriedAgainLaterAndLaterAndThenGivenUp) {
  options_.attempts_max = 3;
  options_.backoff_min = absl::Seconds(10);
  Answer(500);
  EndJob();
  EXPECT_EQ(SendDue(), 1);
  EXPECT_EQ(SendDue(), 0) << "not at once";
  clock_.Advance(absl::Seconds(10));
  EXPECT_EQ(SendDue(), 1);
  clock_.Advance(absl::Seconds(9));
  EXPECT_EQ(SendDue(), 0) << "the second pause is longer";
  clock_.Advance(absl::Seconds(11));
  EXPECT_EQ(SendDue(), 1);
  clock_.Advance(absl::Hours(100));
  EXPECT_EQ(SendDue(), 0) << "three attempts were to be made";
  const auto requests = Requests();
  ASSERT_EQ(requests.size(), 3U);
  EXPECT_EQ(requests[2].headers.at("x-rendernode-attempt"), "3");
  EXPECT_EQ(requests[2].headers.at("x-rendernode-delivery"),
            requests[0].headers.at("x-rendernode-delivery"));
}

TEST_F(WebhooksTest, ADeliveryOutlivesTheCoordinator) {
  Answer(503);
  EndJob();
  EXPECT_EQ(SendDue(), 1);
  store_.reset();
  store_ = *OpenSqliteStore(folder_.path() / "store.db");
  Answer(200);
  clock_.Advance(absl::Minutes(1));
  EXPECT_EQ(SendDue(), 1);
  EXPECT_EQ(Requests().size(), 2U);
  clock_.Advance(absl::Hours(100));
  EXPECT_EQ(SendDue(), 0);
}

TEST_F(WebhooksTest, AReceiverThatIsGoneIsLeftAlone) {
  Answer(410);
  EndJob();
  EXPECT_EQ(SendDue(), 1);
  clock_.Advance(absl::Hours(100));
  EXPECT_EQ(SendDue(), 0);
}

TEST_F(WebhooksTest, ARedirectIsNotFollowed) {
  server_.OnReply("/elsewhere", "");
  Answer(307, {absl::StrCat("Location: ", server_.Url("/elsewhere"))});
  EndJob();
  EXPECT_EQ(SendDue(), 1);
  EXPECT_EQ(server_.Asked("/elsewhere"), 0);
  clock_.Advance(absl::Minutes(1));
  EXPECT_EQ(SendDue(), 1) << "it is a failure like others";
}

TEST_F(WebhooksTest, OurOwnNetworkIsNotCalled) {
  options_.allow_private.clear();
  int jobs = 0;
  for (const char* url : {"http://127.0.0.1",
                          "http://[::1]",
                          "http://localhost",
                          "http://10.0.0.1",
                          "http://169.254.169.254"}) {
    const std::string id = absl::StrCat("job_", ++jobs);
    EndJob(id, absl::StrCat(url, ":", server_.port(), kPath));
    EXPECT_EQ(SendDue(), 1) << url;
    clock_.Advance(absl::Hours(100));
    EXPECT_EQ(SendDue(), 0) << url << ": such an address will not get better";
  }
  EXPECT_EQ(server_.Asked(kPath), 0);
}

TEST_F(WebhooksTest, WhatIsNoHttpIsNotSent) {
  EndJob("job_1", "file:///etc/passwd");
  EXPECT_EQ(SendDue(), 1);
  clock_.Advance(absl::Hours(100));
  EXPECT_EQ(SendDue(), 0);
}

TEST_F(WebhooksTest, AReceiverThatFloodsOrHangsUpIsAFailureOrTakenAtItsWord) {
  server_.On(kPath, [](ScriptedPeer& peer, const ScriptedRequest&) {
    peer.Reply(200, std::string(1 << 20, 'x'));
  });
  EndJob("job_1", server_.Url(kPath));
  EXPECT_EQ(SendDue(), 1);
  server_.On(kPath, [](ScriptedPeer&, const ScriptedRequest&) {});
  EndJob("job_2", server_.Url(kPath));
  EXPECT_EQ(SendDue(), 1);
  Answer(200);
  clock_.Advance(absl::Minutes(1));
  EXPECT_EQ(SendDue(), 1);
  ASSERT_EQ(Requests().size(), 1U);
  EXPECT_EQ(json::parse(Requests()[0].body)["id"], "job_2")
      << "the first said 200 before it flooded";
}

TEST_F(WebhooksTest, AStoreThatIsAwayLosesNothing) {
  EndJob();
  FailingStore away(*store_);
  away.Fail(true);
  EXPECT_TRUE(absl::IsUnavailable(Sender(away)->SendDue().status()));
  EXPECT_EQ(SendDue(), 1);
  EXPECT_EQ(Requests().size(), 1U);
}

TEST_F(WebhooksTest, ItsThreadsSendByThemselvesAndStopWhileAReceiverHangs) {
  options_.threads = 2;
  options_.timeout = absl::Minutes(5);
  options_.poll_interval = absl::Milliseconds(10);
  Mutex mutex;
  CondVar arrived;
  int hanging = 0;
  server_.On("/hang", [&](ScriptedPeer& peer, const ScriptedRequest&) {
    {
      MutexLock lock(mutex);
      ++hanging;
      arrived.NotifyAll();
    }
    peer.WaitUntilClosed();
  });
  EndJob("job_1", server_.Url("/hang"));
  const auto sender = Sender(*store_);
  MutexLock lock(mutex);
  while (hanging == 0) {
    arrived.Wait(mutex);
  }
  sender->Stop();
}

TEST_F(WebhooksTest, ATenantWhoseReceiversHangHoldsUpNobodyElse) {
  options_.threads = 3;
  options_.per_tenant_max = 2;
  options_.timeout = absl::Minutes(5);
  options_.poll_interval = absl::Milliseconds(10);
  Mutex mutex;
  CondVar arrived;
  int hanging = 0;
  server_.On("/hang", [&](ScriptedPeer& peer, const ScriptedRequest&) {
    {
      MutexLock lock(mutex);
      ++hanging;
      arrived.NotifyAll();
    }
    peer.WaitUntilClosed();
  });
  server_.On(kPath, [&](ScriptedPeer& peer, const ScriptedRequest&) {
    peer.Reply(200, "");
    MutexLock lock(mutex);
    arrived.NotifyAll();
  });
  for (int i = 0; i < 5; ++i) {
    EndJob(absl::StrCat("job_hanging_", i), server_.Url("/hang"));
  }
  const auto sender = Sender(*store_);
  {
    MutexLock lock(mutex);
    while (hanging < 2) {
      arrived.Wait(mutex);
    }
  }
  // Longer due than these, the others of acme's would come before them.
  for (int i = 0; i < 3; ++i) {
    EndJob(absl::StrCat("job_zeta_", i), server_.Url(kPath), "zeta");
  }
  MutexLock lock(mutex);
  while (server_.Asked(kPath) < 3 && arrived.WaitFor(mutex, absl::Minutes(1))) {
  }
  EXPECT_EQ(server_.Asked(kPath), 3);
  EXPECT_EQ(hanging, 2);
  sender->Stop();
}

TEST_F(WebhooksTest, MistakesInTheOptionsAreNamed) {
  options_.allow_private = {"10.0.0.1/8"};
  const auto sender = WebhookSender::Start(*store_, clock_, clock_, options_, "");
  EXPECT_THAT(std::string(sender.status().message()), HasSubstr("10.0.0.0/8"));
}

}  // namespace
}  // namespace rn
