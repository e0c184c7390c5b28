// Google's token server and Google Sheets, as far as spreadsheets.values.get goes: over TLS, with
// its error bodies. It believes no token that it did not give and no assertion whose signature,
// audience or times are wrong.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mutex.h"
#include "base/status.h"
#include "catalog/csv.h"
#include "catalog/sheet.h"
#include "coordinator/http_server.h"
#include "tests/fakes/test_ca.h"

namespace rn {

// An RSA key, and the file that Google hands out for it.
class FakeServiceAccount {
 public:
  explicit FakeServiceAccount(std::string email, int bits = 2048)
      : email_(std::move(email)), key_(EVP_RSA_gen(static_cast<unsigned>(bits)), &EVP_PKEY_free) {}

  const std::string& email() const { return email_; }

  nlohmann::json Json() const {
    return {{"type", "service_account"},
            {"project_id", "test"},
            {"private_key_id", "key-1"},
            {"private_key", Pem()},
            {"client_email", email_},
            {"token_uri", "https://oauth2.googleapis.com/token"}};
  }

  static void Write(const std::filesystem::path& path, const std::string& text) {
    CHECK(WriteFileDurably(path, text).ok());
    std::filesystem::permissions(
        path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }
  void Write(const std::filesystem::path& path) const { Write(path, Json().dump()); }

  std::string Pem() const {
    BIO* bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
    char* data = nullptr;
    const auto size = BIO_get_mem_data(bio, &data);
    const std::string pem(data, static_cast<std::size_t>(size));
    BIO_free(bio);
    return pem;
  }

  // Whether `signature` is this key's, over `text`, with RS256.
  bool Signed(const std::string& text, const std::string& signature) const {
    const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(),
                                                                     &EVP_MD_CTX_free);
    return EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1 &&
           EVP_DigestVerify(context.get(),
                            reinterpret_cast<const unsigned char*>(signature.data()),
                            signature.size(),
                            reinterpret_cast<const unsigned char*>(text.data()),
                            text.size()) == 1;
  }

 private:
  const std::string email_;
  const std::shared_ptr<EVP_PKEY> key_;
};

// Thread-safe.
class FakeGoogle {
 public:
  using Rows = std::vector<std::vector<std::string>>;

  // `clock` is what assertions and tokens are held against; it outlives us.
  FakeGoogle(const TestIdentity& identity, Clock& clock) : clock_(clock) {
    auto server = HttpServer::Start(
        {.port = 0, .tls = HttpTlsOptions{identity.certificate, identity.key}},
        [this](const HttpRequest& request) { return Handle(request); },
        clock_);
    CHECK(server.ok());
    server_ = *std::move(server);
  }
  ~FakeGoogle() { server_->Stop(); }

  std::string Url() const { return absl::StrCat("https://localhost:", server_->port()); }
  std::string TokenUrl() const { return absl::StrCat(Url(), "/token"); }

  void AddAccount(const FakeServiceAccount& account) {
    MutexLock lock(mutex_);
    accounts_.push_back(account);
  }
  void AddApiKey(const std::string& key) {
    MutexLock lock(mutex_);
    api_keys_.insert(key);
  }
  // Readable by whoever `shared_with` names; "anyone" is everybody.
  void PutSheet(const std::string& id, const std::string& shared_with, const Rows& rows) {
    PutTab(id, "Sheet1", rows);
    MutexLock lock(mutex_);
    shared_[id].insert(shared_with);
  }
  void PutTab(const std::string& id, const std::string& tab, const Rows& rows) {
    MutexLock lock(mutex_);
    sheets_[id].emplace_back(tab, rows);
  }

  // Instead of an answer of its own, to the next request for the token or for values.
  void NextToken(const HttpResponse& response) {
    MutexLock lock(mutex_);
    token_script_.push_back(Copy(response));
  }
  void NextValues(const HttpResponse& response) {
    MutexLock lock(mutex_);
    values_script_.push_back(Copy(response));
  }
  void WithdrawTokens() {
    MutexLock lock(mutex_);
    tokens_.clear();
  }
  void set_token_lives(absl::Duration lives) {
    MutexLock lock(mutex_);
    token_lives_ = lives;
  }

  int tokens_given() const {
    MutexLock lock(mutex_);
    return tokens_given_;
  }
  int values_asked() const {
    MutexLock lock(mutex_);
    return values_asked_;
  }

  static HttpResponse Answer(int status, const nlohmann::json& json, HttpFields headers = {}) {
    HttpResponse response;
    response.status = status;
    response.headers = std::move(headers);
    response.headers.emplace_back("Content-Type", "application/json; charset=UTF-8");
    response.body = json.dump();
    return response;
  }
  static HttpResponse Error(int status,
                            const std::string& name,
                            const std::string& message,
                            const std::string& reason = "",
                            HttpFields headers = {}) {
    nlohmann::json error = {{"code", status}, {"message", message}, {"status", name}};
    if (!reason.empty()) {
      error["details"] = {{{"@type", "type.googleapis.com/google.rpc.ErrorInfo"},
                           {"reason", reason},
                           {"domain", "googleapis.com"}}};
    }
    return Answer(status, {{"error", error}}, std::move(headers));
  }

 private:
  struct Token {
    std::string email;
    absl::Time expires;
  };

  HttpResponse Handle(const HttpRequest& request) {
    MutexLock lock(mutex_);
    if (request.path == "/token") {
      return GiveToken(request);
    }
    ++values_asked_;
    if (std::optional<HttpResponse> scripted = Take(values_script_)) {
      return *std::move(scripted);
    }
    return Values(request);
  }

  static HttpResponse Copy(const HttpResponse& response) {
    HttpResponse copy;
    copy.status = response.status;
    copy.headers = response.headers;
    copy.body = response.body;
    return copy;
  }

  static std::optional<HttpResponse> Take(std::deque<HttpResponse>& script) {
    if (script.empty()) {
      return std::nullopt;
    }
    HttpResponse next = std::move(script.front());
    script.pop_front();
    return next;
  }

  static HttpResponse Grant(int status, const std::string& error, const std::string& description) {
    return Answer(status, {{"error", error}, {"error_description", description}});
  }

  HttpResponse GiveToken(const HttpRequest& request) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (std::optional<HttpResponse> scripted = Take(token_script_)) {
      return *std::move(scripted);
    }
    const auto form = ParseTarget(absl::StrCat("/?", request.body));
    std::map<std::string, std::string> fields;
    if (form.ok()) {
      fields.insert(form->second.begin(), form->second.end());
    }
    if (request.method != "POST" ||
        fields["grant_type"] != "urn:ietf:params:oauth:grant-type:jwt-bearer") {
      return Grant(400, "unsupported_grant_type", "Invalid grant_type");
    }
    const std::vector<std::string> parts = absl::StrSplit(fields["assertion"], '.');
    std::string header, claims, signature;
    if (parts.size() != 3 || !absl::WebSafeBase64Unescape(parts[0], &header) ||
        !absl::WebSafeBase64Unescape(parts[1], &claims) ||
        !absl::WebSafeBase64Unescape(parts[2], &signature)) {
      return Grant(400, "invalid_grant", "Bad JWT");
    }
    const auto said = nlohmann::json::parse(claims, nullptr, false);
    const auto form_of = nlohmann::json::parse(header, nullptr, false);
    const auto account =
        std::find_if(accounts_.begin(), accounts_.end(), [&](const FakeServiceAccount& one) {
          return one.email() == said.value("iss", "");
        });
    if (account == accounts_.end()) {
      return Grant(400, "invalid_grant", "Invalid grant: account not found");
    }
    if (form_of.value("alg", "") != "RS256" || form_of.value("kid", "") != "key-1" ||
        !account->Signed(absl::StrCat(parts[0], ".", parts[1]), signature)) {
      return Grant(400, "invalid_grant", "Invalid JWT Signature.");
    }
    const absl::Time issued = absl::FromUnixSeconds(said.value("iat", 0LL));
    const absl::Time expires = absl::FromUnixSeconds(said.value("exp", 0LL));
    if (issued > clock_.Now() + absl::Minutes(5) || expires < clock_.Now() ||
        expires - issued > absl::Hours(1)) {
      return Grant(400, "invalid_grant", "Invalid JWT: Token must be a short-lived token");
    }
    if (said.value("aud", "") != TokenUrl() ||
        said.value("scope", "") != "https://www.googleapis.com/auth/spreadsheets.readonly") {
      return Grant(401, "invalid_scope", "Invalid audience or scope");
    }
    const std::string token = absl::StrCat("ya29.token-", ++tokens_given_);
    tokens_[token] = {account->email(), clock_.Now() + token_lives_};
    return Answer(200,
                  {{"access_token", token},
                   {"expires_in", absl::ToInt64Seconds(token_lives_)},
                   {"token_type", "Bearer"}});
  }

  HttpResponse Values(const HttpRequest& request) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    std::string who = "nobody";
    if (const auto key = request.Header("x-goog-api-key"); key.has_value()) {
      if (api_keys_.count(*key) == 0) {
        return Error(400,
                     "INVALID_ARGUMENT",
                     "API key not valid. Please pass a valid API key.",
                     "API_KEY_INVALID");
      }
    } else {
      std::string token = request.Header("authorization").value_or("");
      const auto known = tokens_.find(std::string(absl::StripPrefix(token, "Bearer ")));
      if (known == tokens_.end() || known->second.expires <= clock_.Now()) {
        return Error(401,
                     "UNAUTHENTICATED",
                     "Request had invalid authentication credentials. Expected OAuth 2 access "
                     "token, login cookie or other valid authentication credential.");
      }
      who = known->second.email;
    }
    // The path is decoded: /v4/spreadsheets/<id>/values/<range>, and a tab may hold a slash.
    absl::string_view rest = request.path;
    const bool known_path = absl::ConsumePrefix(&rest, "/v4/spreadsheets/");
    const std::size_t mark = rest.find("/values/");
    if (!known_path || mark == absl::string_view::npos || request.method != "GET" ||
        request.Query("majorDimension") != "ROWS" ||
        request.Query("valueRenderOption") != "FORMATTED_VALUE") {
      return Error(400, "INVALID_ARGUMENT", "Invalid request");
    }
    const std::string id(rest.substr(0, mark));
    const std::string range_text(rest.substr(mark + 8));
    const auto sheet = sheets_.find(id);
    if (sheet == sheets_.end()) {
      return Error(404, "NOT_FOUND", "Requested entity was not found.");
    }
    if (shared_[id].count("anyone") == 0 && shared_[id].count(who) == 0) {
      return Error(403, "PERMISSION_DENIED", "The caller does not have permission");
    }
    const auto range = SheetRange::Parse(range_text);
    const auto tab = std::find_if(sheet->second.begin(), sheet->second.end(), [&](const auto& one) {
      return range.ok() && (range->tab.empty() || range->tab == one.first);
    });
    if (tab == sheet->second.end()) {
      return Error(400, "INVALID_ARGUMENT", "Unable to parse range: " + range_text);
    }
    return Answer(200, Cut(tab->second, *range));
  }

  // As Google does: what is empty at the ends of rows and of the range is left out.
  static nlohmann::json Cut(const Rows& rows, const SheetRange& range) {
    nlohmann::json values = nlohmann::json::array();
    for (int row = range.first_row; row <= range.last_row && row <= static_cast<int>(rows.size());
         ++row) {
      std::vector<std::string> cells = rows[static_cast<std::size_t>(row) - 1];
      cells.resize(std::min<std::size_t>(cells.size(), range.last_column));
      while (!cells.empty() && cells.back().empty()) {
        cells.pop_back();
      }
      values.push_back(cells);
    }
    while (!values.empty() && values.back().empty()) {
      values.erase(values.size() - 1);
    }
    nlohmann::json answer = {{"range", "Sheet1!A1:Z1000"}, {"majorDimension", "ROWS"}};
    if (!values.empty()) {
      answer["values"] = std::move(values);
    }
    return answer;
  }

  Clock& clock_;  // Outlives us.
  std::unique_ptr<HttpServer> server_;

  mutable Mutex mutex_;
  std::vector<FakeServiceAccount> accounts_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> api_keys_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::vector<std::pair<std::string, Rows>>> sheets_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::set<std::string>> shared_ ABSL_GUARDED_BY(mutex_);
  std::deque<HttpResponse> token_script_ ABSL_GUARDED_BY(mutex_);
  std::deque<HttpResponse> values_script_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Token> tokens_ ABSL_GUARDED_BY(mutex_);
  absl::Duration token_lives_ ABSL_GUARDED_BY(mutex_) = absl::Seconds(3599);
  int tokens_given_ ABSL_GUARDED_BY(mutex_) = 0;
  int values_asked_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace rn
