#include "coordinator/google_credentials.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/secret_file.h"
#include "base/status.h"

namespace rn {
namespace {

using Json = nlohmann::json;

constexpr char kScope[] = "https://www.googleapis.com/auth/spreadsheets.readonly";
constexpr char kGrant[] = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";
constexpr std::int64_t kApiKeyBytesMax = 4096;
constexpr std::size_t kTokenCharsMax = 8192;
constexpr std::size_t kQuoteCharsMax = 300;
constexpr absl::Duration kRenewBefore = absl::Minutes(1);
constexpr absl::Duration kTokenAgeMax = absl::Hours(24);

bool FitForHeader(absl::string_view secret) {
  return std::all_of(secret.begin(), secret.end(), absl::ascii_isgraph);
}

absl::StatusOr<std::string> ReadApiKey(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(std::string key, ReadSecret(path, kApiKeyBytesMax));
  return FitForHeader(key) ? absl::StatusOr<std::string>(std::move(key))
                           : absl::InvalidArgumentError(absl::StrCat(
                                 path.string(), ": must hold an API key and nothing else"));
}

// The operator's to mend, and no client's business.
absl::Status Operators(const absl::Status& status) {
  return absl::InternalError(status.message());
}

std::string TextIn(const Json& json, const char* name) {
  const auto field = json.is_object() ? json.find(name) : json.end();
  return field != json.end() && field->is_string()
             ? field->get<std::string>().substr(0, kQuoteCharsMax)
             : "";
}

}  // namespace

absl::StatusOr<std::unique_ptr<GoogleCredentials>> GoogleCredentials::Open(
    const GoogleCredentialFiles& files,
    const std::string& token_url,
    GoogleCaller& caller,
    Clock& clock) {
  std::unique_ptr<GoogleCredentials> credentials(
      new GoogleCredentials(files, token_url, caller, clock));
  if (!files.api_key_file.empty()) {
    RETURN_IF_ERROR(ReadApiKey(files.api_key_file).status());
    return credentials;
  }
  ASSIGN_OR_RETURN(const ServiceAccount account, ReadServiceAccount(files.service_account_file));
  MutexLock lock(credentials->mutex_);
  credentials->email_ = account.email;
  return credentials;
}

absl::StatusOr<std::string> GoogleCredentials::Header(absl::Duration until) {
  if (!files_.api_key_file.empty()) {
    const auto key = ReadApiKey(files_.api_key_file);
    return key.ok() ? absl::StatusOr<std::string>(absl::StrCat("X-Goog-Api-Key: ", *key))
                    : Operators(key.status());
  }
  MutexLock lock(fetching_);
  if (header_.empty() || clock_.SinceBoot() >= renew_at_) {
    RETURN_IF_ERROR(FetchToken(until));
  }
  return header_;
}

absl::Status GoogleCredentials::FetchToken(absl::Duration until) {
  const auto account = ReadServiceAccount(files_.service_account_file);
  if (!account.ok()) {
    return Operators(account.status());
  }
  {
    MutexLock lock(mutex_);
    email_ = account->email;
  }
  const OutboundRequest request = {
      .method = "POST",
      .url = token_url_,
      .headers = {"Content-Type: application/x-www-form-urlencoded"},
      .body = absl::StrCat("grant_type=",
                           kGrant,
                           "&assertion=",
                           SignedAssertion(*account, token_url_, kScope, clock_.Now()))};
  ASSIGN_OR_RETURN(const OutboundAnswer answer, caller_.Ask(request, until));
  return Annotate(KeepToken(answer), absl::StrCat("access token for ", account->email));
}

absl::Status GoogleCredentials::KeepToken(const OutboundAnswer& answer) {
  if (answer.status == 408 || answer.status == 429 || answer.status >= 500) {
    return absl::UnavailableError(absl::StrCat("Google answered ", answer.status));
  }
  const Json json = Json::parse(answer.body, nullptr, /*allow_exceptions=*/false);
  if (answer.status != 200) {
    return absl::InternalError(absl::StrCat("Google answered ",
                                            answer.status,
                                            " ",
                                            TextIn(json, "error"),
                                            ": ",
                                            TextIn(json, "error_description")));
  }
  const auto token = json.is_object() ? json.find("access_token") : json.end();
  const auto seconds = json.is_object() ? json.find("expires_in") : json.end();
  if (token == json.end() || !token->is_string() || seconds == json.end() ||
      !seconds->is_number()) {
    return absl::InternalError("Google's answer holds no token");
  }
  const std::string text = token->get<std::string>();
  if (text.empty() || text.size() > kTokenCharsMax || !FitForHeader(text)) {
    return absl::InternalError("Google's answer holds a token that is none");
  }
  const absl::Duration lives =
      std::clamp(absl::Seconds(seconds->get<double>()), absl::ZeroDuration(), kTokenAgeMax);
  header_ = absl::StrCat("Authorization: Bearer ", text);
  renew_at_ = clock_.SinceBoot() + lives - kRenewBefore;
  return absl::OkStatus();
}

bool GoogleCredentials::Forget(const std::string& header) {
  MutexLock lock(fetching_);
  if (header == header_) {
    header_.clear();
  }
  return files_.api_key_file.empty();
}

std::string GoogleCredentials::HowToShare() const {
  MutexLock lock(mutex_);
  return email_.empty() ? "share it with \"Anyone with the link\" as Viewer"
                        : absl::StrCat("share it with ", email_, " as Viewer");
}

}  // namespace rn
