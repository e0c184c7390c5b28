#include "coordinator/job_request.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "coordinator/job_json.h"
#include "coordinator/json_fields.h"
#include "coordinator/sheet_source.h"

namespace rn {
namespace {

using nlohmann::json;

constexpr int kTitleCharactersMax = 200;
constexpr int kNameCharactersMax = 200;
constexpr int kUrlCharactersMax = 2048;
constexpr std::size_t kOverridesMax = 100;
constexpr std::int64_t kTemplateVersionMax = 1'000'000'000;
constexpr std::int64_t kDeadlineMsMin = 1'000;
constexpr std::int64_t kDeadlineMsMax = 7LL * 24 * 3600 * 1000;

// What every object store accepts as a bucket's name.
bool ValidBucket(absl::string_view name) {
  const auto alphanumeric = [](char c) { return absl::ascii_isdigit(c) || absl::ascii_islower(c); };
  return name.size() >= 3 && name.size() <= 63 && alphanumeric(name.front()) &&
         alphanumeric(name.back()) && !absl::StrContains(name, "..") &&
         std::all_of(name.begin(), name.end(), [&](char c) {
           return alphanumeric(c) || c == '-' || c == '.';
         });
}

bool ValidHttpUrl(absl::string_view url) {
  const bool http =
      absl::StartsWithIgnoreCase(url, "https://") || absl::StartsWithIgnoreCase(url, "http://");
  const std::size_t host = url.find("://") + 3;
  return http && url.size() > host && (absl::ascii_isalnum(url[host]) || url[host] == '[') &&
         std::all_of(url.begin(), url.end(), [](char c) {
           return absl::ascii_isgraph(c) || static_cast<unsigned char>(c) >= 0x80;
         });
}

void ReadSheet(JsonFields& fields, SheetRef& sheet) {
  if (fields.String("sheet_id", Presence::kRequired, kNameCharactersMax, sheet.sheet_id)) {
    if (const absl::Status valid = CheckSheetId(sheet.sheet_id); !valid.ok()) {
      fields.Fail("sheet_id", std::string(valid.message()));
    }
  }
  if (!fields.String("range", Presence::kRequired, kNameCharactersMax, sheet.range_text)) {
    return;
  }
  if (auto range = SheetRange::Parse(sheet.range_text); range.ok()) {
    sheet.range = *std::move(range);
  } else {
    fields.Fail("range", std::string(range.status().message()));
  }
}

void ReadInput(const json& input, std::vector<FieldError>& errors, SheetRef& sheet) {
  JsonFields fields(input, "/input_source", errors);
  std::string type;
  fields.Name("type", Presence::kRequired, {"sheet"}, type);
  ReadSheet(fields, sheet);
  fields.Finish();
}

void ReadOutput(const json& output, std::vector<FieldError>& errors, JobRequest& render) {
  JsonFields fields(output, "/output", errors);
  std::string only;
  fields.Name("format", Presence::kOptional, {"mp4"}, only);
  fields.Name("video_codec", Presence::kOptional, {"h264"}, only);
  fields.Name("audio_codec", Presence::kOptional, {"aac"}, only);
  fields.Name("resolution", Presence::kOptional, Catalog::resolutions(), render.resolution);
  fields.Name(
      "aspect_ratio", Presence::kOptional, {"16:9", "9:16", "1:1", "4:5"}, render.aspect_ratio);
  if (fields.String(
          "output_bucket", Presence::kRequired, kNameCharactersMax, render.output_bucket) &&
      !ValidBucket(render.output_bucket)) {
    fields.Fail("output_bucket",
                "must be 3 to 63 lower-case letters, digits, \"-\" and \".\", with a letter or "
                "digit at both ends");
  }
  fields.Finish();
}

// Strings as they are, numbers and booleans as JSON spells them: template variables are text.
void ReadOverrides(const json& overrides, std::vector<FieldError>& errors, JobRequest& render) {
  JsonFields fields(overrides, "/template/overrides", errors);
  if (overrides.size() > kOverridesMax) {
    errors.push_back(
        {"/template/overrides", absl::StrCat("at most ", kOverridesMax, " overrides")});
    return;
  }
  for (const auto& [name, value] : overrides.items()) {
    if (value.is_string() && absl::StrContains(value.get_ref<const std::string&>(), '\0')) {
      fields.Fail(name, "must not hold the character U+0000");
    } else if (value.is_string()) {
      render.overrides[name] = value.get<std::string>();
    } else if (value.is_number() || value.is_boolean()) {
      render.overrides[name] = value.dump();
    } else if (!value.is_null()) {
      fields.Fail(name, "must be a string, a number or a boolean");
    }
  }
}

void ReadTemplate(const json& object,
                  std::vector<FieldError>& errors,
                  JobRequest& render,
                  std::int64_t& version) {
  JsonFields fields(object, "/template", errors);
  fields.String("template_id", Presence::kRequired, kNameCharactersMax, render.template_id);
  fields.Integer("version", Presence::kOptional, 1, kTemplateVersionMax, version);
  if (const json* overrides = fields.Object("overrides", Presence::kOptional)) {
    ReadOverrides(*overrides, errors, render);
  }
  fields.Finish();
}

void ReadCallback(JsonFields& fields, std::string& callback_url) {
  if (fields.String("callback_url", Presence::kOptional, kUrlCharactersMax, callback_url) &&
      !ValidHttpUrl(callback_url)) {
    fields.Fail("callback_url", "must be an http:// or https:// URL");
  }
}

void ReadJob(const json& document,
             std::vector<FieldError>& errors,
             BulkJobRequest& request,
             JobRequest& render) {
  JsonFields fields(document, "", errors);
  fields.String("title", Presence::kRequired, kTitleCharactersMax, request.title);
  std::string priority;
  if (fields.Name("priority", Presence::kOptional, JobPriorityNames(), priority)) {
    request.priority = *JobPriorityFromName(priority);
  }
  std::int64_t deadline_ms = 0;
  if (fields.Integer("processing_deadline_ms",
                     Presence::kOptional,
                     kDeadlineMsMin,
                     kDeadlineMsMax,
                     deadline_ms)) {
    request.processing_deadline = absl::Milliseconds(deadline_ms);
  }
  if (const json* input = fields.Object("input_source", Presence::kRequired)) {
    ReadInput(*input, errors, request.sheet);
  }
  if (const json* output = fields.Object("output", Presence::kRequired)) {
    ReadOutput(*output, errors, render);
  }
  if (const json* tmpl = fields.Object("template", Presence::kRequired)) {
    std::int64_t version = 0;
    ReadTemplate(*tmpl, errors, render, version);
    if (version != 0 && render.uploaded == nullptr) {
      errors.push_back(
          {"/template/version", "there is no such version; only uploaded templates have versions"});
    }
  }
  ReadCallback(fields, request.callback_url);
  fields.Finish();
}

// What the catalog says of values that were readable; a place that already has a mistake keeps
// that one.
void BuildSpec(const JobRequest& render,
               const Catalog& catalog,
               std::vector<FieldError>& errors,
               BulkJobRequest& request) {
  if (render.template_id.empty()) {
    return;
  }
  std::vector<RequestProblem> problems;
  if (auto built = catalog.BuildJobSpec(render, &problems); built.has_value()) {
    const CatalogTemplate* used =
        render.uploaded != nullptr ? render.uploaded : catalog.FindTemplate(render.template_id);
    request.spec = *std::move(built);
    request.outline = used->outline;
  }
  for (RequestProblem& problem : problems) {
    const bool known = std::any_of(errors.begin(), errors.end(), [&](const FieldError& error) {
      return error.pointer == problem.pointer;
    });
    if (!known) {
      errors.push_back({std::move(problem.pointer), std::move(problem.message)});
    }
  }
}

}  // namespace

TemplateRef WantedTemplate(absl::string_view body) {
  std::vector<FieldError> errors;
  const json document = ParseJsonObject(body, errors);
  if (!errors.empty()) {
    return {};
  }
  TemplateRef wanted;
  JobRequest render;
  JsonFields fields(document, "", errors);
  if (const json* tmpl = fields.Object("template", Presence::kOptional)) {
    ReadTemplate(*tmpl, errors, render, wanted.version);
  }
  wanted.id = std::move(render.template_id);
  return wanted;
}

std::variant<BulkJobRequest, std::vector<FieldError>> ParseBulkJobRequest(
    absl::string_view body,
    const std::string& job_id,
    const Catalog& catalog,
    const UploadedTemplates& uploaded) {
  std::vector<FieldError> errors;
  const json document = ParseJsonObject(body, errors);
  if (!errors.empty()) {
    return errors;
  }
  BulkJobRequest request;
  JobRequest render;
  render.job_id = job_id;
  render.uploaded = uploaded.wanted.has_value() ? &*uploaded.wanted : nullptr;
  render.uploaded_ids = uploaded.ids;
  ReadJob(document, errors, request, render);
  BuildSpec(render, catalog, errors, request);
  if (!errors.empty()) {
    return errors;
  }
  return request;
}

std::variant<SheetRef, std::vector<FieldError>> ParseConnectRequest(absl::string_view body) {
  std::vector<FieldError> errors;
  const json document = ParseJsonObject(body, errors);
  if (!errors.empty()) {
    return errors;
  }
  SheetRef sheet;
  JsonFields fields(document, "", errors);
  std::string permissions;
  ReadSheet(fields, sheet);
  fields.Name("share_permissions", Presence::kOptional, {"read"}, permissions);
  fields.Finish();
  if (!errors.empty()) {
    return errors;
  }
  return sheet;
}

std::string BodyDigest(absl::string_view body) {
  std::vector<FieldError> errors;
  const json document = ParseJsonObject(body, errors);
  return Sha256(errors.empty() ? document.dump() : std::string(body));  // Keys sorted, no blanks.
}

}  // namespace rn
