// A whole coordinator in this process: clients watch jobs over TLS, a stub node works at them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "coordinator/coordinator.h"
#include "tests/coordinator/http_client.h"
#include "tests/coordinator/node_farm.h"
#include "tests/coordinator/small_catalog.h"
#include "tests/coordinator/web_socket_client.h"
#include "tests/fakes/test_ca.h"

namespace rn {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

using nlohmann::json;

class JobSocketTest : public ::testing::Test {
 protected:
  using Headers = WebSocketClient::Headers;

  JobSocketTest() {
    signal(SIGPIPE, SIG_IGN);
    const TestIdentity identity = ca_.Issue("server", {.names = "IP:127.0.0.1"});
    for (const char* folder : {"sheets", "sheets/acme"}) {
      std::filesystem::create_directories(folder_.path() / folder);
      std::ofstream(folder_.path() / folder / "1A2B3C.csv")
          << "Title,Script,Image\nOne,Say one,https://x/1.png\nTwo,Say two,https://x/2.png\n";
    }
    config_.state_folder = folder_.path() / "state";
    config_.artifacts_folder = folder_.path() / "artifacts";
    config_.sheets_folder = folder_.path() / "sheets";
    config_.templates_folder = templates_.path();
    config_.http.port = 0;
    config_.http.tls = {.cert_file = identity.certificate, .key_file = identity.key};
    config_.nodes.address = "127.0.0.1:0";
    config_.events.look_interval = absl::Milliseconds(5);
    config_.rate_limit = {.per_second = 1000, .burst = 1000};
    config_.keys = *Authenticator::Create(
        {{.sha256 = Sha256("acme-key"), .tenant = "acme", .scopes = {"jobs:read", "jobs:write"}},
         {.sha256 = Sha256("sheets-key"), .tenant = "acme", .scopes = {"sheets:connect"}},
         {.sha256 = Sha256("zeta-key"), .tenant = "zeta", .scopes = {"jobs:read"}}});
  }

  void Start() {
    auto started = Coordinator::Start(config_);
    ASSERT_TRUE(started.ok()) << started.status();
    coordinator_ = *std::move(started);
  }

  std::string PostJob() {
    const HttpReply reply =
        HttpClient(coordinator_->http_port(), ca_.path())
            .Call("/api/v1/bulk-jobs",
                  {.method = "POST",
                   .headers = {"Authorization: Bearer acme-key", "Content-Type: application/json"},
                   .body = R"({"title": "Campaign",
                     "input_source": {"type": "sheet", "sheet_id": "1A2B3C", "range": "A1:Z10"},
                     "output": {"output_bucket": "videos"},
                     "template": {"template_id": "tpl_promotional"}})"});
    EXPECT_EQ(reply.status, 201) << reply.body;
    return json::parse(reply.body)["id"].get<std::string>();
  }
  void Act(const std::string& job_id, const std::string& action) {
    const HttpReply reply =
        HttpClient(coordinator_->http_port(), ca_.path())
            .Call(absl::StrCat("/api/v1/bulk-jobs/", job_id, "/", action),
                  {.method = "POST", .headers = {"Authorization: Bearer acme-key"}});
    EXPECT_EQ(reply.status, 200) << reply.body;
  }

  StubNode Join(const std::string& node_id) {
    StubNode node(absl::StrCat("127.0.0.1:", coordinator_->node_port()), node_id);
    node.MustOpen();
    return node;
  }
  void Render(StubNode& node) {
    const rendernode::Lease lease = node.Take();
    rendernode::CommitItemResponse committed;
    ASSERT_TRUE(node.Commit(lease.ref(), &committed).ok());
  }

  WebSocketClient Watch(const std::string& job_id,
                        const Headers& headers = {{"Authorization", "Bearer acme-key"}}) {
    return WebSocketClient(coordinator_->http_port(),
                           ca_.path(),
                           absl::StrCat("/api/v1/ws/bulk-jobs?job_id=", job_id),
                           headers);
  }
  // How a refusal begins: status and code.
  std::string Refusal(const std::string& job_id, const Headers& headers) {
    const WebSocketClient client = Watch(job_id, headers);
    const json body = json::parse(client.body(), nullptr, /*allow_exceptions=*/false);
    return absl::StrCat(client.status(), " ", body.value("error_code", "none"));
  }

  const TempDir folder_ = *TempDir::Create("job_socket");
  const SmallCatalog templates_;
  const TestCa ca_{folder_.path(), "ca"};
  CoordinatorConfig config_;
  std::unique_ptr<Coordinator> coordinator_;
};

TEST_F(JobSocketTest, AJobIsWatchedFromItsBeginningToItsEnd) {
  Start();
  const std::string job = PostJob();
  WebSocketClient client = Watch(job);
  EXPECT_EQ(client.Await("job.state_changed")["data"]["new_state"], "pending");
  EXPECT_EQ(client.Await("job.progress")["data"]["items_total"], 2);
  StubNode node = Join("n");
  Render(node);
  const json running = client.Await("job.state_changed")["data"];
  EXPECT_EQ(running["prior_state"], "pending");
  EXPECT_EQ(running["new_state"], "running");
  EXPECT_EQ(client.Await("video.completed")["data"]["id"], job + "-2");
  Render(node);
  EXPECT_EQ(client.Await("video.completed")["data"]["id"], job + "-3");
  EXPECT_EQ(client.Await("job.progress")["data"]["percent_complete"], 100.0);
  const json end = client.Await("job.completed")["data"];
  EXPECT_EQ(end["summary"]["items_completed"], 2);
  EXPECT_THAT(end["artifacts"][0]["url"].get<std::string>(),
              HasSubstr(absl::StrCat("https://127.0.0.1:", coordinator_->http_port())));
}

TEST_F(JobSocketTest, WhatAClientDoesToTheJobIsTold) {
  Start();
  const std::string job = PostJob();
  WebSocketClient client = Watch(job);
  EXPECT_EQ(client.Await("job.state_changed")["data"]["new_state"], "pending");
  Act(job, "pause");
  EXPECT_EQ(client.Await("job.state_changed")["data"]["new_state"], "paused");
  Act(job, "resume");
  EXPECT_EQ(client.Await("job.state_changed")["data"]["new_state"], "pending");
  Act(job, "cancel");
  const json canceled = client.Await("job.state_changed")["data"];
  EXPECT_EQ(canceled["new_state"], "canceled");
  EXPECT_EQ(canceled["reason"], "the job was canceled");
}

TEST_F(JobSocketTest, TheKeyMayComeAsASubprotocolAndIsNeverEchoed) {
  Start();
  const std::string job = PostJob();
  WebSocketClient as_key = Watch(job, {{"Sec-WebSocket-Protocol", "Bearer acme-key"}});
  EXPECT_EQ(as_key.status(), 101);
  EXPECT_THAT(as_key.header("Sec-WebSocket-Protocol"), IsEmpty());
  WebSocketClient browser =
      Watch(job, {{"Sec-WebSocket-Protocol", "bulk-jobs.v1, bearer.acme-key"}});
  EXPECT_EQ(browser.status(), 101);
  EXPECT_EQ(browser.header("Sec-WebSocket-Protocol"), "bulk-jobs.v1");
  EXPECT_EQ(browser.Await("job.state_changed")["data"]["new_state"], "pending");
  WebSocketClient both = Watch(
      job, {{"Authorization", "Bearer acme-key"}, {"Sec-WebSocket-Protocol", "Bearer acme-key"}});
  EXPECT_EQ(both.status(), 101);
  EXPECT_THAT(both.header("Sec-WebSocket-Protocol"), IsEmpty());
}

TEST_F(JobSocketTest, WhoMayNotWatchIsToldBeforeTheUpgrade) {
  Start();
  const std::string job = PostJob();
  EXPECT_EQ(Refusal(job, {}), "401 unauthorized");
  EXPECT_EQ(Refusal(job, {{"Authorization", "Bearer wrong"}}), "401 unauthorized");
  EXPECT_EQ(Refusal(job, {{"Sec-WebSocket-Protocol", "bulk-jobs.v1, bearer.wrong"}}),
            "401 unauthorized");
  EXPECT_EQ(Refusal(job, {{"Authorization", "Bearer sheets-key"}}), "403 forbidden");
  EXPECT_EQ(Refusal(job, {{"Authorization", "Bearer zeta-key"}}), "404 not_found");
  EXPECT_EQ(Refusal("job_01HABCDEF0123456789", {{"Authorization", "Bearer acme-key"}}),
            "404 not_found");
  EXPECT_EQ(Refusal("", {{"Authorization", "Bearer acme-key"}}), "400 validation_error");
}

TEST_F(JobSocketTest, AnOrdinaryRequestIsAskedToUpgrade) {
  Start();
  const std::string job = PostJob();
  const HttpReply reply =
      HttpClient(coordinator_->http_port(), ca_.path())
          .Get("/api/v1/ws/bulk-jobs?job_id=" + job, {"Authorization: Bearer acme-key"});
  EXPECT_EQ(reply.status, 426);
  EXPECT_EQ(reply.headers.at("sec-websocket-version"), "13");
  EXPECT_EQ(json::parse(reply.body)["error_code"], "upgrade_required");
}

TEST_F(JobSocketTest, ATenantsWebSocketsAreLimited) {
  config_.events.watchers_per_tenant_max = 1;
  Start();
  const std::string job = PostJob();
  WebSocketClient client = Watch(job);
  EXPECT_EQ(client.status(), 101);
  EXPECT_EQ(Refusal(job, {{"Authorization", "Bearer acme-key"}}), "429 rate_limited");
}

TEST_F(JobSocketTest, AStopSaysGoingAway) {
  Start();
  const std::string job = PostJob();
  WebSocketClient client = Watch(job);
  client.Await("job.progress");
  std::thread stopper([this] { coordinator_->Stop(); });
  EXPECT_EQ(client.Next(), std::nullopt);
  EXPECT_EQ(client.close_code(), 1001);
  stopper.join();
}

TEST_F(JobSocketTest, ProgressOfItemsUnderWayIsTold) {
  Start();
  const std::string job = PostJob();
  WebSocketClient client = Watch(job);
  StubNode node = Join("n");
  const rendernode::Lease lease = node.Take();
  rendernode::SyncRequest sync = node.Hold(lease.ref(), /*wait=*/false);
  sync.mutable_held(0)->set_phase(rendernode::RENDERING);
  sync.mutable_held(0)->set_progress_permille(500);
  node.Sync(std::move(sync));
  json data = client.Await("job.progress")["data"];
  while (data["percent_complete"] != 25.0 && !data.is_null()) {
    data = client.Await("job.progress")["data"];
  }
  EXPECT_EQ(data["percent_complete"], 25.0);
  EXPECT_TRUE(data["eta_ms"].is_number());
}

}  // namespace
}  // namespace rn
