#include "coordinator/bulk_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/coordinator/bulk_api_harness.h"

namespace rn {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class BulkApiTest : public ::testing::Test, protected BulkApiHarness {};

TEST_F(BulkApiTest, AJobIsCreatedFromASheetAndWokenFor) {
  const Answer created = Post("/bulk-jobs", Body());
  EXPECT_EQ(created.status, 201);
  const std::string id = created.body["id"];
  EXPECT_THAT(id, StartsWith("job_"));
  EXPECT_EQ(id.size(), 30u) << "job_ and a ULID";
  EXPECT_EQ(created.headers.at("Location"), "/api/v1/bulk-jobs/" + id);
  EXPECT_EQ(created.body["state"], "pending");
  EXPECT_EQ(created.body["items_total"], 3);
  EXPECT_EQ(created.body["percent_complete"], 0.0);
  EXPECT_EQ(created.body["eta_ms"], nullptr);
  EXPECT_EQ(created.body["created_at"], "2026-01-01T00:00:00.000Z");
  EXPECT_EQ(woken_, 1);
  EXPECT_EQ(Get("/bulk-jobs/" + id).body, created.body);
}

TEST_F(BulkApiTest, TheSameKeyAndBodyIsTheSameJobEvenWhenTheSheetIsGone) {
  const Answer first = Post("/bulk-jobs", Body(), {{"idempotency-key", "k1"}});
  RemoveSheet();
  const Answer again = Post("/bulk-jobs", Body(), {{"idempotency-key", "k1"}});
  EXPECT_EQ(first.status, 201);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.body["id"], first.body["id"]);
  EXPECT_EQ(woken_, 1);
}

TEST_F(BulkApiTest, AJobWhoseTemplateIsTooLongForTheNodesIsRefusedAtOnce) {
  BulkApi strict(*store_,
                 catalog_,
                 sheets_,
                 clock_,
                 {.keys = *Authenticator::Create(
                      {{.sha256 = Sha256("key"), .tenant = "acme", .scopes = {"jobs:write"}}}),
                  .public_url = "https://us",
                  .job_spec_bytes_max = 10});
  HttpRequest request;
  request.method = "POST";
  request.path = "/api/v1/bulk-jobs";
  request.headers = {{"authorization", "Bearer key"}};
  request.body = Body().dump();
  const HttpResponse response = strict.Handle(request);
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(response.body, HasSubstr("the limit is nodes.job_spec_max = 10"));
  EXPECT_THAT(response.body, HasSubstr("/template"));
}

TEST_F(BulkApiTest, TheSameKeyWithAnotherBodyIsAConflict) {
  Post("/bulk-jobs", Body(), {{"idempotency-key", "k1"}});
  json other = Body();
  other["title"] = "Another";
  const Answer conflict = Post("/bulk-jobs", other, {{"idempotency-key", "k1"}});
  EXPECT_EQ(conflict.status, 409);
  EXPECT_EQ(conflict.body["error_code"], "idempotency_conflict");
}

TEST_F(BulkApiTest, KeysOfTwoTenantsDoNotMeet) {
  const Answer acme = Post("/bulk-jobs", Body(), {{"idempotency-key", "k1"}});
  UseKey("zeta-key");
  json other = Body();
  other["title"] = "Another";
  const Answer zeta = Post("/bulk-jobs", other, {{"idempotency-key", "k1"}});
  EXPECT_EQ(zeta.status, 201);
  EXPECT_NE(zeta.body["id"], acme.body["id"]);
}

TEST_F(BulkApiTest, AKeyIsForgottenAfterADay) {
  const Answer first = Post("/bulk-jobs", Body(), {{"idempotency-key", "k1"}});
  clock_.Advance(absl::Hours(24) + absl::Seconds(1));
  const Answer later = Post("/bulk-jobs", Body(), {{"idempotency-key", "k1"}});
  EXPECT_EQ(later.status, 201);
  EXPECT_NE(later.body["id"], first.body["id"]);
}

TEST_F(BulkApiTest, WithoutAKeyEveryPostIsAJob) {
  EXPECT_NE(Post("/bulk-jobs", Body()).body["id"], Post("/bulk-jobs", Body()).body["id"]);
}

TEST_F(BulkApiTest, ARowThatTheTemplateCannotUseFailsAloneFromTheStart) {
  WriteSheet("Title,Script,Image\nGood,Say it,https://x/a.png\nNo script,,https://x/b.png\n");
  const Answer created = Post("/bulk-jobs", Body());
  EXPECT_EQ(created.status, 201);
  EXPECT_EQ(created.body["items_total"], 2);
  EXPECT_EQ(created.body["items_failed"], 1);
  const Answer failed = Get(JobPath(created) + "/videos?state=failed");
  ASSERT_EQ(failed.body["data"].size(), 1u);
  const json& video = failed.body["data"][0];
  EXPECT_EQ(video["row"], 3);
  EXPECT_EQ(video["errors"][0]["error_code"], "template_render_error");
  EXPECT_THAT(video["errors"][0]["error_message"].get<std::string>(), HasSubstr("script"));
}

TEST_F(BulkApiTest, AColumnThatTheTemplateDoesNotKnowIsRefusedUnlessCommentedOut) {
  WriteSheet("Title,Script,Image,Bagde\nT,S,https://x/a.png,New\n");
  const Answer refused = Post("/bulk-jobs", Body());
  EXPECT_EQ(refused.status, 400);
  const std::string message = refused.body["detail"][0]["message"];
  EXPECT_THAT(message, HasSubstr("did you mean \"badge\"?"));
  EXPECT_THAT(message, HasSubstr("begin its header with \"#\""));
  WriteSheet("Title,Script,Image,#Bagde\nT,S,https://x/a.png,New\n");
  EXPECT_EQ(Post("/bulk-jobs", Body()).status, 201);
}

TEST_F(BulkApiTest, EmptyRowsAreSkippedAndSaidSo) {
  WriteSheet("Title,Script,Image\nT,S,https://x/a.png\n,,\n\nU,S,https://x/a.png\n");
  const Answer created = Post("/bulk-jobs", Body());
  EXPECT_EQ(created.body["items_total"], 2);
  EXPECT_EQ(created.body["warnings"], json({"2 empty rows will be skipped"}));
}

TEST_F(BulkApiTest, AMissingSheetAndAnEmptyRangeAreMistakesInTheBody) {
  json body = Body();
  body["input_source"]["sheet_id"] = "unknown";
  const Answer missing = Post("/bulk-jobs", body);
  EXPECT_EQ(missing.status, 400);
  EXPECT_EQ(missing.body["detail"][0]["pointer"], "/input_source/sheet_id");
  body = Body();
  body["input_source"]["range"] = "A100:Z200";
  const Answer empty = Post("/bulk-jobs", body);
  EXPECT_EQ(empty.body["detail"][0]["pointer"], "/input_source/range");
  EXPECT_EQ(empty.body["detail"][0]["message"], "the range holds no rows");
}

TEST_F(BulkApiTest, EveryMistakeOfABodyComesBackAtOnce) {
  const Answer refused = Post("/bulk-jobs", json::object());
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.body["error_code"], "validation_error");
  EXPECT_EQ(refused.body["detail"].size(), 4u);
}

TEST_F(BulkApiTest, AnUnusableIdempotencyKeyIsRefused) {
  EXPECT_EQ(Post("/bulk-jobs", Body(), {{"idempotency-key", std::string(256, 'k')}}).status, 400);
  EXPECT_EQ(Post("/bulk-jobs", Body(), {{"idempotency-key", "\x01"}}).status, 400);
}

TEST_F(BulkApiTest, NobodyGetsInWithoutAKnownKey) {
  UseKey("wrong");
  const Answer refused = Get("/bulk-jobs");
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(refused.body["error_code"], "unauthorized");
  EXPECT_EQ(refused.headers.at("WWW-Authenticate"), "Bearer");
  EXPECT_THAT(refused.body.dump(), Not(HasSubstr("wrong")));
}

TEST_F(BulkApiTest, AKeyDoesWhatItsScopesAllow) {
  UseKey("reader-key");
  EXPECT_EQ(Get("/bulk-jobs").status, 200);
  const Answer refused = Post("/bulk-jobs", Body());
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(refused.body["error_code"], "forbidden");
  EXPECT_THAT(refused.body["error_message"].get<std::string>(), HasSubstr("jobs:write"));
  EXPECT_EQ(Post("/sheets/connect", Connect()).status, 403);
}

TEST_F(BulkApiTest, AnotherTenantsJobDoesNotExist) {
  const std::string path = JobPath(Post("/bulk-jobs", Body()));
  UseKey("zeta-key");
  EXPECT_EQ(Get(path).status, 404);
  EXPECT_EQ(Get(path + "/videos").status, 404);
  EXPECT_EQ(Get(path + "/report.csv").status, 404);
  EXPECT_EQ(Post(path + "/cancel").status, 404);
  EXPECT_EQ(Get("/bulk-jobs").body["data"].size(), 0u);
}

TEST_F(BulkApiTest, ATenantAboveItsRateIsToldHowLongToWait) {
  for (int i = 0; i < kBurst; ++i) {
    ASSERT_EQ(Get("/bulk-jobs").status, 200) << i;
  }
  const Answer refused = Get("/bulk-jobs");
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.body["error_code"], "rate_limited");
  EXPECT_EQ(refused.headers.at("Retry-After"), "1");
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(Get("/bulk-jobs").status, 200);
}

TEST_F(BulkApiTest, JobsAreListedNewestFirstAPageAtATime) {
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) {
    clock_.Advance(absl::Seconds(1));
    ids.insert(ids.begin(), Post("/bulk-jobs", Body()).body["id"].get<std::string>());
  }
  std::vector<std::string> listed;
  std::string token;
  for (int page = 0; page < 3; ++page) {
    const Answer answer = Get(absl::StrCat("/bulk-jobs?page_size=2&page_token=", token));
    for (const json& job : answer.body["data"]) {
      listed.push_back(job["id"]);
    }
    EXPECT_EQ(answer.body["next_page_token"].is_null(), page == 2);
    token = answer.body["next_page_token"].is_null() ? "" : answer.body["next_page_token"];
  }
  EXPECT_EQ(listed, ids);
}

TEST_F(BulkApiTest, JobsAreFilteredByStateAndPriority) {
  json high = Body();
  high["priority"] = "high";
  const Answer urgent = Post("/bulk-jobs", high);
  Post(JobPath(Post("/bulk-jobs", Body())) + "/cancel");
  const json canceled = Get("/bulk-jobs?state=canceled").body["data"];
  ASSERT_EQ(canceled.size(), 1u);
  EXPECT_EQ(canceled[0]["last_error"]["code"], "canceled");
  const json prior = Get("/bulk-jobs?priority=high&state=pending").body["data"];
  ASSERT_EQ(prior.size(), 1u);
  EXPECT_EQ(prior[0]["id"], urgent.body["id"]);
}

TEST_F(BulkApiTest, BadQueriesNameEveryMistake) {
  const Answer refused = Get("/bulk-jobs?state=runing&page_size=0&page_token=x!&sate=failed");
  EXPECT_EQ(refused.status, 400);
  ASSERT_EQ(refused.body["detail"].size(), 4u);
  EXPECT_EQ(refused.body["detail"][0]["pointer"], "?state");
  EXPECT_THAT(refused.body["detail"][0]["message"].get<std::string>(),
              HasSubstr("did you mean \"running\"?"));
  EXPECT_THAT(refused.body["detail"][3]["message"].get<std::string>(),
              HasSubstr("did you mean \"state\"?"));
}

TEST_F(BulkApiTest, VideosArePagedInOrderOfRows) {
  const std::string path = JobPath(Post("/bulk-jobs", Body())) + "/videos";
  const Answer first = Get(path + "?page_size=2");
  ASSERT_EQ(first.body["data"].size(), 2u);
  EXPECT_EQ(first.body["data"][0]["row"], 2);
  EXPECT_EQ(first.body["data"][0]["state"], "pending");
  const std::string token = first.body["next_page_token"];
  const Answer second = Get(absl::StrCat(path, "?page_size=2&page_token=", token));
  ASSERT_EQ(second.body["data"].size(), 1u);
  EXPECT_EQ(second.body["data"][0]["row"], 4);
  EXPECT_EQ(second.body["next_page_token"], nullptr);
  EXPECT_EQ(Get(absl::StrCat("/bulk-jobs?page_token=", token)).status, 200);
}

TEST_F(BulkApiTest, AJobThatNodesFinishedShowsItsVideosAndReports) {
  const Answer created = Post("/bulk-jobs", Body());
  RenderAll();
  const Answer job = Get(JobPath(created));
  EXPECT_EQ(job.body["state"], "completed");
  EXPECT_EQ(job.body["percent_complete"], 100.0);
  EXPECT_EQ(job.body["items_completed"], 3);
  const json videos = Get(JobPath(created) + "/videos?state=completed").body["data"];
  ASSERT_EQ(videos.size(), 3u);
  EXPECT_EQ(videos[0]["artifacts"][0]["type"], "video");
  EXPECT_EQ(videos[0]["usage"]["encoder"], "libx264");
  const std::string csv_url = job.body["artifacts"][0]["url"];
  ASSERT_TRUE(absl::StartsWith(csv_url, "https://us/api/v1"));
  const Answer csv = Get(csv_url.substr(std::string("https://us/api/v1").size()));
  EXPECT_EQ(csv.headers.at("Content-Type"), "text/csv; charset=utf-8");
  EXPECT_EQ(std::vector<std::string>(absl::StrSplit(csv.text, "\r\n")).size(), 5u)
      << "a header, three rows and the end of the last line";
  EXPECT_EQ(Get(JobPath(created) + "/report.json").body["videos"], videos);
}

TEST_F(BulkApiTest, PauseResumeAndCancelFollowTheJobsState) {
  const std::string path = JobPath(Post("/bulk-jobs", Body()));
  EXPECT_EQ(Post(path + "/pause").body["state"], "paused");
  EXPECT_EQ(Post(path + "/pause").status, 200) << "asking for what is so is no error";
  EXPECT_NE(Post(path + "/resume").body["state"], "paused");
  EXPECT_EQ(Post(path + "/cancel").body["state"], "canceled");
  const Answer refused = Post(path + "/resume");
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.body["error_code"], "conflict");
}

TEST_F(BulkApiTest, ASheetIsConnectedWithAPreview) {
  const Answer connected = Post("/sheets/connect", Connect());
  EXPECT_EQ(connected.status, 200);
  EXPECT_EQ(connected.body["status"], "connected");
  EXPECT_EQ(connected.body["sheet_id"], "1A2B3C");
  EXPECT_EQ(connected.body["range"], "A1:Z10");
  const json& sample = connected.body["sample"];
  EXPECT_EQ(sample["columns"], json({"A", "B", "C"}));
  EXPECT_EQ(sample["row_count"], 3);
  EXPECT_EQ(sample["preview"][0], json({"One", "Say one", "https://x/1.png"}));
}

TEST_F(BulkApiTest, AnUnknownSheetCannotBeConnected) {
  json body = Connect();
  body["sheet_id"] = "unknown";
  const Answer missing = Post("/sheets/connect", body);
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(missing.body["error_code"], "not_found");
}

TEST_F(BulkApiTest, PathsAndMethodsThatDoNotExistAreSaidSo) {
  EXPECT_EQ(Get("/nothing").status, 404);
  EXPECT_EQ(Get("/bulk-jobs/job_1/videos/x").status, 404);
  EXPECT_EQ(Get("/bulk-jobs/..%2F").status, 404);
  EXPECT_EQ(Get("/bulk-jobs/" + std::string(1000, 'x')).status, 404);
  const Answer wrong = Ask("DELETE", "/api/v1/bulk-jobs", "", {});
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.headers.at("Allow"), "GET, POST");
}

TEST_F(BulkApiTest, HealthNeedsNoKey) {
  UseKey("");
  const Answer health = Ask("GET", "/healthz", "", {});
  EXPECT_EQ(health.status, 200);
  EXPECT_EQ(health.body["status"], "ok");
}

}  // namespace
}  // namespace rn
