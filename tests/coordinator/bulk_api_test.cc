#include "coordinator/bulk_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "coordinator/admin_api.h"
#include "coordinator/node_api.h"
#include "tests/coordinator/bulk_api_harness.h"
#include "tests/fakes/failing_store.h"

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
  BulkApiOptions options = Options();
  options.job_spec_bytes_max = 10;
  BulkApi api(*store_, catalog_, sheets_, clock_, options);
  const Answer refused = Ask(api, "POST", "/api/v1/bulk-jobs", Body().dump(), {});
  EXPECT_EQ(refused.status, 400);
  EXPECT_THAT(refused.text, HasSubstr("the limit is nodes.job_spec_max = 10"));
  EXPECT_THAT(refused.text, HasSubstr("/template"));
}

TEST_F(BulkApiTest, TheSameKeyAndBodyIsTheSameJobEvenWhenItsTemplateIsGone) {
  const Answer first = Post("/bulk-jobs", Body(), {{"idempotency-key", "k1"}});
  files_.Write("tpl_other.json", R"({"output": {"width": 1920, "height": 1080}})");
  std::filesystem::remove(files_.path() / "tpl_promotional.json");
  const Catalog later = files_.Load();
  BulkApi restarted(*store_, later, sheets_, clock_, Options());
  const Answer again =
      Ask(restarted, "POST", "/api/v1/bulk-jobs", Body().dump(), {{"idempotency-key", "k1"}});
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.body["id"], first.body["id"]);
  EXPECT_EQ(Ask(restarted, "POST", "/api/v1/bulk-jobs", Body().dump(), {}).status, 400)
      << "a new job needs its template";
}

TEST_F(BulkApiTest, ATenantsSheetsAreItsOwn) {
  UseKey("zeta-key");
  EXPECT_EQ(Post("/sheets/connect", Connect()).body["sample"]["row_count"], 1);
  EXPECT_EQ(Post("/bulk-jobs", Body()).body["items_total"], 1);
  UseKey("acme-key");
  EXPECT_EQ(Post("/sheets/connect", Connect()).body["sample"]["row_count"], 3);
  RemoveSheet();
  EXPECT_EQ(Post("/sheets/connect", Connect()).status, 404);
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

TEST_F(BulkApiTest, PagesStandStillWhileJobsComeIn) {
  std::vector<std::string> ids;
  const auto create = [&] {
    clock_.Advance(absl::Seconds(1));
    return Post("/bulk-jobs", Body()).body["id"].get<std::string>();
  };
  for (int i = 0; i < 4; ++i) {
    ids.insert(ids.begin(), create());
  }
  const Answer first = Get("/bulk-jobs?page_size=2");
  create();
  const std::string token = first.body["next_page_token"];
  const Answer second = Get(absl::StrCat("/bulk-jobs?page_size=2&page_token=", token));
  EXPECT_EQ(second.body["data"][0]["id"], ids[2]) << "neither twice nor left out";
  EXPECT_EQ(second.body["data"][1]["id"], ids[3]);
  EXPECT_EQ(second.body["next_page_token"], nullptr);
}

TEST_F(BulkApiTest, ATenantThatWasRefusedSeesItOnItsJobsForAWhile) {
  const std::string path = JobPath(Post("/bulk-jobs", Body()));
  EXPECT_EQ(Get(path).body["rate_limited"], false);
  while (Get(path).status == 200) {
  }
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(Get(path).body["rate_limited"], true);
  clock_.Advance(absl::Seconds(10));
  EXPECT_EQ(Get(path).body["rate_limited"], false);
}

TEST_F(BulkApiTest, FailedItemsAreRetriedOnRequest) {
  const Answer created = Post("/bulk-jobs", Body());
  FailAll();
  const Answer failed = Get(JobPath(created));
  EXPECT_EQ(failed.body["state"], "failed");
  EXPECT_EQ(failed.body["last_error"]["code"], "video_encoding_error");
  const Answer retried = Post(JobPath(created) + "/retry-failed");
  EXPECT_EQ(retried.status, 200);
  EXPECT_EQ(retried.body["state"], "running");
  EXPECT_EQ(retried.body["items_failed"], 0);
  EXPECT_EQ(retried.body["last_error"], nullptr);
  RenderAll();
  EXPECT_EQ(Get(JobPath(created)).body["items_completed"], 3);
  EXPECT_EQ(Post(JobPath(created) + "/retry-failed").body["state"], "completed")
      << "with nothing to retry, nothing changes";
}

TEST_F(BulkApiTest, AStoreThatIsAwayIsAskedAgainLater) {
  FailingStore away(*store_);
  BulkApi api(away, catalog_, sheets_, clock_, Options());
  away.Fail(true);
  const Answer answer = Ask(api, "GET", "/api/v1/bulk-jobs", "", {});
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.body["error_code"], "service_unavailable");
  EXPECT_EQ(answer.headers.at("Retry-After"), "1");
  EXPECT_EQ(Ask(api, "POST", "/api/v1/bulk-jobs", Body().dump(), {}).status, 503);
  EXPECT_EQ(Ask(api, "GET", "/healthz", "", {}).status, 503);
  away.Fail(false);
  EXPECT_EQ(Ask(api, "POST", "/api/v1/bulk-jobs", Body().dump(), {}).status, 201);
}

// A sheet somewhere else, as a network sees it.
class FarSheets final : public SheetSource {
 public:
  absl::StatusOr<Sheet> Read(const std::string&, absl::string_view, const SheetRange&) override {
    return answer;
  }
  absl::Status answer;
};

TEST_F(BulkApiTest, ASheetThatCannotBeReadNowSaysWhetherToTryAgain) {
  FarSheets far;
  BulkApi api(*store_, catalog_, far, clock_, Options());
  const auto status_of = [&](const absl::Status& answer) {
    far.answer = answer;
    return Ask(api, "POST", "/api/v1/bulk-jobs", Body().dump(), {}).status;
  };
  EXPECT_EQ(status_of(absl::UnavailableError("503 there")), 503);
  EXPECT_EQ(status_of(absl::DeadlineExceededError("no answer")), 504);
  EXPECT_EQ(status_of(absl::PermissionDeniedError("the sheet is not shared with us")), 403);
  EXPECT_EQ(status_of(absl::InternalError("a bug")), 500);
  EXPECT_TRUE(Get("/bulk-jobs").body["data"].empty());
}

TEST_F(BulkApiTest, ATenantBeyondItsQuotaIsToldWhich) {
  BulkApiOptions options = Options();
  options.quotas.everybody.items_open_max = 100;
  options.quotas.tenants["acme"].items_open_max = 4;
  BulkApi api(*store_, catalog_, sheets_, clock_, options);
  const auto post = [&](const HttpFields& headers) {
    return Ask(api, "POST", "/api/v1/bulk-jobs", Body().dump(), headers);
  };
  const Answer made = post({{"idempotency-key", "k1"}});
  EXPECT_EQ(made.status, 201);
  const Answer refused = post({});
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(refused.body["error_code"], "quota_exceeded");
  EXPECT_THAT(refused.body["error_message"].get<std::string>(), HasSubstr("at most 4"));
  EXPECT_EQ(post({{"idempotency-key", "k1"}}).status, 200);
  Post(JobPath(made) + "/cancel");
  EXPECT_EQ(post({}).status, 201);
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
  const Answer elsewhere = Get(absl::StrCat("/bulk-jobs?page_token=", token));
  EXPECT_EQ(elsewhere.status, 400);
  EXPECT_EQ(elsewhere.body["detail"][0]["pointer"], "?page_token");
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

TEST_F(BulkApiTest, TheDocumentAndTheServerHaveTheSameOperationsAndScopes) {
  UseKey("");
  const Answer document = Get("/openapi.json");
  ASSERT_EQ(document.status, 200);
  std::set<std::string> documented;
  for (const auto& [path, operations] : document.body["paths"].items()) {
    for (const auto& [method, operation] : operations.items()) {
      if (method != "parameters") {
        const json& security = operation["security"];
        const std::string scope = security.empty() ? "nobody" : security[0]["apiKey"].dump();
        documented.insert(absl::StrCat(absl::AsciiStrToUpper(method), " ", path, " ", scope));
      }
    }
  }
  std::vector<ApiOperation> operations = BulkApi::Operations();
  for (const auto& others : {AdminApi::Operations(), NodeApi::Operations()}) {
    operations.insert(operations.end(), others.begin(), others.end());
  }
  std::set<std::string> served;
  for (const ApiOperation& operation : operations) {
    std::string scope = operation.any_key ? "[]" : "nobody";
    if (operation.scope.has_value()) {
      scope = absl::StrCat("[\"", ScopeName(*operation.scope), "\"]");
    }
    served.insert(absl::StrCat(operation.method, " ", operation.path, " ", scope));
  }
  EXPECT_EQ(documented, served);
}

TEST_F(BulkApiTest, HealthNeedsNoKey) {
  UseKey("");
  const Answer health = Ask("GET", "/healthz", "", {});
  EXPECT_EQ(health.status, 200);
  EXPECT_EQ(health.body["status"], "ok");
}

}  // namespace
}  // namespace rn
