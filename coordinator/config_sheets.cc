#include "coordinator/config_sheets.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "coordinator/auth.h"

namespace rn {
namespace {

constexpr char kGoogle[] = "google";
constexpr char kFolder[] = "folder";

std::string NameOf(SheetsFrom source) {
  return source == SheetsFrom::kGoogle ? kGoogle : kFolder;
}

void ReadSource(ConfigReader& reader, const std::string& key, SheetsFrom& target) {
  std::string name = NameOf(target);
  reader.ReadName(key, name, {kFolder, kGoogle});
  target = name == kGoogle ? SheetsFrom::kGoogle : SheetsFrom::kFolder;
}

void ReadFileName(ConfigReader& reader, const std::string& key, std::filesystem::path& target) {
  std::string path = target.string();
  reader.Read(key, path);
  if (!path.empty() && path.front() != '/') {
    reader.Fail(key, absl::StrCat("\"", path, "\" is not an absolute path"));
  }
  target = path;
}

// `authority` may go on with a path.
bool IsThisMachine(absl::string_view authority) {
  const absl::string_view host = authority.substr(0, authority.find('/'));
  for (const char* name : {"127.0.0.1", "localhost", "[::1]"}) {
    absl::string_view port = host;
    if (absl::ConsumePrefix(&port, name) && (port.empty() || port.front() == ':')) {
      return !absl::StrContains(host, '@');
    }
  }
  return false;
}

void ReadCount(ConfigReader& reader, const std::string& key, int& target, int min, int max) {
  std::int64_t value = target;
  reader.Read(key, value, min, max);
  target = static_cast<int>(value);
}

// Keys and tokens go there: in the clear to this machine alone.
void ReadServer(ConfigReader& reader, const std::string& key, std::string& target) {
  reader.Read(key, target);
  absl::string_view rest = target;
  const bool https = absl::ConsumePrefix(&rest, "https://");
  const bool local = absl::ConsumePrefix(&rest, "http://") && IsThisMachine(rest);
  if ((!https && !local) || rest.empty() || absl::EndsWith(target, "/")) {
    reader.Fail(
        key,
        absl::StrCat("\"",
                     target,
                     "\" is not a URL as \"https://sheets.googleapis.com\", without a slash "
                     "at its end; \"http://\" may only lead to this machine"));
  }
}

GoogleCredentialFiles ReadCredentials(ConfigReader& reader, const std::string& table) {
  GoogleCredentialFiles files;
  ReadFileName(reader, absl::StrCat(table, ".service_account_file"), files.service_account_file);
  ReadFileName(reader, absl::StrCat(table, ".api_key_file"), files.api_key_file);
  if (!files.service_account_file.empty() && !files.api_key_file.empty()) {
    reader.Fail(absl::StrCat(table, ".api_key_file"), "goes instead of service_account_file");
  }
  return files;
}

void ReadGoogle(ConfigReader& reader, int handler_threads, GoogleSheetsOptions& google) {
  GoogleCallOptions& calls = google.calls;
  ReadServer(reader, "sheets.google.api_url", google.api_url);
  ReadServer(reader, "sheets.google.token_url", google.token_url);
  google.everybody = ReadCredentials(reader, "sheets.google");
  ReadFileName(reader, "sheets.google.ca_file", calls.ca_file);
  reader.Read("sheets.google.timeout", calls.timeout, absl::Seconds(1), absl::Minutes(5));
  reader.Read(
      "sheets.google.attempt_timeout", calls.attempt_timeout, absl::Seconds(1), absl::Minutes(5));
  ReadCount(reader, "sheets.google.attempts_max", calls.attempts_max, 1, 20);
  reader.Read(
      "sheets.google.backoff_min", calls.backoff_min, absl::Milliseconds(10), absl::Minutes(1));
  reader.Read(
      "sheets.google.backoff_max", calls.backoff_max, absl::Milliseconds(10), absl::Minutes(5));
  if (calls.backoff_min > calls.backoff_max) {
    reader.Fail("sheets.google.backoff_min", "must not be above sheets.google.backoff_max");
  }
  reader.ReadBytes("sheets.google.answer_max", calls.answer_bytes_max, 1 << 10, 256 << 20);
  google.concurrency_max = std::min(google.concurrency_max, std::max(1, handler_threads - 1));
  ReadCount(reader, "sheets.google.concurrency_max", google.concurrency_max, 1, 256);
}

}  // namespace

bool SheetsConfig::uses_google() const {
  return routing.everybody == SheetsFrom::kGoogle ||
         std::any_of(routing.tenants.begin(), routing.tenants.end(), [](const auto& tenant) {
           return tenant.second == SheetsFrom::kGoogle;
         });
}

void ReadSheets(ConfigReader& reader, int handler_threads, SheetsConfig& sheets) {
  ReadSource(reader, "sheets.source", sheets.routing.everybody);
  reader.ReadBytes("sheets.file_max", sheets.folder.file_bytes_max, 1 << 10, 64 << 20);
  ReadCount(reader, "sheets.per_tenant_max", sheets.folder.per_tenant_max, 0, 100'000);
  ReadCount(reader, "sheets.uploads_max", sheets.uploads_max, 1, 1000);
  ReadGoogle(reader, handler_threads, sheets.google);
  for (const std::string& tenant : reader.TablesIn("sheets.tenants")) {
    const std::string table = absl::StrCat("sheets.tenants.", tenant);
    if (const absl::Status valid = CheckTenantName(tenant); !valid.ok()) {
      reader.Fail(table, valid.message());
    }
    SheetsFrom& source =
        sheets.routing.tenants.emplace(tenant, sheets.routing.everybody).first->second;
    ReadSource(reader, absl::StrCat(table, ".source"), source);
    GoogleCredentialFiles files = ReadCredentials(reader, table);
    if (source == SheetsFrom::kGoogle && files.none() && sheets.google.everybody.none()) {
      reader.Fail(absl::StrCat(table, ".service_account_file"),
                  "must be given, or api_key_file, here or in [sheets.google]");
    }
    if (!files.none()) {
      sheets.google.tenants.emplace(tenant, std::move(files));
    }
  }
  if (sheets.routing.everybody == SheetsFrom::kGoogle && sheets.google.everybody.none()) {
    reader.Fail("sheets.google.service_account_file",
                "must be given, or sheets.google.api_key_file, with sheets.source = \"google\"");
  }
  if (sheets.uses_google() && sheets.google.concurrency_max >= handler_threads &&
      handler_threads > 1) {
    reader.Fail("sheets.google.concurrency_max",
                absl::StrCat("must be below http.handler_threads = ",
                             handler_threads,
                             ": whoever waits for Google holds one"));
  }
}

}  // namespace rn
