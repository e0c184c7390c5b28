#include "coordinator/sheet_uploads.h"

#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/ulid.h"
#include "coordinator/api_error.h"
#include "coordinator/job_json.h"

namespace rn {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kPath[] = "/api/v1/sheets/";
constexpr char kReservedId[] = "connect";  // Of POST /sheets/connect.
constexpr char kCsvType[] = "text/csv";
constexpr char kXlsxType[] = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

Json SheetJson(const StoredSheet& sheet) {
  return {{"sheet_id", sheet.id},
          {"format", SheetFormatName(sheet.format)},
          {"bytes", sheet.bytes},
          {"updated_at", ApiTime(sheet.updated_at)}};
}

std::optional<SheetFormat> FormatOf(const HttpRequest& request) {
  const std::string header = request.Header("content-type").value_or("");
  const absl::string_view type =
      absl::StripAsciiWhitespace(absl::string_view(header).substr(0, header.find(';')));
  const std::string name = absl::AsciiStrToLower(type);
  if (name == kCsvType) {
    return SheetFormat::kCsv;
  }
  return name == kXlsxType ? std::make_optional(SheetFormat::kXlsx) : std::nullopt;
}

HttpResponse Refused(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOutOfRange:
      return ErrorResponse(413, status.message());
    case absl::StatusCode::kResourceExhausted:
      return ErrorResponse(403, "quota_exceeded", status.message());
    default:
      return StatusResponse(status);
  }
}

}  // namespace

HttpResponse SheetUploads::List(const std::string& tenant) {
  const auto sheets = folder_.List(tenant);
  if (!sheets.ok()) {
    return StatusResponse(sheets.status());
  }
  Json data = Json::array();
  for (const StoredSheet& sheet : *sheets) {
    data.push_back(SheetJson(sheet));
  }
  return JsonResponse(200, Json{{"data", std::move(data)}}.dump());
}

HttpResponse SheetUploads::Get(const std::string& tenant, const std::string& id) {
  const auto sheet = folder_.Find(tenant, id);
  return sheet.ok() ? JsonResponse(200, SheetJson(*sheet).dump()) : StatusResponse(sheet.status());
}

HttpResponse SheetUploads::Post(const std::string& tenant, const HttpRequest& request) {
  return Put(tenant, absl::StrCat(kFileSheetPrefix, NewUlid(clock_.Now())), request);
}

HttpResponse SheetUploads::Put(const std::string& tenant,
                               const std::string& id,
                               const HttpRequest& request) {
  if (id == kReservedId) {
    return ErrorResponse(400, absl::StrCat("\"", kReservedId, "\" can be no sheet's id"));
  }
  if (routing_.Of(tenant, id) != SheetsFrom::kFolder) {
    return ErrorResponse(400,
                         absl::StrCat("the id of a sheet that is uploaded must begin with \"",
                                      kFileSheetPrefix,
                                      "\": others are Google's here"));
  }
  const std::optional<SheetFormat> format = FormatOf(request);
  if (!format.has_value()) {
    return ErrorResponse(
        415, absl::StrCat("send a sheet with the Content-Type ", kCsvType, " or ", kXlsxType));
  }
  const auto put = folder_.Put(tenant, id, *format, request.body);
  if (!put.ok()) {
    return Refused(put.status());
  }
  SPDLOG_INFO("sheet put sheet={} format={} bytes={} new={} tenant={} correlation_id={}",
              put->id,
              SheetFormatName(put->format),
              put->bytes,
              put->is_new,
              tenant,
              request.correlation_id);
  HttpResponse response = JsonResponse(put->is_new ? 201 : 200, SheetJson(*put).dump());
  if (put->is_new) {
    response.headers.emplace_back("Location", absl::StrCat(kPath, put->id));
  }
  return response;
}

HttpResponse SheetUploads::Delete(const std::string& tenant,
                                  const std::string& id,
                                  const HttpRequest& request) {
  if (const absl::Status removed = folder_.Remove(tenant, id); !removed.ok()) {
    return StatusResponse(removed);
  }
  SPDLOG_INFO(
      "sheet deleted sheet={} tenant={} correlation_id={}", id, tenant, request.correlation_id);
  HttpResponse response;
  response.status = 204;
  return response;
}

}  // namespace rn
