#include "coordinator/google_sheets.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "base/status.h"
#include "catalog/csv.h"
#include "coordinator/json_fields.h"

namespace rn {
namespace {

using Json = nlohmann::json;

std::string Encoded(absl::string_view text) {
  std::string encoded;
  for (const char c : text) {
    if (absl::ascii_isalnum(c) || absl::StrContains("-._~", absl::string_view(&c, 1))) {
      encoded.push_back(c);
    } else {
      absl::StrAppendFormat(&encoded, "%%%02X", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

// In A1 notation, the tab always quoted: "'Bob''s list'!A1:C9".
std::string A1(const SheetRange& range) {
  const std::string cells =
      absl::StrCat("A", range.first_row, ":", ColumnLetters(range.last_column), range.last_row);
  return range.tab.empty()
             ? cells
             : absl::StrCat("'", absl::StrReplaceAll(range.tab, {{"'", "''"}}), "'!", cells);
}

// What Google's error envelope says.
struct GoogleError {
  int http_status = 0;
  std::string status;   // "PERMISSION_DENIED"
  std::string message;  // For people, fit to be quoted.
  std::string reason;   // Of google.rpc.ErrorInfo: "SERVICE_DISABLED"
};

const Json* Find(const Json& json, const char* name) {
  const auto field = json.is_object() ? json.find(name) : json.end();
  return field != json.end() ? &*field : nullptr;
}

std::string TextIn(const Json& json, const char* name) {
  const Json* field = Find(json, name);
  return field != nullptr && field->is_string() ? field->get<std::string>() : "";
}

GoogleError ErrorIn(const OutboundAnswer& answer) {
  GoogleError error = {.http_status = answer.status};
  const Json body = Json::parse(answer.body, nullptr, /*allow_exceptions=*/false);
  const Json* said = Find(body, "error");
  if (said == nullptr) {
    return error;
  }
  error.status = TextIn(*said, "status");
  error.message = Quotable(TextIn(*said, "message"));
  const Json* details = Find(*said, "details");
  for (const Json& detail : details != nullptr && details->is_array() ? *details : Json::array()) {
    if (error.reason.empty()) {
      error.reason = TextIn(detail, "reason");
    }
  }
  return error;
}

// The project, the key or the account is at fault, and not who owns the sheet.
bool IsOperators(const GoogleError& error) {
  static const std::set<std::string> reasons = {"ACCESS_TOKEN_EXPIRED",
                                                "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
                                                "ACCOUNT_STATE_INVALID",
                                                "API_KEY_ANDROID_APP_BLOCKED",
                                                "API_KEY_HTTP_REFERRER_BLOCKED",
                                                "API_KEY_INVALID",
                                                "API_KEY_IOS_APP_BLOCKED",
                                                "API_KEY_IP_ADDRESS_BLOCKED",
                                                "API_KEY_SERVICE_BLOCKED",
                                                "BILLING_DISABLED",
                                                "CONSUMER_INVALID",
                                                "CONSUMER_SUSPENDED",
                                                "SERVICE_DISABLED",
                                                "USER_PROJECT_DENIED"};
  return error.http_status == 401 || reasons.count(error.reason) > 0 ||
         absl::StrContains(error.message, "API key");
}

absl::Status StatusOf(const GoogleError& error,
                      absl::string_view sheet_id,
                      const SheetRange& range,
                      const std::string& how_to_share) {
  if (IsOperators(error)) {
    return absl::InternalError(absl::StrCat("Google Sheets answered ",
                                            error.http_status,
                                            " ",
                                            error.status,
                                            " ",
                                            error.reason,
                                            ": ",
                                            error.message));
  }
  switch (error.http_status) {
    case 400:
      return absl::InvalidArgumentError(
          error.status == "FAILED_PRECONDITION"
              ? absl::StrCat("\"",
                             sheet_id,
                             "\" is no Google Sheet but another document: in Google Drive open it "
                             "and choose File, Save as Google Sheets")
              : absl::StrCat("Google Sheets does not know the range ",
                             A1(range),
                             " of this sheet; is there such a tab? (",
                             error.message,
                             ")"));
    case 403:
      return absl::PermissionDeniedError(absl::StrCat(
          "Google Sheets does not let us read sheet \"", sheet_id, "\": ", how_to_share));
    case 404:
      return absl::NotFoundError(
          absl::StrCat("Google Sheets has no sheet \"",
                       sheet_id,
                       "\"; its id is what stands between /d/ and /edit in its address"));
    case 429:
      return absl::ResourceExhaustedError(
          "Google Sheets is asked for too much at present; try again in a minute");
  }
  if (error.http_status == 408 || error.http_status >= 500) {
    return absl::UnavailableError(absl::StrCat("Google Sheets answered ", error.http_status));
  }
  return absl::InternalError(
      absl::StrCat("Google Sheets answered ", error.http_status, " ", error.message));
}

// Empty cells are "" or left out; with FORMATTED_VALUE all others are texts.
std::optional<std::string> CellIn(const Json& value) {
  if (value.is_string()) {
    return value.get<std::string>();
  }
  if (value.is_null()) {
    return "";
  }
  return value.is_primitive() ? std::make_optional(value.dump()) : std::nullopt;
}

absl::StatusOr<std::vector<std::vector<std::string>>> RowsIn(const std::string& body,
                                                             const SheetRange& range) {
  const Json json = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  const absl::Status strange = absl::UnavailableError("Google Sheets' answer holds no rows");
  if (!json.is_object()) {
    return strange;
  }
  std::vector<std::vector<std::string>> rows;
  const Json* values = Find(json, "values");
  if (values == nullptr) {
    return rows;  // All of the range is empty.
  }
  const auto rows_max = static_cast<std::size_t>(range.last_row - range.first_row) + 1;
  if (!values->is_array() || values->size() > rows_max) {
    return strange;
  }
  for (const Json& row : *values) {
    if (!row.is_array()) {
      return strange;
    }
    std::vector<std::string>& cells = rows.emplace_back();
    for (std::size_t i = 0; i < row.size() && i < static_cast<std::size_t>(range.last_column);
         ++i) {
      std::optional<std::string> cell = CellIn(row[i]);
      if (!cell.has_value()) {
        return strange;
      }
      RETURN_IF_ERROR(CheckCell(
          *cell, range.first_row + static_cast<int>(rows.size()) - 1, static_cast<int>(i) + 1));
      cells.push_back(*std::move(cell));
    }
  }
  return rows;
}

}  // namespace

// One of the reads at once, where there is room.
class GoogleSheetSource::Turn {
 public:
  explicit Turn(GoogleSheetSource& source) : source_(source) {
    MutexLock lock(source_.mutex_);
    taken_ = source_.reading_ < source_.options_.concurrency_max;
    source_.reading_ += taken_ ? 1 : 0;
  }
  Turn(const Turn&) = delete;
  ~Turn() {
    MutexLock lock(source_.mutex_);
    source_.reading_ -= taken_ ? 1 : 0;
  }
  bool taken() const { return taken_; }

 private:
  GoogleSheetSource& source_;
  bool taken_ = false;
};

absl::StatusOr<std::unique_ptr<GoogleSheetSource>> GoogleSheetSource::Create(
    const GoogleSheetsOptions& options, Clock& clock) {
  std::unique_ptr<GoogleSheetSource> source(new GoogleSheetSource(options, clock));
  for (const auto& [tenant, files] : options.tenants) {
    ASSIGN_OR_RETURN(source->tenants_[tenant],
                     GoogleCredentials::Open(files, options.token_url, source->caller_, clock));
  }
  if (!options.everybody.none()) {
    ASSIGN_OR_RETURN(
        source->everybody_,
        GoogleCredentials::Open(options.everybody, options.token_url, source->caller_, clock));
  }
  return source;
}

GoogleSheetSource::GoogleSheetSource(const GoogleSheetsOptions& options, Clock& clock)
    : options_(options), caller_(options.calls, clock) {}

GoogleCredentials* GoogleSheetSource::CredentialsOf(const std::string& tenant) const {
  const auto own = tenants_.find(tenant);
  return own != tenants_.end() ? own->second.get() : everybody_.get();
}

absl::StatusOr<Sheet> GoogleSheetSource::Read(const std::string& tenant,
                                              absl::string_view sheet_id,
                                              const SheetRange& range) {
  RETURN_IF_ERROR(Annotate(CheckSheetId(sheet_id), "sheet_id"));
  GoogleCredentials* credentials = CredentialsOf(tenant);
  if (credentials == nullptr) {
    return absl::InternalError(
        absl::StrCat("tenant ", tenant, " has no credentials for Google Sheets"));
  }
  const Turn turn(*this);
  if (!turn.taken()) {
    return absl::UnavailableError("other sheets are being read from Google; try again");
  }
  ASSIGN_OR_RETURN(const OutboundAnswer answer,
                   Get(*credentials,
                       absl::StrCat(options_.api_url,
                                    "/v4/spreadsheets/",
                                    Encoded(sheet_id),
                                    "/values/",
                                    Encoded(A1(range)),
                                    "?majorDimension=ROWS&valueRenderOption=FORMATTED_VALUE")));
  if (answer.cut) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the range holds more than ", options_.calls.answer_bytes_max, " bytes; split the sheet"));
  }
  if (answer.status != 200) {
    return StatusOf(ErrorIn(answer), sheet_id, range, credentials->HowToShare());
  }
  ASSIGN_OR_RETURN(std::vector<std::vector<std::string>> rows, RowsIn(answer.body, range));
  return ArrangeSheet(std::move(rows), range);
}

absl::StatusOr<OutboundAnswer> GoogleSheetSource::Get(GoogleCredentials& credentials,
                                                      const std::string& url) {
  const absl::Duration until = caller_.Deadline();
  OutboundRequest request = {.url = url};
  ASSIGN_OR_RETURN(std::string header, credentials.Header(until));
  request.headers = {header};
  absl::StatusOr<OutboundAnswer> answer = caller_.Ask(request, until);
  // A token may be withdrawn before its time; a second one is not doubted.
  if (answer.ok() && answer->status == 401 && credentials.Forget(header)) {
    ASSIGN_OR_RETURN(header, credentials.Header(until));
    request.headers = {header};
    return caller_.Ask(request, until);
  }
  return answer;
}

}  // namespace rn
