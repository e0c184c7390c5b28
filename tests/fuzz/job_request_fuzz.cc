// Bodies that clients send: of a job, of a sheet to be connected, of a template. Whatever is wrong
// with them is said in few and printable words, and what is accepted is within its bounds.
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "base/status.h"
#include "catalog/catalog.h"
#include "coordinator/api_error.h"
#include "coordinator/job_request.h"
#include "coordinator/json_fields.h"

namespace rn {
namespace {

// What the catalog finds besides is at most a mistake or two for each override.
constexpr std::size_t kProblemsMax = 3 * kFieldErrorsMax;
constexpr std::size_t kMessageBytesMax = 16 << 10;  // It may list every name that is valid.

const Catalog& TestCatalog() {
  static const auto& catalog = *new Catalog(
      *Catalog::Load({.folder = RN_SOURCE_DIR "/templates", .asset_url_base = "http://us"}));
  return catalog;
}

void CheckErrors(const std::vector<FieldError>& errors) {
  CHECK(!errors.empty() && errors.size() <= kProblemsMax);
  for (const FieldError& error : errors) {
    CHECK(error.pointer.empty() || error.pointer.front() == '/');
    CHECK(!error.message.empty() && error.message.size() <= kMessageBytesMax);
  }
  CHECK(nlohmann::json::accept(ValidationResponse(errors).body));
}

// Bytes, at four of them a character at most.
void CheckText(const std::string& text, std::size_t characters_max) {
  CHECK(text.size() <= 4 * characters_max);
  CHECK(!nlohmann::json(text).dump().empty());  // Which refuses what is no UTF-8.
}

void CheckSheet(const SheetRef& sheet) {
  CHECK(!sheet.sheet_id.empty() && sheet.sheet_id.find_first_of("/\\") == std::string::npos);
  CHECK(sheet.sheet_id.front() != '.');
  CheckText(sheet.range_text, 200);
}

void CheckJob(absl::string_view body) {
  const TemplateRef wanted = WantedTemplate(body);
  const auto parsed = ParseBulkJobRequest(body, "job_1", TestCatalog());
  if (const auto* errors = std::get_if<std::vector<FieldError>>(&parsed)) {
    return CheckErrors(*errors);
  }
  const auto& request = std::get<BulkJobRequest>(parsed);
  CHECK(TestCatalog().FindTemplate(wanted.id) != nullptr && wanted.version == 0);
  CheckText(request.title, 200);
  CheckText(request.callback_url, 2048);
  CHECK(request.callback_url.find_first_of("\r\n \t") == std::string::npos);
  CHECK(request.processing_deadline > absl::ZeroDuration());
  CheckSheet(request.sheet);
  CHECK(request.spec.job_id() == "job_1");
  // Another spelling of the same is the same.
  CHECK(BodyDigest(nlohmann::json::parse(body).dump(3)) == BodyDigest(body));
}

void CheckConnect(absl::string_view body) {
  const auto parsed = ParseConnectRequest(body);
  if (const auto* errors = std::get_if<std::vector<FieldError>>(&parsed)) {
    return CheckErrors(*errors);
  }
  CheckSheet(std::get<SheetRef>(parsed));
}

void CheckTemplate(absl::string_view body) {
  std::vector<RequestProblem> problems;
  const auto read = TestCatalog().ReadTemplate(std::string(body), &problems);
  CHECK(read.has_value() == problems.empty());
  for (const RequestProblem& problem : problems) {
    CHECK(!problem.message.empty());
  }
}

}  // namespace
}  // namespace rn

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const absl::string_view body(reinterpret_cast<const char*>(data), size);
  rn::CheckJob(body);
  rn::CheckConnect(body);
  rn::CheckTemplate(body);
  CHECK(rn::BodyDigest(body).size() == 64);
  return 0;
}
