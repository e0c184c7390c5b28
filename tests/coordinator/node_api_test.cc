// Operators look at the machines and drain them, over the real desk and what nodes say to it.
#include "coordinator/node_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "tests/coordinator/answer_record.h"
#include "tests/coordinator/node_farm.h"

namespace rn {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class NodeApiTest : public ::testing::Test {
 protected:
  struct Answer {
    int status = 0;
    json body;
  };

  Answer Ask(const std::string& method, const std::string& target, const std::string& key) {
    HttpRequest request;
    request.method = method;
    auto parsed = ParseTarget("/api/v1" + target);
    EXPECT_TRUE(parsed.ok()) << target;
    request.path = parsed->first;
    request.query = parsed->second;
    request.headers.emplace_back("authorization", "Bearer " + key);
    const std::optional<HttpResponse> response = api_.Handle(request);
    if (!response.has_value()) {
      return {};
    }
    RecordAnswer(request, *response);
    return {response->status, json::parse(response->body, nullptr, /*allow_exceptions=*/false)};
  }
  Answer Get(const std::string& target, const std::string& key = "operator") {
    return Ask("GET", target, key);
  }
  Answer Post(const std::string& target, const std::string& key = "operator") {
    return Ask("POST", target, key);
  }

  // What a node says of itself, beside what it asks for.
  static rendernode::SyncRequest Busy(rendernode::SyncRequest request,
                                      const rendernode::LeaseRef& ref) {
    request.set_slots(2);
    request.set_version("1.2.3");
    rendernode::HeldLease* held = request.add_held();
    *held->mutable_ref() = ref;
    held->set_phase(rendernode::RENDERING);
    held->set_progress_permille(425);
    held->set_frames_per_second(61.25);
    rendernode::EncoderDevice* device = request.add_devices();
    device->set_uuid("cpu");
    device->set_name("libx264");
    device->set_backend(rendernode::CPU);
    return request;
  }

  NodeFarm farm_;
  ApiGate gate_{*Authenticator::Create(
                    {{.sha256 = Sha256("operator"),
                      .tenant = "acme",
                      .scopes = {"nodes:read", "nodes:write"}},
                     {.sha256 = Sha256("looker"), .tenant = "zeta", .scopes = {"nodes:read"}},
                     {.sha256 = Sha256("client"), .tenant = "acme", .scopes = {"jobs:read"}}}),
                {.per_second = 1000, .burst = 1000},
                Clock::System()};
  NodeApi api_{farm_.desk(), farm_.store(), Clock::System(), gate_, {.version = "9.9"}};
};

TEST_F(NodeApiTest, ANodeIsListedWithWhatItIsAndDoes) {
  StubNode node = farm_.Join("box-7");
  const std::string job = farm_.PostJob(1);
  const rendernode::Lease lease = node.Take();
  node.Sync(Busy(node.Ask(0, /*wait=*/false), lease.ref()));
  const Answer answer = Get("/nodes");
  ASSERT_EQ(answer.status, 200) << answer.body;
  ASSERT_THAT(answer.body["data"], SizeIs(1));
  const json& told = answer.body["data"][0];
  EXPECT_EQ(told["id"], "box-7");
  EXPECT_EQ(told["state"], "ready");
  EXPECT_EQ(told["desired"], "run");
  EXPECT_EQ(told["version"], "1.2.3");
  EXPECT_EQ(told["slots"], 2);
  EXPECT_EQ(told["slots_busy"], 1);
  EXPECT_EQ(told["devices"][0]["name"], "libx264");
  EXPECT_EQ(told["devices"][0]["backend"], "cpu");
  ASSERT_THAT(told["items"], SizeIs(1));
  const json& item = told["items"][0];
  EXPECT_EQ(item["job_id"], job);
  EXPECT_EQ(item["row"], 1);
  EXPECT_EQ(item["phase"], "rendering");
  EXPECT_EQ(item["percent_complete"], 42.5);
  EXPECT_EQ(item["frames_per_second"], 61.3);
  const json& totals = answer.body["totals"];
  EXPECT_EQ(totals["nodes"], 1);
  EXPECT_EQ(totals["slots"], 2);
  EXPECT_EQ(totals["slots_busy"], 1);
}

TEST_F(NodeApiTest, WhoseItemsTheyAreIsToldToTheirTenantAlone) {
  StubNode node = farm_.Join("n");
  const std::string job = farm_.PostJob(1);
  const rendernode::Lease lease = node.Take();
  node.Sync(Busy(node.Ask(0, /*wait=*/false), lease.ref()));
  const Answer others = Get("/nodes", "looker");
  ASSERT_EQ(others.status, 200) << others.body;
  EXPECT_THAT(others.body.dump(), Not(HasSubstr(job)));
  const json& item = others.body["data"][0]["items"][0];
  EXPECT_TRUE(item["item_id"].is_null());
  EXPECT_TRUE(item["row"].is_null());
  EXPECT_EQ(item["percent_complete"], 42.5);
}

TEST_F(NodeApiTest, ADrainReachesTheWaitingNodeAndItGetsNothingUntilUndrained) {
  StubNode node = farm_.Join("n");
  auto waiting = node.WaitFor(1);
  farm_.AwaitWaiting(1);
  const Answer drained = Post("/nodes/n/drain");
  ASSERT_EQ(drained.status, 200) << drained.body;
  EXPECT_EQ(drained.body["desired"], "drain");
  EXPECT_EQ(waiting->Reply().desired(), rendernode::DRAIN);
  EXPECT_EQ(Get("/nodes").body["data"][0]["desired"], "drain");

  // One that has not heard yet still asks.
  farm_.PostJob(1);
  const rendernode::SyncResponse none = node.Sync(node.Ask(1, /*wait=*/false));
  EXPECT_THAT(none.grant(), IsEmpty());
  EXPECT_EQ(none.desired(), rendernode::DRAIN);

  ASSERT_EQ(Post("/nodes/n/undrain").status, 200);
  const rendernode::SyncResponse again = node.WaitFor(1)->Reply();
  EXPECT_EQ(again.desired(), rendernode::RUN);
  EXPECT_THAT(again.grant(), SizeIs(1));
}

TEST_F(NodeApiTest, ADrainedNodeStaysSoAndIsListedWhileItIsAway) {
  {
    StubNode node = farm_.Join("away");
    node.Sync(node.Ask(0, /*wait=*/false));
    ASSERT_EQ(Post("/nodes/away/drain").status, 200);
    ASSERT_TRUE(node.Close().ok());
  }
  const json away = Get("/nodes").body["data"];
  ASSERT_THAT(away, SizeIs(1));
  EXPECT_EQ(away[0]["state"], "silent");
  EXPECT_TRUE(away[0]["last_seen_at"].is_null());
  StubNode back = farm_.Join("away");
  EXPECT_EQ(back.Sync(back.Ask(1, /*wait=*/false)).desired(), rendernode::DRAIN);
}

TEST_F(NodeApiTest, PagesOfNodesHoldEachOnce) {
  for (const char* name : {"a", "b", "c"}) {
    StubNode node = farm_.Join(name);
    node.Sync(node.Ask(0, /*wait=*/false));
  }
  std::string names, token;
  do {
    const Answer page = Get("/nodes?page_size=2&page_token=" + token);
    ASSERT_EQ(page.status, 200) << page.body;
    for (const json& node : page.body["data"]) {
      names += node["id"].get<std::string>();
    }
    const json& next = page.body["next_page_token"];
    token = next.is_null() ? "" : next.get<std::string>();
  } while (!token.empty());
  EXPECT_EQ(names, "abc");
}

TEST_F(NodeApiTest, EachNeedsItsScope) {
  StubNode node = farm_.Join("n");
  node.Sync(node.Ask(0, /*wait=*/false));
  EXPECT_EQ(Get("/nodes", "nobody").status, 401);
  const Answer client = Get("/nodes", "client");
  EXPECT_EQ(client.status, 403) << "a tenant's key is no operator's";
  EXPECT_THAT(client.body["error_message"].get<std::string>(), HasSubstr("nodes:read"));
  EXPECT_EQ(Get("/nodes", "looker").status, 200);
  EXPECT_EQ(Post("/nodes/n/drain", "looker").status, 403);
  EXPECT_EQ(Get("/nodes").body["data"][0]["desired"], "run");
}

TEST_F(NodeApiTest, WhatIsNotThereIsNamed) {
  EXPECT_EQ(Post("/nodes/nobody/drain").status, 404);
  EXPECT_EQ(Ask("DELETE", "/nodes", "operator").status, 405);
  EXPECT_EQ(Get("/nodes/n/drain").status, 405);
  EXPECT_EQ(Get("/nodes?page_size=0").status, 400);
  EXPECT_EQ(Get("/bulk-jobs").status, 0) << "not ours";
}

TEST_F(NodeApiTest, AKeyIsToldWhoseItIsAndWhatItMay) {
  const Answer me = Get("/whoami", "looker");
  ASSERT_EQ(me.status, 200) << me.body;
  EXPECT_EQ(me.body["tenant"], "zeta");
  EXPECT_EQ(me.body["scopes"], json::array({"nodes:read"}));
  EXPECT_EQ(me.body["coordinator_version"], "9.9");
  EXPECT_EQ(Get("/whoami", "nobody").status, 401);
}

}  // namespace
}  // namespace rn
