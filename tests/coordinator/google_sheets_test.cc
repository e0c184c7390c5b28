// Google Sheets, good and bad, by a server that speaks as Google's do.
#include "coordinator/google_sheets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <optional>

#include "absl/strings/str_cat.h"
#include "coordinator/google_account.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_google.h"
#include "tests/fakes/scripted_server.h"

namespace rn {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kSheet[] = "1A2B3C4D5E6F7G8H9I0J";
constexpr char kEmail[] = "render@test.iam.gserviceaccount.com";
const FakeGoogle::Rows kRows = {{"Title", "Script", "Image", "Badge"},
                                {"One", "Say one", "https://x/1.png", "New"},
                                {},
                                {"Two", "Say two"}};

// Making RSA keys takes its time.
const FakeServiceAccount& Account() {
  static const FakeServiceAccount account(kEmail);
  return account;
}
const FakeServiceAccount& Stranger() {
  static const FakeServiceAccount account("other@test.iam.gserviceaccount.com");
  return account;
}

class GoogleSheetsTest : public ::testing::Test {
 protected:
  GoogleSheetsTest() {
    signal(SIGPIPE, SIG_IGN);  // Of TLS connections that end early.
    google_.emplace(ca_.Issue("localhost", {.names = "DNS:localhost"}), clock_);
    google_->AddAccount(Account());
    google_->PutSheet(kSheet, kEmail, kRows);
    Account().Write(folder_.path() / "account.json");
    options_.api_url = google_->Url();
    options_.token_url = google_->TokenUrl();
    options_.everybody.service_account_file = folder_.path() / "account.json";
    options_.calls.ca_file = ca_.path();
    options_.calls.attempt_timeout = absl::Minutes(2);
    options_.calls.timeout = absl::Minutes(2);
    options_.calls.pause = [this](absl::Duration length, const std::stop_token&) {
      pauses_.push_back(length);
      clock_.Advance(length);
    };
  }

  GoogleSheetSource& Source() {
    if (source_ == nullptr) {
      auto source = GoogleSheetSource::Create(options_, clock_);
      EXPECT_TRUE(source.ok()) << source.status();
      source_ = *std::move(source);
    }
    return *source_;
  }
  absl::StatusOr<Sheet> Read(const std::string& id = kSheet,
                             const std::string& range = "A1:Z100",
                             const std::string& tenant = "acme") {
    return Source().Read(tenant, id, *SheetRange::Parse(range));
  }
  absl::Status Failure(const std::string& id = kSheet, const std::string& range = "A1:Z100") {
    return Read(id, range).status();
  }
  void UseApiKey(const std::string& key) {
    FakeServiceAccount::Write(folder_.path() / "api.key", key + "\n");
    options_.everybody = {.api_key_file = folder_.path() / "api.key"};
  }

  const TempDir folder_ = *TempDir::Create("google");
  const TestCa ca_{folder_.path(), "ca"};
  FakeClock clock_;
  std::optional<FakeGoogle> google_;
  GoogleSheetsOptions options_;
  std::vector<absl::Duration> pauses_;
  std::unique_ptr<GoogleSheetSource> source_;
};

TEST_F(GoogleSheetsTest, ASheetThatIsSharedWithTheAccountIsRead) {
  const auto sheet = Read();
  ASSERT_TRUE(sheet.ok()) << sheet.status();
  EXPECT_THAT(sheet->columns, ElementsAre("A", "B", "C", "D"));
  EXPECT_THAT(sheet->variables, ElementsAre("title", "script", "image_url", "badge"));
  ASSERT_EQ(sheet->rows.size(), 2U);
  EXPECT_EQ(sheet->rows[1].number, 4) << "the empty row is counted";
  EXPECT_THAT(sheet->rows[1].cells, ElementsAre("Two", "Say two", "", ""));
  EXPECT_EQ(sheet->empty_rows, 1);
}

TEST_F(GoogleSheetsTest, TheRangeAndItsTabReachGoogleWhateverTheyAreCalled) {
  google_->PutTab(kSheet, "Bob's 50% / Größe?", {{"Tab", "b", "https://x/c.png"}});
  const auto sheet = Read(kSheet, "'Bob''s 50% / Größe?'!A1:C9");
  ASSERT_TRUE(sheet.ok()) << sheet.status();
  EXPECT_EQ(sheet->rows[0].cells[0], "Tab");
  const auto part = Read(kSheet, "A2:B2");
  ASSERT_TRUE(part.ok()) << part.status();
  ASSERT_EQ(part->rows.size(), 1U);
  EXPECT_EQ(part->rows[0].number, 2);
  EXPECT_EQ(part->rows[0].cells[0], "One");
  const auto beyond = Read(kSheet, "A50:C90");
  ASSERT_TRUE(beyond.ok()) << beyond.status();
  EXPECT_TRUE(beyond->rows.empty());
}

TEST_F(GoogleSheetsTest, ATokenServesUntilShortlyBeforeItExpires) {
  ASSERT_TRUE(Read().ok());
  clock_.Advance(absl::Seconds(3599 - 61));
  ASSERT_TRUE(Read().ok());
  EXPECT_EQ(google_->tokens_given(), 1);
  clock_.Advance(absl::Seconds(2));
  ASSERT_TRUE(Read().ok());
  EXPECT_EQ(google_->tokens_given(), 2);
}

TEST_F(GoogleSheetsTest, ATokenThatWasWithdrawnIsReplacedOnce) {
  ASSERT_TRUE(Read().ok());
  google_->WithdrawTokens();
  ASSERT_TRUE(Read().ok());
  EXPECT_EQ(google_->tokens_given(), 2);
  const auto no = FakeGoogle::Error(401, "UNAUTHENTICATED", "invalid credentials");
  google_->NextValues(no);
  google_->NextValues(no);
  EXPECT_TRUE(absl::IsInternal(Failure())) << "a second refusal is not about the token";
}

TEST_F(GoogleSheetsTest, AKeyThatWasReplacedIsSignedWithFromThenOn) {
  ASSERT_TRUE(Read().ok());
  google_->AddAccount(Stranger());
  google_->PutSheet("theirs", Stranger().email(), kRows);
  Stranger().Write(options_.everybody.service_account_file);
  EXPECT_TRUE(absl::IsPermissionDenied(Failure("theirs")));
  clock_.Advance(absl::Hours(1));
  EXPECT_TRUE(Read("theirs").ok());
  EXPECT_THAT(std::string(Failure().message()), HasSubstr("share it with other@test"));
}

TEST_F(GoogleSheetsTest, WhoOwnsTheSheetIsToldWhatToDo) {
  google_->PutSheet("theirs", "somebody@else", kRows);
  const absl::Status denied = Failure("theirs");
  EXPECT_TRUE(absl::IsPermissionDenied(denied)) << denied;
  EXPECT_THAT(std::string(denied.message()),
              AllOf(HasSubstr("\"theirs\""), HasSubstr(absl::StrCat("share it with ", kEmail))));
  const absl::Status missing = Failure("nowhere");
  EXPECT_TRUE(absl::IsNotFound(missing)) << missing;
  EXPECT_THAT(std::string(missing.message()), HasSubstr("between /d/ and /edit"));
  const absl::Status no_tab = Failure(kSheet, "Nope!A1:C3");
  EXPECT_TRUE(absl::IsInvalidArgument(no_tab)) << no_tab;
  EXPECT_THAT(std::string(no_tab.message()),
              AllOf(HasSubstr("'Nope'!A1:C3"), HasSubstr("is there such a tab?")));
  google_->NextValues(FakeGoogle::Error(
      400, "FAILED_PRECONDITION", "This operation is not supported for this document"));
  const absl::Status office = Failure();
  EXPECT_TRUE(absl::IsInvalidArgument(office)) << office;
  EXPECT_THAT(std::string(office.message()), HasSubstr("Save as Google Sheets"));
}

TEST_F(GoogleSheetsTest, WhatTheOperatorDidWrongIsNotTheClients) {
  google_->NextValues(FakeGoogle::Error(403,
                                        "PERMISSION_DENIED",
                                        "Google Sheets API has not been used in project 7 before",
                                        "SERVICE_DISABLED"));
  const absl::Status disabled = Failure();
  EXPECT_TRUE(absl::IsInternal(disabled)) << disabled;
  EXPECT_THAT(std::string(disabled.message()), HasSubstr("has not been used in project 7"));
  source_.reset();
  Stranger().Write(options_.everybody.service_account_file);
  const absl::Status unknown = Failure();
  EXPECT_TRUE(absl::IsInternal(unknown)) << unknown;
  EXPECT_THAT(std::string(unknown.message()),
              AllOf(HasSubstr(Stranger().email()), HasSubstr("account not found")));
}

TEST_F(GoogleSheetsTest, AnAssertionOfAnotherKeyIsNotBelieved) {
  nlohmann::json forged = Account().Json();
  forged["private_key"] = Stranger().Pem();
  FakeServiceAccount::Write(options_.everybody.service_account_file, forged.dump());
  const absl::Status refused = Failure();
  EXPECT_TRUE(absl::IsInternal(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("Invalid JWT Signature"));
}

TEST_F(GoogleSheetsTest, AClockThatIsWrongIsSaidSo) {
  clock_.JumpWallClock(absl::Hours(2));
  ServiceAccount account = *ReadServiceAccount(options_.everybody.service_account_file);
  const std::string late = SignedAssertion(account, "aud", "scope", clock_.Now());
  clock_.JumpWallClock(-absl::Hours(2));
  EXPECT_NE(late, SignedAssertion(account, "aud", "scope", clock_.Now()));
  google_->NextToken(
      FakeGoogle::Answer(400,
                         {{"error", "invalid_grant"},
                          {"error_description", "Invalid JWT: Token must be short-lived"}}));
  EXPECT_THAT(std::string(Failure().message()), HasSubstr("Token must be short-lived"));
}

TEST_F(GoogleSheetsTest, WhenAskedTooOftenItWaitsAndAsksAgain) {
  google_->NextValues(FakeGoogle::Error(429, "RESOURCE_EXHAUSTED", "Quota exceeded"));
  google_->NextValues(
      FakeGoogle::Error(429, "RESOURCE_EXHAUSTED", "Quota exceeded", "", {{"Retry-After", "20"}}));
  google_->NextValues(FakeGoogle::Error(503, "UNAVAILABLE", "The service is unavailable"));
  const auto sheet = Read();
  ASSERT_TRUE(sheet.ok()) << sheet.status();
  EXPECT_EQ(google_->values_asked(), 4);
  ASSERT_EQ(pauses_.size(), 3U);
  EXPECT_GE(pauses_[0], options_.calls.backoff_min / 2);
  EXPECT_LE(pauses_[0], options_.calls.backoff_min);
  EXPECT_EQ(pauses_[1], absl::Seconds(20)) << "as the server wishes";
  EXPECT_GE(pauses_[2], options_.calls.backoff_min) << "twice doubled, halved at most";
}

TEST_F(GoogleSheetsTest, ARetryAfterMayBeADate) {
  const std::string date = absl::FormatTime(
      "%a, %d %b %E4Y %H:%M:%S GMT", clock_.Now() + absl::Seconds(30), absl::UTCTimeZone());
  google_->NextValues(FakeGoogle::Error(503, "UNAVAILABLE", "Later", "", {{"Retry-After", date}}));
  ASSERT_TRUE(Read().ok());
  EXPECT_THAT(pauses_, ElementsAre(absl::Seconds(30)));
}

TEST_F(GoogleSheetsTest, AttemptsAndWaitsHaveAnEnd) {
  for (int i = 0; i < 10; ++i) {
    google_->NextValues(FakeGoogle::Error(429, "RESOURCE_EXHAUSTED", "Quota exceeded"));
  }
  const absl::Status limited = Failure();
  EXPECT_TRUE(absl::IsResourceExhausted(limited)) << limited;
  EXPECT_EQ(google_->values_asked(), options_.calls.attempts_max);
}

TEST_F(GoogleSheetsTest, AWaitThatWouldLeadBeyondTheTimeoutIsNotBegun) {
  google_->NextValues(FakeGoogle::Error(
      429, "RESOURCE_EXHAUSTED", "Quota exceeded", "", {{"Retry-After", "4000000000"}}));
  EXPECT_TRUE(absl::IsResourceExhausted(Failure()));
  EXPECT_TRUE(pauses_.empty());
}

TEST_F(GoogleSheetsTest, AnErrorWithoutGooglesEnvelopeIsUnderstoodByItsNumber) {
  HttpResponse page;
  page.body = "<html>502</html>";
  page.status = 502;
  for (int i = 0; i < options_.calls.attempts_max; ++i) {
    google_->NextValues(page);
  }
  const absl::Status away = Failure();
  EXPECT_TRUE(absl::IsUnavailable(away)) << away;
  EXPECT_THAT(std::string(away.message()), HasSubstr("502"));
  page.status = 302;
  page.headers = {{"Location", google_->Url()}};
  google_->NextValues(page);
  EXPECT_TRUE(absl::IsInternal(Failure())) << "a redirect is not followed with our token";
}

TEST_F(GoogleSheetsTest, AnswersThatHoldNoRowsAreNotTakenForEmptySheets) {
  for (const char* body : {"",
                           "{",
                           "[]",
                           R"({"values": {}})",
                           R"({"values": [1]})",
                           R"({"values": [[{}]]})",
                           R"({"values": [["\ud800"]]})"}) {
    HttpResponse response;
    response.body = body;
    google_->NextValues(response);
    EXPECT_TRUE(absl::IsUnavailable(Failure())) << body;
  }
}

TEST_F(GoogleSheetsTest, NumbersAreTextsAndNulsAreNot) {
  google_->NextValues(FakeGoogle::Answer(200, {{"values", {{"One", 2.5, true, nullptr}}}}));
  const auto sheet = Read();
  ASSERT_TRUE(sheet.ok()) << sheet.status();
  EXPECT_THAT(sheet->rows[0].cells, ElementsAre("One", "2.5", "true"));
  google_->NextValues(
      FakeGoogle::Answer(200, {{"values", {{"T"}, {"U", std::string("a\0b", 3)}}}}));
  EXPECT_THAT(std::string(Failure(kSheet, "A6:B9").message()), HasSubstr("cell B7 holds a NUL"));
  google_->NextValues(FakeGoogle::Answer(200, {{"values", {{std::string(50'001, 'x')}}}}));
  EXPECT_THAT(std::string(Failure().message()), HasSubstr("cell A1 is 50001 bytes long"));
}

TEST_F(GoogleSheetsTest, AnAnswerAboveTheBoundIsRefused) {
  options_.calls.answer_bytes_max = 100;
  UseApiKey("key");
  google_->AddApiKey("key");
  google_->PutSheet("big", "anyone", {{std::string(1000, 'x')}});
  const absl::Status refused = Failure("big");
  EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("more than 100 bytes"));
}

TEST_F(GoogleSheetsTest, AnApiKeyReadsWhatAnyoneMay) {
  UseApiKey("AIza-key");
  google_->AddApiKey("AIza-key");
  google_->PutSheet("open", "anyone", kRows);
  EXPECT_TRUE(Read("open").ok());
  EXPECT_EQ(google_->tokens_given(), 0);
  EXPECT_THAT(std::string(Failure().message()), HasSubstr("Anyone with the link"));
  FakeServiceAccount::Write(folder_.path() / "api.key", "other");
  const absl::Status refused = Failure("open");
  EXPECT_TRUE(absl::IsInternal(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("API key not valid"));
}

TEST_F(GoogleSheetsTest, ATenantReadsByItsOwnAccountAlone) {
  google_->AddAccount(Stranger());
  google_->PutSheet("theirs", Stranger().email(), kRows);
  Stranger().Write(folder_.path() / "zeta.json");
  options_.tenants["zeta"].service_account_file = folder_.path() / "zeta.json";
  EXPECT_TRUE(Read("theirs", "A1:C9", "zeta").ok());
  EXPECT_TRUE(absl::IsPermissionDenied(Read("theirs", "A1:C9", "acme").status()));
  EXPECT_TRUE(absl::IsPermissionDenied(Read(kSheet, "A1:C9", "zeta").status()));
  EXPECT_TRUE(Read(kSheet, "A1:C9", "acme").ok());
}

TEST_F(GoogleSheetsTest, AServerThatIsNotGoogleHearsNothing) {
  const TestCa other(folder_.path(), "other");
  options_.calls.ca_file = other.path();
  options_.calls.attempts_max = 1;
  const absl::Status refused = Failure();
  EXPECT_TRUE(absl::IsUnavailable(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("certificate"));
  EXPECT_EQ(google_->tokens_given(), 0);
}

TEST_F(GoogleSheetsTest, ConnectionsThatBreakAreMadeAgain) {
  UseApiKey("key");
  ScriptedServer server;
  options_.api_url = server.Url("");
  options_.calls.timeout = absl::Minutes(10);
  int broken = 2;
  server.On("/v4/spreadsheets/s/values/A1%3AC9", [&](ScriptedPeer& peer, const ScriptedRequest&) {
    const std::string body = R"({"values": [["T", "S", "https://x/a.png"]]})";
    const bool cut = broken-- > 0;
    peer.Reply(200, cut ? body.substr(0, 20) : body, {}, static_cast<std::int64_t>(body.size()));
  });
  const auto sheet = Read("s", "A1:C9");
  ASSERT_TRUE(sheet.ok()) << sheet.status();
  EXPECT_EQ(sheet->rows.size(), 1U);
  EXPECT_EQ(pauses_.size(), 2U);
  broken = 100;
  EXPECT_TRUE(absl::IsUnavailable(Failure("s", "A1:C9")));
}

TEST_F(GoogleSheetsTest, AServerThatSaysNothingIsNotWaitedForForEver) {
  UseApiKey("key");
  ScriptedServer server;
  options_.api_url = server.Url("");
  options_.calls.attempt_timeout = absl::Milliseconds(50);
  options_.calls.attempts_max = 2;
  server.On("/v4/spreadsheets/s/values/A1%3AC9",
            [](ScriptedPeer& peer, const ScriptedRequest&) { peer.WaitUntilClosed(); });
  const absl::Status late = Failure("s", "A1:C9");
  EXPECT_TRUE(absl::IsDeadlineExceeded(late)) << late;
}

TEST_F(GoogleSheetsTest, MoreReadsAtOnceThanThereMayBeAreTurnedAwayAndAStopEndsThem) {
  UseApiKey("key");
  ScriptedServer server;
  options_.api_url = server.Url("");
  options_.concurrency_max = 1;
  Mutex mutex;
  CondVar arrived;
  bool hangs = false;
  server.On("/v4/spreadsheets/s/values/A1%3AC9", [&](ScriptedPeer& peer, const ScriptedRequest&) {
    {
      MutexLock lock(mutex);
      hangs = true;
      arrived.NotifyAll();
    }
    peer.WaitUntilClosed();
  });
  Source();
  absl::Status first;
  std::thread reader([&] { first = Failure("s", "A1:C9"); });
  {
    MutexLock lock(mutex);
    while (!hangs) {
      arrived.Wait(mutex);
    }
  }
  const absl::Status second = Failure("s", "A1:C9");
  EXPECT_TRUE(absl::IsUnavailable(second)) << second;
  EXPECT_THAT(std::string(second.message()), HasSubstr("try again"));
  Source().Stop();
  reader.join();
  EXPECT_TRUE(absl::IsCancelled(first)) << first;
}

TEST_F(GoogleSheetsTest, NoSecretIsInAMessage) {
  UseApiKey("AIza-secret");
  google_->PutSheet("open", "anyone", kRows);
  EXPECT_THAT(Failure("open").ToString(), Not(HasSubstr("AIza-secret")));
  source_.reset();
  options_.everybody = {.service_account_file = folder_.path() / "account.json"};
  const auto no = FakeGoogle::Error(401, "UNAUTHENTICATED", "invalid credentials");
  google_->NextValues(no);
  google_->NextValues(no);
  EXPECT_THAT(Failure().ToString(), Not(HasSubstr("ya29")));
}

std::string OpenError(const GoogleSheetsOptions& options) {
  return GoogleSheetSource::Create(options, Clock::System()).status().ToString();
}

TEST_F(GoogleSheetsTest, CredentialsThatAreNoneAreFoundAtTheStart) {
  const auto file = options_.everybody.service_account_file;
  std::filesystem::permissions(file, std::filesystem::perms(0644));
  EXPECT_THAT(OpenError(options_), HasSubstr("mode 0644 lets others at a secret"));
  FakeServiceAccount::Write(file, "{}");
  EXPECT_THAT(OpenError(options_), HasSubstr("\"type\" is not \"service_account\""));
  FakeServiceAccount::Write(file, "AIza");
  EXPECT_THAT(OpenError(options_), HasSubstr("is no JSON object"));
  nlohmann::json json = Account().Json();
  json["client_email"] = "x\r\n@y";
  FakeServiceAccount::Write(file, json.dump());
  EXPECT_THAT(OpenError(options_), HasSubstr("client_email"));
  for (const std::string& key : {std::string("x"),
                                 Account().Pem().substr(0, 200),
                                 FakeServiceAccount("a@b", /*bits=*/1024).Pem()}) {
    json = Account().Json();
    json["private_key"] = key;
    FakeServiceAccount::Write(file, json.dump());
    EXPECT_THAT(OpenError(options_),
                AllOf(HasSubstr(file.string()), HasSubstr("no RSA key of at least 2048 bits")));
  }
  std::filesystem::remove(file);
  EXPECT_THAT(OpenError(options_), HasSubstr(file.string()));
  UseApiKey("two words");
  EXPECT_THAT(OpenError(options_), HasSubstr("must hold an API key and nothing else"));
}

}  // namespace
}  // namespace rn
