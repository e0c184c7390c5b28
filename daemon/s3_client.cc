#include "daemon/s3_client.h"

#include <curl/curl.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <pugixml.hpp>
#include <random>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/curl_handles.h"
#include "base/curl_options.h"
#include "base/file.h"
#include "base/mutex.h"
#include "base/pause.h"
#include "base/s3_signer.h"
#include "base/status.h"
#include "proto/item_error.h"

namespace rn {
namespace {

constexpr std::size_t kAnswerBytesMax = 4 << 20;
constexpr std::size_t kIdleHandlesMax = 64;  // With their open connections.
constexpr long kSendBufferBytes = 256 << 10;

// ---------------------------------------------------------------- what went wrong

struct S3Error {
  std::string code;  // "" = the answer had none.
  std::string message;
};

// Nothing when the body is no error document.
S3Error ErrorIn(const std::string& body) {
  pugi::xml_document document;
  if (body.empty() || !document.load_buffer(body.data(), body.size())) {
    return {};
  }
  const pugi::xml_node error = document.child("Error");
  return {error.child("Code").text().get(), error.child("Message").text().get()};
}

template <std::size_t kCount>
bool IsOneOf(const std::string& code, const std::array<const char*, kCount>& codes) {
  return std::any_of(codes.begin(), codes.end(), [&](const char* other) { return code == other; });
}

constexpr std::array kFull = {"QuotaExceeded",
                              "XMinioStorageFull",
                              "XMinioAdminBucketQuotaExceeded",
                              "InsufficientStorage",
                              "StorageQuotaExceeded"};
constexpr std::array kUnknownKeys = {"InvalidAccessKeyId",
                                     "SignatureDoesNotMatch",
                                     "ExpiredToken",
                                     "InvalidToken",
                                     "TokenRefreshRequired",
                                     "RequestTimeTooSkewed",
                                     "InvalidSecurity"};
// Refused for now, or damaged on the way, whatever the number says.
constexpr std::array kPassing = {"SlowDown",
                                 "RequestTimeout",
                                 "RequestLimitExceeded",
                                 "TooManyRequests",
                                 "Throttling",
                                 "InternalError",
                                 "ServiceUnavailable",
                                 "OperationAborted",
                                 "BadDigest",
                                 "XAmzContentSHA256Mismatch",
                                 "XAmzContentChecksumMismatch",
                                 "IncompleteBody"};

absl::Status StatusOf(long http_status, const S3Error& error, const std::string& message) {
  if (http_status == 507 || IsOneOf(error.code, kFull)) {
    return WithItemError(absl::ResourceExhaustedError(message),
                         rendernode::ITEM_ERROR_QUOTA_EXCEEDED);
  }
  if (http_status == 401 || IsOneOf(error.code, kUnknownKeys)) {
    return absl::UnauthenticatedError(message);
  }
  if (http_status == 501) {
    return absl::FailedPreconditionError(message);
  }
  if (http_status >= 500 || http_status == 429 || http_status == 408 ||
      IsOneOf(error.code, kPassing)) {
    return absl::UnavailableError(message);
  }
  switch (http_status) {
    case 403:
      return absl::PermissionDeniedError(message);
    case 404:
      return absl::NotFoundError(message);
    default:
      return absl::FailedPreconditionError(message);
  }
}

bool MayPass(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
}

std::string Described(const S3Call& call, const S3Account& account) {
  return absl::StrCat("S3 ",
                      call.method,
                      " ",
                      call.bucket.empty() ? "of the service" : "in bucket ",
                      call.bucket,
                      call.key.empty() ? "" : ", key ",
                      call.key,
                      ", at ",
                      account.endpoint);
}

// ---------------------------------------------------------------- one try

// libcurl's callbacks end up here.
class Try {
 public:
  Try(const S3ClientOptions& options, const S3Call& call, const std::stop_token& stop, CURL* easy)
      : options_(options), call_(call), stop_(stop), easy_(easy) {}

  absl::StatusOr<S3Answer> Run(const S3Credentials& credentials, absl::Time now);

 private:
  void Address(const S3Credentials& credentials, absl::Time now);
  void Configure();
  void ConfigureBody();
  absl::Status Explain(CURLcode code);
  absl::Status Failed(long http_status, const S3Error& error) const;

  static std::size_t OnBody(char* data, std::size_t, std::size_t size, void* self);
  static std::size_t OnHeader(char* data, std::size_t, std::size_t size, void* self);
  static std::size_t OnRead(char* buffer, std::size_t size, std::size_t count, void* self);
  static int OnSeek(void* self, curl_off_t offset, int origin);

  const S3ClientOptions& options_;
  const S3Call& call_;
  const std::stop_token& stop_;
  CURL* const easy_;

  List headers_;
  List resolve_;
  std::array<char, CURL_ERROR_SIZE> error_{};
  std::string key_id_;
  std::int64_t sent_ = 0;
  int read_error_ = 0;
  bool too_long_ = false;
  S3Answer answer_;
};

std::size_t Try::OnBody(char* data, std::size_t, std::size_t size, void* self) {
  auto* attempt = static_cast<Try*>(self);
  long status = 0;
  curl_easy_getinfo(attempt->easy_, CURLINFO_RESPONSE_CODE, &status);
  if (attempt->call_.take != nullptr && status / 100 == 2) {
    attempt->call_.take({data, size});
    return size;
  }
  attempt->too_long_ = attempt->answer_.body.size() + size > kAnswerBytesMax;
  if (attempt->too_long_) {
    return 0;
  }
  attempt->answer_.body.append(data, size);
  return size;
}

std::size_t Try::OnHeader(char* data, std::size_t, std::size_t size, void* self) {
  const absl::string_view line(data, size);
  const std::size_t colon = line.find(':');
  auto* attempt = static_cast<Try*>(self);
  if (absl::StartsWith(line, "HTTP/")) {
    attempt->answer_.headers.clear();
  } else if (colon != absl::string_view::npos) {
    attempt->answer_.headers[absl::AsciiStrToLower(line.substr(0, colon))] =
        std::string(absl::StripAsciiWhitespace(line.substr(colon + 1)));
  }
  return size;
}

std::size_t Try::OnRead(char* buffer, std::size_t size, std::size_t count, void* self) {
  auto* attempt = static_cast<Try*>(self);
  const S3Call& call = attempt->call_;
  const std::int64_t left = call.bytes - attempt->sent_;
  const auto wanted = static_cast<std::size_t>(
      std::min<std::int64_t>(left, static_cast<std::int64_t>(size * count)));
  ssize_t got = 0;
  do {
    got = pread(call.fd, buffer, wanted, call.offset + attempt->sent_);
  } while (got < 0 && errno == EINTR);
  if (got < 0 || (got == 0 && wanted > 0)) {
    attempt->read_error_ = got < 0 ? errno : EIO;
    return CURL_READFUNC_ABORT;
  }
  attempt->sent_ += got;
  return static_cast<std::size_t>(got);
}

// A connection that turned out to be dead is replaced, and the body sent from its beginning.
int Try::OnSeek(void* self, curl_off_t offset, int origin) {
  if (origin != SEEK_SET) {
    return CURL_SEEKFUNC_CANTSEEK;
  }
  static_cast<Try*>(self)->sent_ = offset;
  return CURL_SEEKFUNC_OK;
}

void Try::Address(const S3Credentials& credentials, absl::Time now) {
  const S3Account& account = options_.account;
  const S3Address address = AddressOf(account, call_.bucket, call_.key);
  const S3Request request{.method = call_.method,
                          .host = address.host,
                          .path = address.path,
                          .query = call_.query,
                          .headers = call_.headers,
                          .payload_sha256 = call_.fd >= 0 ? call_.sha256 : Sha256(call_.body)};
  const std::string query = EncodedQuery(call_.query);
  const std::string url =
      absl::StrCat(address.origin, EncodedPath(address.path), query.empty() ? "" : "?", query);
  curl_easy_setopt(easy_, CURLOPT_URL, url.c_str());
  for (const auto& headers :
       {call_.headers, SignedHeaders(request, credentials, account.region, now)}) {
    for (const auto& [name, value] : headers) {
      Append(headers_, absl::StrCat(name, ": ", value));
    }
  }
}

void Try::Configure() {
  const bool streams = call_.fd >= 0 || call_.take != nullptr;
  SetCommonOptions(easy_,
                   {.timeout = streams ? absl::InfiniteDuration() : options_.request_timeout,
                    .connect_timeout = options_.connect_timeout,
                    .ca_file = options_.ca_file},
                   error_.data());
  StopWith(easy_, stop_);
  curl_easy_setopt(easy_, CURLOPT_PATH_AS_IS, 1L);
  if (streams) {
    const double seconds = absl::ToDoubleSeconds(options_.low_speed_window);
    const auto rate =
        static_cast<long>(static_cast<double>(options_.low_speed_bytes_min) / seconds);
    curl_easy_setopt(easy_, CURLOPT_LOW_SPEED_LIMIT, std::max(1L, rate));
    curl_easy_setopt(easy_, CURLOPT_LOW_SPEED_TIME, std::max(1L, static_cast<long>(seconds)));
  }
  curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &OnBody);
  curl_easy_setopt(easy_, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(easy_, CURLOPT_HEADERFUNCTION, &OnHeader);
  curl_easy_setopt(easy_, CURLOPT_HEADERDATA, this);
  for (const std::string& entry : options_.resolve) {
    Append(resolve_, entry);
  }
  curl_easy_setopt(easy_, CURLOPT_RESOLVE, resolve_.get());
  ConfigureBody();
  curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers_.get());
}

void Try::ConfigureBody() {
  if (call_.method == "HEAD") {
    curl_easy_setopt(easy_, CURLOPT_NOBODY, 1L);
  } else if (call_.fd >= 0) {
    curl_easy_setopt(easy_, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy_, CURLOPT_UPLOAD_BUFFERSIZE, kSendBufferBytes);
    curl_easy_setopt(easy_, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(call_.bytes));
    curl_easy_setopt(easy_, CURLOPT_READFUNCTION, &OnRead);
    curl_easy_setopt(easy_, CURLOPT_READDATA, this);
    curl_easy_setopt(easy_, CURLOPT_SEEKFUNCTION, &OnSeek);
    curl_easy_setopt(easy_, CURLOPT_SEEKDATA, this);
    Append(headers_, "Expect:");  // Servers that do not know it would cost a second each.
  } else if (call_.method == "POST") {
    curl_easy_setopt(easy_, CURLOPT_POST, 1L);
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, call_.body.c_str());
    curl_easy_setopt(
        easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call_.body.size()));
    Append(headers_, "Expect:");
    const bool typed =
        std::any_of(call_.headers.begin(), call_.headers.end(), [](const auto& header) {
          return absl::EqualsIgnoreCase(header.first, "Content-Type");
        });
    if (!typed) {
      Append(headers_, "Content-Type:");  // Not that of a form.
    }
  } else {
    curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, call_.method.c_str());
  }
}

absl::Status Try::Failed(long http_status, const S3Error& error) const {
  std::string message =
      absl::StrCat(Described(call_, options_.account), ": answered ", http_status);
  if (!error.code.empty()) {
    absl::StrAppend(&message, " ", error.code, ": ", error.message);
  }
  if (http_status / 100 == 3 || error.code == "AuthorizationHeaderMalformed") {
    absl::StrAppend(
        &message, " (is the bucket in another region than \"", options_.account.region, "\"?)");
  }
  absl::StrAppend(&message, " (key id ", key_id_, ")");
  return StatusOf(http_status, error, message);
}

absl::Status Try::Explain(CURLcode code) {
  const std::string message =
      absl::StrCat(Described(call_, options_.account),
                   ": ",
                   error_[0] != '\0' ? error_.data() : curl_easy_strerror(code));
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return absl::DeadlineExceededError(message);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      return absl::FailedPreconditionError(message);
    case CURLE_WRITE_ERROR:
      return too_long_ ? absl::FailedPreconditionError(
                             absl::StrCat(message, ": an answer of more than 4 MiB"))
                       : absl::UnavailableError(message);
    case CURLE_ABORTED_BY_CALLBACK:
      return read_error_ != 0 ? absl::UnavailableError(absl::StrCat(
                                    "read: ", std::generic_category().message(read_error_)))
                              : absl::CancelledError(message);
    default:
      return absl::UnavailableError(message);
  }
}

absl::StatusOr<S3Answer> Try::Run(const S3Credentials& credentials, absl::Time now) {
  key_id_ = credentials.key_id;
  curl_easy_reset(easy_);  // Its connections stay open.
  Address(credentials, now);
  Configure();
  const CURLcode code = curl_easy_perform(easy_);
  curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, nullptr);  // It outlives us.
  if (code != CURLE_OK) {
    return Explain(code);
  }
  long http_status = 0;
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &http_status);
  const S3Error error = ErrorIn(answer_.body);
  // A long request may be answered 200 before it fails: then its body is the error.
  if (http_status / 100 != 2 || !error.code.empty()) {
    return Failed(http_status, error);
  }
  return std::move(answer_);
}

}  // namespace

struct S3Client::Impl {
  Impl(S3ClientOptions given, Clock& clock) : options(std::move(given)), clock(clock) {}

  Easy Take() {
    MutexLock lock(mutex);
    if (!idle.empty()) {
      Easy easy = std::move(idle.back());
      idle.pop_back();
      return easy;
    }
    Easy easy(curl_easy_init());
    CHECK(easy != nullptr);
    return easy;
  }
  void GiveBack(Easy easy) {
    MutexLock lock(mutex);
    if (idle.size() < kIdleHandlesMax) {
      idle.push_back(std::move(easy));
    }
  }
  absl::Duration Delay(Backoff& backoff) {
    MutexLock lock(mutex);
    return backoff.Next(options.retry, [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return std::uniform_real_distribution<double>(0, 1)(random);
    });
  }

  const S3ClientOptions options;
  Clock& clock;  // Outlives us.

  Mutex mutex;
  std::vector<Easy> idle ABSL_GUARDED_BY(mutex);
  std::mt19937_64 random ABSL_GUARDED_BY(mutex){std::random_device()()};
};

S3Client::S3Client(S3ClientOptions options, Clock& clock)
    : impl_(std::make_unique<Impl>(std::move(options), clock)) {
  CHECK(InitialiseCurl() == CURLE_OK);
}

S3Client::~S3Client() = default;

absl::StatusOr<S3Answer> S3Client::Call(const S3Call& call, const std::stop_token& stop) {
  Backoff backoff;
  for (std::int64_t attempt = 1;; ++attempt) {
    if (stop.stop_requested()) {
      return absl::CancelledError(
          absl::StrCat(Described(call, impl_->options.account), ": stopped"));
    }
    ASSIGN_OR_RETURN(const S3Credentials credentials,
                     ReadS3Credentials(impl_->options.account.credentials));
    Easy easy = impl_->Take();
    absl::StatusOr<S3Answer> answer =
        Try(impl_->options, call, stop, easy.get()).Run(credentials, impl_->clock.Now());
    impl_->GiveBack(std::move(easy));
    if (answer.ok() || !MayPass(answer.status()) || call.once || stop.stop_requested() ||
        attempt >= impl_->options.attempts_max) {
      return answer;
    }
    const absl::Duration delay = impl_->Delay(backoff);
    SPDLOG_INFO("s3 call tried again attempt={} in={} error=\"{}\"",
                attempt,
                absl::FormatDuration(delay),
                std::string(answer.status().message()));
    Pause(impl_->clock, delay, stop);
  }
}

}  // namespace rn
