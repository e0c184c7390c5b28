// Sheets that tenants upload, from PUT to the job that is made of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/coordinator/bulk_api_harness.h"

namespace rn {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kCsv[] = "text/csv; charset=utf-8";
constexpr char kXlsx[] = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

class BulkApiSheetsTest : public ::testing::Test, protected BulkApiHarness {
 protected:
  Answer Upload(const std::string& method,
                const std::string& path,
                const std::string& bytes,
                const std::string& type = kCsv) {
    return Ask(method, "/api/v1/sheets" + path, bytes, {{"content-type", type}});
  }
  Answer Delete(const std::string& path) { return Ask("DELETE", "/api/v1/sheets" + path, "", {}); }
  json JobOf(const std::string& sheet_id) {
    json body = Body();
    body["input_source"]["sheet_id"] = sheet_id;
    return body;
  }
  const std::string rows_ = "Title,Script,Image\nOne,Say one,https://x/1.png\n";
  const std::string workbook_ =
      *ReadFile(std::filesystem::path(RN_SOURCE_DIR) / "tests/catalog/hello.xlsx", 1 << 20);
};

TEST_F(BulkApiSheetsTest, AnUploadedSheetIsUsedByItsId) {
  const Answer put = Upload("PUT", "/spring-sale_1", rows_);
  EXPECT_EQ(put.status, 201) << put.text;
  EXPECT_EQ(put.headers.at("Location"), "/api/v1/sheets/spring-sale_1");
  EXPECT_EQ(put.body["sheet_id"], "spring-sale_1");
  EXPECT_EQ(put.body["format"], "csv");
  EXPECT_EQ(put.body["bytes"], rows_.size());
  EXPECT_EQ(Get("/sheets/spring-sale_1").body, put.body);
  EXPECT_EQ(Post("/bulk-jobs", JobOf("spring-sale_1")).body["items_total"], 1);
  const Answer again = Upload("PUT", "/spring-sale_1", rows_ + "Two,Say two,https://x/2.png\n");
  EXPECT_EQ(again.status, 200) << again.text;
  EXPECT_EQ(Post("/bulk-jobs", JobOf("spring-sale_1")).body["items_total"], 2);
  EXPECT_EQ(Delete("/spring-sale_1").status, 204);
  EXPECT_EQ(Delete("/spring-sale_1").status, 404);
  EXPECT_EQ(Post("/bulk-jobs", JobOf("spring-sale_1")).status, 400);
}

TEST_F(BulkApiSheetsTest, AWorkbookMayBePostedWithoutAnId) {
  const Answer made = Upload("POST", "", workbook_, kXlsx);
  EXPECT_EQ(made.status, 201) << made.text;
  const std::string id = made.body["sheet_id"];
  EXPECT_THAT(id, StartsWith("file_"));
  EXPECT_EQ(made.body["format"], "xlsx");
  const Answer seen = Post("/sheets/connect",
                           {{"sheet_id", id}, {"range", "A1:Z100"}, {"share_permissions", "read"}});
  EXPECT_EQ(seen.status, 200) << seen.text;
  EXPECT_EQ(seen.body["sample"]["preview"][0][0], "Hello");
  const Answer listed = Get("/sheets");
  ASSERT_EQ(listed.body["data"].size(), 2u) << "and the one that was there";
  EXPECT_EQ(listed.body["data"][1], made.body);
}

TEST_F(BulkApiSheetsTest, WhatIsNoSheetIsRefusedWithItsMistake) {
  const Answer damaged = Upload("PUT", "/s", "a,\"b\n");
  EXPECT_EQ(damaged.status, 400);
  EXPECT_THAT(damaged.text, HasSubstr("row 1, column B"));
  EXPECT_EQ(Upload("PUT", "/s", "a,b,c\n", kXlsx).status, 400);
  for (const char* type : {"", "application/json", "application/vnd.ms-excel", "text/csvx"}) {
    const Answer refused = Upload("POST", "", rows_, type);
    EXPECT_EQ(refused.status, 415) << type;
    EXPECT_EQ(refused.body["error_code"], "unsupported_media_type");
  }
  EXPECT_EQ(Upload("PUT", "/connect", rows_).status, 400);
  EXPECT_EQ(Upload("PUT", "/..%2Fzeta%2Fx", rows_).status, 404);
  EXPECT_EQ(Upload("PUT", "/a.b", rows_).status, 404);
  EXPECT_EQ(Upload("PUT", "/s", rows_).status, 201);
  const Answer other = Upload("PUT", "/s", workbook_, kXlsx);
  EXPECT_EQ(other.status, 409);
  EXPECT_THAT(other.text, HasSubstr("delete it first"));
}

TEST_F(BulkApiSheetsTest, TooLongAndTooManyAreRefused) {
  SheetFolder folder(folder_.path() / "sheets", {.file_bytes_max = 100, .per_tenant_max = 2});
  SheetUploads uploads(folder, {}, clock_);
  BulkApiOptions options = Options();
  options.sheet_uploads = &uploads;
  BulkApi api(*store_, catalog_, folder, clock_, options);
  const auto put = [&](const std::string& id, const std::string& bytes) {
    return Ask(api, "PUT", "/api/v1/sheets/" + id, bytes, {{"content-type", kCsv}});
  };
  EXPECT_EQ(put("a", std::string(101, 'x')).status, 413);
  EXPECT_EQ(put("a", rows_).status, 201);
  const Answer full = put("b", rows_);
  EXPECT_EQ(full.status, 403);
  EXPECT_EQ(full.body["error_code"], "quota_exceeded");
}

TEST_F(BulkApiSheetsTest, WhoseSheetsAreGooglesNamesUploadsApart) {
  UseKey("zeta-key");
  const Answer refused = Upload("PUT", "/rows", rows_);
  EXPECT_EQ(refused.status, 400);
  EXPECT_THAT(refused.text, HasSubstr("file_"));
  EXPECT_EQ(Upload("PUT", "/file_rows", rows_).status, 201);
  EXPECT_EQ(Upload("POST", "", rows_).status, 201);
}

TEST_F(BulkApiSheetsTest, ATenantsSheetsAreItsOwn) {
  ASSERT_EQ(Upload("PUT", "/file_mine", rows_).status, 201);
  UseKey("zeta-key");
  EXPECT_EQ(Get("/sheets/file_mine").status, 404);
  EXPECT_EQ(Delete("/file_mine").status, 404);
  EXPECT_EQ(Upload("PUT", "/file_mine", "Title,Script,Image\n").status, 201);
  UseKey("acme-key");
  EXPECT_EQ(Get("/sheets/file_mine").body["bytes"], rows_.size());
}

TEST_F(BulkApiSheetsTest, ACellThatShowsAnErrorFailsItsRowAlone) {
  Upload("PUT", "/s", "Title,Script,Image\nOne,#REF!,https://x/1.png\nTwo,Say,https://x/2.png\n");
  const Answer created = Post("/bulk-jobs", JobOf("s"));
  EXPECT_EQ(created.status, 201) << created.text;
  EXPECT_EQ(created.body["items_failed"], 1);
  const json failed = Get(JobPath(created) + "/videos?state=failed").body["data"][0];
  EXPECT_EQ(failed["row"], 2);
  EXPECT_EQ(failed["errors"][0]["error_code"], "template_render_error");
  EXPECT_EQ(failed["errors"][0]["error_message"], "cell B2 shows the error #REF!");
}

}  // namespace
}  // namespace rn
