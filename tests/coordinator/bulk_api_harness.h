// The API over a real store, catalog and sheet folder, driven without a socket.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "coordinator/bulk_api.h"
#include "coordinator/sheet_folder.h"
#include "coordinator/sqlite_store.h"
#include "tests/coordinator/answer_record.h"
#include "tests/coordinator/small_catalog.h"
#include "tests/coordinator/waiting_view.h"
#include "tests/fakes/fake_clock.h"

namespace rn {

class BulkApiHarness {
 protected:
  using json = nlohmann::json;
  static constexpr int kBurst = 20;

  struct Answer {
    int status = 0;
    std::map<std::string, std::string> headers;
    std::string text;
    json body;  // Null when it is no JSON.
  };

  BulkApiHarness() {
    WriteSheet(
        "Title,Script,Image\nOne,Say one,https://x/1.png\nTwo,Say two,https://x/2.png\n"
        "Three,Say three,https://x/3.png\n");
    WriteSheet("Title,Script,Image\nZ,Say z,https://x/z.png\n", "zeta");
  }

  static json Body() {
    return json::parse(R"({
      "title": "Campaign", "priority": "normal",
      "input_source": {"type": "sheet", "sheet_id": "1A2B3C", "range": "A1:Z10"},
      "output": {"format": "mp4", "video_codec": "h264", "audio_codec": "aac",
                 "resolution": "1080p", "output_bucket": "my-campaign-videos"},
      "template": {"template_id": "tpl_promotional", "overrides": {"style": "modern"}}})");
  }

  static json Connect() {
    return {{"sheet_id", "1A2B3C"}, {"range", "A1:Z10"}, {"share_permissions", "read"}};
  }

  void WriteSheet(const std::string& csv, const std::string& tenant = "acme") {
    std::filesystem::create_directories(SheetPath(tenant).parent_path());
    std::ofstream(SheetPath(tenant)) << csv;
  }
  void RemoveSheet() { std::filesystem::remove(SheetPath("acme")); }
  void UseKey(const std::string& key) { key_ = key; }

  Answer Get(const std::string& target) { return Ask("GET", "/api/v1" + target, "", {}); }
  Answer Post(const std::string& target, const json& body = nullptr, HttpFields headers = {}) {
    return Ask("POST", "/api/v1" + target, body.is_null() ? "" : body.dump(), std::move(headers));
  }

  Answer Put(const std::string& target, const json& body) {
    return Ask("PUT", "/api/v1" + target, body.dump(), {});
  }

  Answer Ask(const std::string& method,
             const std::string& target,
             const std::string& body,
             HttpFields headers) {
    return Ask(api_, method, target, body, std::move(headers));
  }

  Answer Ask(BulkApi& api,
             const std::string& method,
             const std::string& target,
             const std::string& body,
             HttpFields headers) {
    HttpRequest request;
    request.method = method;
    auto parsed = ParseTarget(target);
    EXPECT_TRUE(parsed.ok()) << target;
    request.path = parsed->first;
    request.query = parsed->second;
    request.headers = std::move(headers);
    request.headers.emplace_back("authorization", "Bearer " + key_);
    request.body = body;
    const HttpResponse response = api.Handle(request);
    Answer answer{.status = response.status, .text = response.body};
    answer.headers.insert(response.headers.begin(), response.headers.end());
    answer.body = json::parse(response.body, nullptr, /*allow_exceptions=*/false);
    RecordAnswer(request, response);
    return answer;
  }

  static std::string JobPath(const Answer& job) {
    return absl::StrCat("/bulk-jobs/", job.body["id"].get<std::string>());
  }

  // A node that takes and completes, or fails for ever, whatever waits.
  void RenderAll();
  void FailAll();

  const TempDir folder_ = *TempDir::Create("bulk_api");
  SmallCatalog files_;
  const Catalog catalog_ = files_.Load();
  SheetFolder sheets_{folder_.path() / "sheets"};
  FakeClock clock_;
  SheetUploads uploads_{sheets_, {.tenants = {{"zeta", SheetsFrom::kGoogle}}}, clock_};
  std::unique_ptr<Store> store_ = *OpenSqliteStore(folder_.path() / "store.db");
  std::atomic<int> woken_ = 0;
  BulkApiOptions Options() {
    return {.keys = *Authenticator::Create(
                {{.sha256 = Sha256("acme-key"), .tenant = "acme", .scopes = ScopeNames()},
                 {.sha256 = Sha256("reader-key"), .tenant = "acme", .scopes = {"jobs:read"}},
                 {.sha256 = Sha256("zeta-key"), .tenant = "zeta", .scopes = ScopeNames()}}),
            .rate_limit = {.per_second = 10, .burst = kBurst},
            .public_url = "https://us",
            .on_new_work = [this] { ++woken_; },
            .sheet_uploads = &uploads_};
  }
  BulkApi api_{*store_, catalog_, sheets_, clock_, Options()};

 private:
  using MakeResult = std::function<void(const rendernode::Lease&, rendernode::ItemResult&)>;
  void CommitAll(const MakeResult& make);

  std::filesystem::path SheetPath(const std::string& tenant) const {
    return folder_.path() / "sheets" / tenant / "1A2B3C.csv";
  }

  std::string key_ = "acme-key";
};

inline void BulkApiHarness::RenderAll() {
  CommitAll([](const rendernode::Lease& lease, rendernode::ItemResult& result) {
    result.set_outcome(rendernode::SUCCEEDED);
    result.mutable_usage()->set_encoder("libx264");
    auto* video = result.add_artifacts();
    video->set_type(rendernode::Artifact::VIDEO);
    video->set_url(absl::StrCat("/artifacts/", lease.output_prefix(), "video.mp4"));
  });
}

inline void BulkApiHarness::FailAll() {
  CommitAll([](const rendernode::Lease&, rendernode::ItemResult& result) {
    result.set_outcome(rendernode::FAILED);
    result.set_error_code(rendernode::ITEM_ERROR_VIDEO_ENCODING_ERROR);
    result.set_error_message("encoder died");
  });
}

inline void BulkApiHarness::CommitAll(const MakeResult& make) {
  rendernode::OpenSessionRequest open;
  open.set_node_id("node-1");
  ASSERT_TRUE(store_->OpenSession(open, "session-1", clock_.Now()).ok());
  for (const WaitingView& job : ViewWaiting(*store_, /*per_job=*/100, clock_.Now())) {
    const auto leases = store_->Assign("session-1", job.items, clock_.Now());
    ASSERT_TRUE(leases.ok()) << leases.status();
    for (const rendernode::Lease& lease : *leases) {
      rendernode::CommitItemRequest commit;
      commit.set_session("session-1");
      *commit.mutable_ref() = lease.ref();
      make(lease, *commit.mutable_result());
      ASSERT_TRUE(store_->Commit(commit, clock_.Now()).ok());
    }
  }
}

}  // namespace rn
