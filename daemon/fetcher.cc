#include "daemon/fetcher.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <utility>
#include <variant>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/address_policy.h"
#include "base/curl_handles.h"
#include "base/curl_options.h"
#include "base/disk_full.h"
#include "base/file.h"
#include "base/mutex.h"
#include "base/pause.h"
#include "base/status.h"
#include "daemon/confined_file.h"
#include "proto/item_error.h"

namespace rn {
namespace {

constexpr std::size_t kCopyBlockBytes = 256 << 10;
constexpr std::size_t kPublicUrlCharsMax = 300;
constexpr std::size_t kValidatorCharsMax = 1024;
constexpr long kReceiveBufferBytes = 128 << 10;
constexpr absl::Duration kPollMax = absl::Seconds(1);
// Of a redirect's own body: read, so that the connection serves on. More is not waited for.
constexpr std::int64_t kRedirectBytesMax = 64 << 10;

struct CloseMulti {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
struct CloseUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using Multi = std::unique_ptr<CURLM, CloseMulti>;

// The asset's own fault; `status` without its URL.
absl::Status UrlError(const std::string& url, const absl::Status& status) {
  return WithItemError(Annotate(status, PublicUrl(url)),
                       rendernode::ITEM_ERROR_ASSET_DOWNLOAD_FAILED);
}

// This machine's fault. No code that would read as the asset's or the job spec's.
absl::Status DiskError(int error_number, const std::filesystem::path& path) {
  if (absl::Status status = WriteErrnoStatus(error_number, path.string()); IsDiskFull(status)) {
    return status;
  }
  return absl::InternalError(
      absl::StrCat(path.string(), ": ", std::generic_category().message(error_number)));
}

// A request that waited, an origin that is overloaded: 5xx in all but number.
bool MayPass(long http_status) {
  return http_status >= 500 || http_status == 408 || http_status == 425 || http_status == 429;
}

absl::Status HttpError(long http_status) {
  const std::string message = absl::StrCat("the server answered ", http_status);
  if (MayPass(http_status)) {
    return absl::UnavailableError(message);
  }
  switch (http_status) {
    case 404:
    case 410:
      return absl::NotFoundError(message);
    case 401:
    case 403:
      return absl::PermissionDeniedError(message);
    default:
      return absl::FailedPreconditionError(message);
  }
}

// ---------------------------------------------------------------- what arrives

// The file under way: gone again unless finished.
class PartFile {
 public:
  explicit PartFile(const DownloadRequest& request) : request_(request) {}
  PartFile(const PartFile&) = delete;
  ~PartFile() {
    if (fd_.valid()) {
      unlink(request_.to.c_str());
    }
  }

  absl::Status Open() {
    fd_.Reset(open(request_.to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    return fd_.valid() ? absl::OkStatus() : DiskError(errno, request_.to);
  }

  absl::Status TooLong() const {
    return UrlError(request_.url,
                    absl::OutOfRangeError(
                        absl::StrCat("longer than the limit of ", request_.bytes_max, " bytes")));
  }

  absl::Status Write(absl::string_view bytes) {
    if (static_cast<std::int64_t>(bytes.size()) > request_.bytes_max - bytes_) {
      return TooLong();
    }
    if (request_.make_room != nullptr) {
      RETURN_IF_ERROR(request_.make_room(static_cast<std::int64_t>(bytes.size())));
    }
    hasher_.Update(bytes);
    bytes_ += static_cast<std::int64_t>(bytes.size());
    while (!bytes.empty()) {
      const ssize_t put = write(fd_.get(), bytes.data(), bytes.size());
      if (put < 0 && errno == EINTR) {
        continue;
      }
      if (put < 0) {
        return DiskError(errno, request_.to);
      }
      bytes.remove_prefix(static_cast<std::size_t>(put));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Download> Finish(Validators validators) {
    if (fchmod(fd_.get(), 0444) != 0) {
      return DiskError(errno, request_.to);
    }
    fd_.Reset();
    return Download{.bytes = bytes_, .sha256 = hasher_.Hex(), .validators = std::move(validators)};
  }

  std::int64_t bytes() const { return bytes_; }

 private:
  const DownloadRequest& request_;  // Outlives us.
  UniqueFd fd_;
  Sha256Hasher hasher_;
  std::int64_t bytes_ = 0;
};

// ---------------------------------------------------------------- URLs

struct ParsedUrl {
  std::string scheme;
  std::string host;  // With port, as connections are shared by.
  std::string path;  // Decoded: of a file.
};

std::optional<std::string> PartOf(CURLU* url, CURLUPart part, unsigned int flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) {
    return std::nullopt;
  }
  std::string copy(text);
  curl_free(text);
  return copy;
}

absl::StatusOr<ParsedUrl> Parse(const std::string& text) {
  const std::unique_ptr<CURLU, CloseUrl> url(curl_url());
  const CURLUcode code = curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0);
  if (code != CURLUE_OK) {
    return absl::InvalidArgumentError(
        absl::StrCat("is no http, https or file URL: ", curl_url_strerror(code)));
  }
  ParsedUrl parsed;
  parsed.scheme = PartOf(url.get(), CURLUPART_SCHEME).value_or("");
  parsed.host = absl::StrCat(absl::AsciiStrToLower(PartOf(url.get(), CURLUPART_HOST).value_or("")),
                             ":",
                             PartOf(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT).value_or(""));
  parsed.path = PartOf(url.get(), CURLUPART_PATH, CURLU_URLDECODE).value_or("");
  if (parsed.scheme != "http" && parsed.scheme != "https" && parsed.scheme != "file") {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", parsed.scheme, "\" URLs are not fetched; http, https and file URLs are"));
  }
  return parsed;
}

// Where a Location in an answer of `base` leads; itself, if that is nowhere.
std::string Resolve(const std::string& base, const std::string& location) {
  constexpr unsigned int kLenient = CURLU_URLENCODE | CURLU_ALLOW_SPACE | CURLU_NON_SUPPORT_SCHEME;
  const std::unique_ptr<CURLU, CloseUrl> url(curl_url());
  if (curl_url_set(url.get(), CURLUPART_URL, base.c_str(), 0) != CURLUE_OK ||
      curl_url_set(url.get(), CURLUPART_URL, location.c_str(), kLenient) != CURLUE_OK) {
    return location;
  }
  return PartOf(url.get(), CURLUPART_URL).value_or(location);
}

// "" = no URL.
std::string OriginOf(const std::string& text) {
  const absl::StatusOr<ParsedUrl> url = Parse(text);
  return url.ok() ? absl::StrCat(url->scheme, "://", url->host) : "";
}

// ---------------------------------------------------------------- http

// A request on a download's way, which redirects may lengthen.
struct Hop {
  std::string url;
  bool post = false;        // With DownloadRequest::json.
  bool authorized = false;  // With DownloadRequest::authorization.
};

// One request by one handle; libcurl's callbacks end up here.
class Transfer {
 public:
  Transfer(const FetchLimits& limits,
           const AddressPolicy& policy,
           Clock& clock,
           const DownloadRequest& request,
           const Hop& hop,
           absl::Duration left,
           PartFile& file)
      : limits_(limits),
        policy_(policy),
        clock_(clock),
        request_(request),
        hop_(hop),
        left_(left),
        file_(file) {
    Configure();
  }

  // What came, or where to ask next.
  absl::StatusOr<std::variant<Download, Hop>> Run(CURLM* multi, const std::stop_token& stop);

 private:
  void Configure();
  // Until the transfer ended, one way or another.
  CURLcode Drive(CURLM* multi, const std::stop_token& stop);
  bool TooSlow();
  // Where the answer sends us; nothing: it is no redirect.
  std::optional<Hop> Redirected() const;
  absl::Status Explain(CURLcode code);
  absl::Status ExplainTimeout();
  long HttpStatus() const {
    long status = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    return status;
  }

  static std::size_t OnBody(char* data, std::size_t, std::size_t size, void* self) {
    auto* transfer = static_cast<Transfer*>(self);
    if (transfer->Redirected().has_value()) {
      transfer->redirect_bytes_ += static_cast<std::int64_t>(size);
      return transfer->redirect_bytes_ <= kRedirectBytesMax ? size : 0;
    }
    const long http_status = transfer->HttpStatus();
    transfer->failure_ = http_status == 200
                             ? transfer->file_.Write({data, size})
                             : UrlError(transfer->request_.url, HttpError(http_status));
    return transfer->failure_.ok() ? size : 0;
  }
  static std::size_t OnHeader(char* data, std::size_t, std::size_t size, void* self) {
    static_cast<Transfer*>(self)->Header({data, size});
    return size;
  }
  static curl_socket_t OnOpenSocket(void* self, curlsocktype, curl_sockaddr* address) {
    auto* transfer = static_cast<Transfer*>(self);
    transfer->connected_ = false;
    const absl::Status status = transfer->policy_.Check(&address->addr, address->addrlen);
    if (!status.ok()) {
      transfer->refused_ = status;
      return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  }
  static int OnConnected(void* self, char*, char*, int, int) {
    static_cast<Transfer*>(self)->connected_ = true;
    return CURL_PREREQFUNC_OK;
  }
  void Header(absl::string_view line);

  const FetchLimits& limits_;
  const AddressPolicy& policy_;
  Clock& clock_;
  const DownloadRequest& request_;
  const Hop& hop_;
  const absl::Duration left_;  // Of the download's time.
  PartFile& file_;

  List resolve_;
  List headers_;
  std::array<char, CURL_ERROR_SIZE> error_{};
  Easy easy_{curl_easy_init()};  // Gone before what it points to.

  Validators validators_;  // Of the response under way.
  std::string location_;   // Likewise; "" = it leads nowhere else.
  absl::Status failure_;   // Of a callback.
  absl::Status refused_;   // The last address that was not connected to.
  bool connected_ = false;
  bool too_slow_ = false;
  std::int64_t redirect_bytes_ = 0;
  absl::Duration window_began_;
  std::int64_t window_bytes_ = 0;  // That had arrived when it began.
};

void Transfer::Configure() {
  CURL* easy = easy_.get();
  CHECK(easy != nullptr);
  SetCommonOptions(
      easy,
      {.timeout = left_, .connect_timeout = limits_.connect_timeout, .ca_file = limits_.ca_file},
      error_.data());
  curl_easy_setopt(easy, CURLOPT_URL, hop_.url.c_str());
  curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, kReceiveBufferBytes);
  curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(request_.bytes_max));
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &OnBody);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &OnHeader);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, &OnOpenSocket);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, this);
  curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, &OnConnected);
  curl_easy_setopt(easy, CURLOPT_PREREQDATA, this);
  for (const std::string& entry : limits_.resolve) {
    Append(resolve_, entry);
  }
  curl_easy_setopt(easy, CURLOPT_RESOLVE, resolve_.get());
  if (!request_.validators.etag.empty()) {
    Append(headers_, absl::StrCat("If-None-Match: ", request_.validators.etag));
  }
  if (!request_.validators.last_modified.empty()) {
    Append(headers_, absl::StrCat("If-Modified-Since: ", request_.validators.last_modified));
  }
  if (hop_.post) {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request_.json.c_str());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(request_.json.size()));
    Append(headers_, "Content-Type: application/json");
    Append(headers_, "Expect:");  // No extra round trip before a small body.
  }
  if (hop_.authorized) {
    Append(headers_, absl::StrCat("Authorization: ", request_.authorization));
  }
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers_.get());
}

void Transfer::Header(absl::string_view line) {
  if (absl::StartsWith(line, "HTTP/")) {
    validators_ = {};  // Another response: what came before was an interim one.
    location_.clear();
    return;
  }
  const std::size_t colon = line.find(':');
  if (colon == absl::string_view::npos) {
    return;
  }
  const absl::string_view name = line.substr(0, colon);
  const absl::string_view value = absl::StripAsciiWhitespace(line.substr(colon + 1));
  if (absl::EqualsIgnoreCase(name, "Location")) {
    location_ = std::string(value);
    return;
  }
  if (value.size() > kValidatorCharsMax) {
    return;
  }
  if (absl::EqualsIgnoreCase(name, "ETag")) {
    validators_.etag = std::string(value);
  } else if (absl::EqualsIgnoreCase(name, "Last-Modified")) {
    validators_.last_modified = std::string(value);
  }
}

absl::StatusOr<std::variant<Download, Hop>> Transfer::Run(CURLM* multi,
                                                          const std::stop_token& stop) {
  const CURLcode code = Drive(multi, stop);
  if (stop.stop_requested()) {
    return absl::CancelledError(absl::StrCat(PublicUrl(request_.url), ": download stopped"));
  }
  if (code == CURLE_OK || redirect_bytes_ > kRedirectBytesMax) {
    if (std::optional<Hop> next = Redirected()) {
      return *std::move(next);
    }
  }
  if (code == CURLE_OK && failure_.ok()) {
    const long http_status = HttpStatus();
    if (http_status == 200) {
      return file_.Finish(std::move(validators_));
    }
    if (http_status == 304) {
      return Download{.not_modified = true, .validators = std::move(validators_)};
    }
    return UrlError(request_.url, HttpError(http_status));
  }
  return failure_.ok() ? UrlError(request_.url, Explain(code)) : failure_;
}

// As browsers and libcurl do: after 301, 302 and 303 a POST goes on as a GET; a secret goes to the
// host that it is for, and to no other.
std::optional<Hop> Transfer::Redirected() const {
  const long http_status = HttpStatus();
  const bool as_it_was = http_status == 307 || http_status == 308;
  if (location_.empty() ||
      !(as_it_was || http_status == 301 || http_status == 302 || http_status == 303)) {
    return std::nullopt;
  }
  const std::string url = Resolve(hop_.url, location_);
  return Hop{.url = url,
             .post = hop_.post && as_it_was,
             .authorized = hop_.authorized && OriginOf(hop_.url) == OriginOf(url)};
}

CURLcode Transfer::Drive(CURLM* multi, const std::stop_token& stop) {
  const std::stop_callback wake(stop, [multi] { curl_multi_wakeup(multi); });
  CHECK(curl_multi_add_handle(multi, easy_.get()) == CURLM_OK);
  window_began_ = clock_.Awake();
  std::optional<CURLcode> result;
  while (!result.has_value()) {
    int running = 0;
    int queued = 0;
    if (curl_multi_perform(multi, &running) != CURLM_OK) {
      result = CURLE_FAILED_INIT;
      break;
    }
    if (const CURLMsg* message = curl_multi_info_read(multi, &queued)) {
      result = message->data.result;
    } else if (stop.stop_requested() || TooSlow()) {
      result = CURLE_ABORTED_BY_CALLBACK;
    } else {
      const absl::Duration left = window_began_ + limits_.low_speed_window - clock_.Awake();
      const absl::Duration wait = std::clamp(left, absl::Milliseconds(1), kPollMax);
      curl_multi_poll(
          multi, nullptr, 0, static_cast<int>(absl::ToInt64Milliseconds(wait)), nullptr);
    }
  }
  curl_multi_remove_handle(multi, easy_.get());
  return *result;
}

bool Transfer::TooSlow() {
  const absl::Duration now = clock_.Awake();
  if (now < window_began_ + limits_.low_speed_window) {
    return false;
  }
  too_slow_ = file_.bytes() - window_bytes_ < limits_.low_speed_bytes_min;
  window_began_ = now;
  window_bytes_ = file_.bytes();
  return too_slow_;
}

absl::Status Transfer::ExplainTimeout() {
  const bool whole = connected_ || limits_.total_timeout <= limits_.connect_timeout;
  return absl::DeadlineExceededError(
      whole ? absl::StrCat("not complete within the limit of ",
                           absl::FormatDuration(limits_.total_timeout),
                           " (",
                           file_.bytes(),
                           " bytes came)")
            : absl::StrCat("no connection within the limit of ",
                           absl::FormatDuration(limits_.connect_timeout)));
}

absl::Status Transfer::Explain(CURLcode code) {
  if (too_slow_) {
    return absl::DeadlineExceededError(absl::StrCat("fewer bytes than the limit of ",
                                                    limits_.low_speed_bytes_min,
                                                    " came within ",
                                                    absl::FormatDuration(limits_.low_speed_window),
                                                    " (",
                                                    file_.bytes(),
                                                    " in all)"));
  }
  const std::string detail = error_[0] != '\0' ? error_.data() : curl_easy_strerror(code);
  switch (code) {
    case CURLE_HTTP_RETURNED_ERROR:
      return HttpError(HttpStatus());
    case CURLE_OPERATION_TIMEDOUT:
      return ExplainTimeout();
    case CURLE_FILESIZE_EXCEEDED:
      return file_.TooLong();
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
      return absl::InvalidArgumentError(absl::StrCat("leads to no http or https URL: ", detail));
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      return absl::FailedPreconditionError(absl::StrCat("TLS: ", detail));
    case CURLE_COULDNT_CONNECT:
      if (!refused_.ok()) {
        return Annotate(refused_, "not connected to");
      }
      return absl::UnavailableError(absl::StrCat("no connection: ", detail));
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
      return absl::UnavailableError(
          absl::StrCat("cut off after ", file_.bytes(), " bytes: ", detail));
    default:
      return absl::UnavailableError(detail);
  }
}

// ---------------------------------------------------------------- files

// A version of a local file: replaced or edited, it is another.
std::string FileEtag(const struct stat& info) {
  return absl::StrCat(info.st_dev,
                      "-",
                      info.st_ino,
                      "-",
                      info.st_size,
                      "-",
                      info.st_mtim.tv_sec,
                      ".",
                      info.st_mtim.tv_nsec);
}

absl::StatusOr<Download> CopyFile(const std::filesystem::path& from,
                                  const FetchLimits& limits,
                                  const DownloadRequest& request,
                                  PartFile& file,
                                  const std::stop_token& stop) {
  absl::StatusOr<UniqueFd> fd = OpenWithin(from, limits.allow_files);
  if (!fd.ok()) {
    return UrlError(request.url, fd.status());
  }
  struct stat info {};
  fstat(fd->get(), &info);
  const Validators validators{.etag = FileEtag(info)};
  if (request.validators.etag == validators.etag) {
    return Download{.not_modified = true, .validators = validators};
  }
  if (info.st_size > request.bytes_max) {
    return file.TooLong();
  }
  std::string block(kCopyBlockBytes, '\0');
  while (!stop.stop_requested()) {
    const ssize_t got = read(fd->get(), block.data(), block.size());
    if (got < 0 && errno != EINTR) {
      return UrlError(request.url, absl::UnavailableError(ErrnoStatus(errno, "read").message()));
    }
    if (got == 0) {
      return file.Finish(validators);
    }
    RETURN_IF_ERROR(
        file.Write({block.data(), static_cast<std::size_t>(std::max<ssize_t>(0, got))}));
  }
  return absl::CancelledError(absl::StrCat(from.string(), ": copy stopped"));
}

}  // namespace

std::string PublicUrl(absl::string_view url) {
  const std::size_t scheme = url.find("://");
  const std::size_t authority = scheme == absl::string_view::npos ? 0 : scheme + 3;
  const std::size_t end = std::min(url.find_first_of("/?#", authority), url.size());
  const std::size_t user = url.substr(authority, end - authority).rfind('@');
  const std::size_t host = user == absl::string_view::npos ? authority : authority + user + 1;
  const std::size_t path_end = std::min(url.find_first_of("?#", end), url.size());
  const std::string shown =
      absl::StrCat(url.substr(0, authority), url.substr(host, path_end - host));
  return absl::StrCat(absl::CHexEscape(shown.substr(0, kPublicUrlCharsMax)),
                      shown.size() > kPublicUrlCharsMax ? "…" : "",
                      path_end < url.size() ? "?…" : "");
}

// ---------------------------------------------------------------- the fetcher

struct Fetcher::Impl {
  // What a download goes by; it keeps those that it began with.
  struct Rules {
    FetchLimits limits;
    AddressPolicy policy;
  };
  static absl::StatusOr<std::shared_ptr<const Rules>> MakeRules(FetchLimits limits) {
    ASSIGN_OR_RETURN(AddressPolicy policy, AddressPolicy::Create(limits.allow_private));
    if (!limits.ca_file.empty() && access(limits.ca_file.c_str(), R_OK) != 0) {
      return absl::InvalidArgumentError(ErrnoStatus(errno, limits.ca_file.string()).message());
    }
    return std::make_shared<const Rules>(Rules{std::move(limits), std::move(policy)});
  }

  // A turn at a host.
  class Turn {
   public:
    Turn(Impl& impl, std::string host) : impl_(impl), host_(std::move(host)) {}
    Turn(const Turn&) = delete;
    ~Turn() {
      MutexLock lock(impl_.mutex);
      std::int64_t& busy = impl_.busy[host_];
      busy -= taken_ ? 1 : 0;
      if (busy == 0) {
        impl_.busy.erase(host_);
      }
      impl_.changed.NotifyAll();
    }
    // False: stopped before it came.
    bool Take(std::int64_t per_host_max, const std::stop_token& stop) {
      const std::stop_callback wake(stop, [this] {
        MutexLock lock(impl_.mutex);
        impl_.changed.NotifyAll();
      });
      MutexLock lock(impl_.mutex);
      while (!stop.stop_requested() && impl_.busy[host_] >= per_host_max) {
        impl_.changed.Wait(impl_.mutex);
      }
      taken_ = !stop.stop_requested();
      impl_.busy[host_] += taken_ ? 1 : 0;
      return taken_;
    }

   private:
    Impl& impl_;
    const std::string host_;
    bool taken_ = false;
  };

  Impl(std::shared_ptr<const Rules> given, Clock& clock) : clock(clock), rules(std::move(given)) {}

  std::shared_ptr<const Rules> CurrentRules() {
    MutexLock lock(mutex);
    return rules;
  }

  // Its open connections serve the next download that gets it.
  Multi TakeMulti(std::int64_t connections_max) {
    MutexLock lock(mutex);
    if (!idle.empty()) {
      Multi multi = std::move(idle.back());
      idle.pop_back();
      return multi;
    }
    Multi multi(curl_multi_init());
    CHECK(multi != nullptr);
    curl_multi_setopt(multi.get(), CURLMOPT_MAXCONNECTS, static_cast<long>(connections_max));
    return multi;
  }
  void GiveBack(Multi multi, const std::shared_ptr<const Rules>& used) {
    MutexLock lock(mutex);
    if (used == rules) {  // Connections that older rules allowed serve nobody any more.
      idle.push_back(std::move(multi));
    }
  }

  absl::StatusOr<Download> FetchOnce(const DownloadRequest& request,
                                     const ParsedUrl& url,
                                     const std::shared_ptr<const Rules>& by,
                                     absl::Duration left,
                                     const std::stop_token& stop);
  absl::StatusOr<Download> FollowHops(const DownloadRequest& request,
                                      const ParsedUrl& url,
                                      const Rules& by,
                                      absl::Duration left,
                                      CURLM* multi,
                                      const std::stop_token& stop,
                                      PartFile& file);
  absl::Duration Delay(Backoff& backoff, const BackoffLimits& limits) {
    MutexLock lock(mutex);
    return backoff.Next(limits, [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return std::uniform_real_distribution<double>(0, 1)(random);
    });
  }

  Clock& clock;  // Outlives us.

  Mutex mutex;
  CondVar changed;
  std::shared_ptr<const Rules> rules ABSL_GUARDED_BY(mutex);
  std::map<std::string, std::int64_t> busy ABSL_GUARDED_BY(mutex);  // Downloads by host.
  std::vector<Multi> idle ABSL_GUARDED_BY(mutex);
  std::mt19937_64 random ABSL_GUARDED_BY(mutex){std::random_device()()};
};

absl::StatusOr<Download> Fetcher::Impl::FetchOnce(const DownloadRequest& request,
                                                  const ParsedUrl& url,
                                                  const std::shared_ptr<const Rules>& by,
                                                  absl::Duration left,
                                                  const std::stop_token& stop) {
  const FetchLimits& limits = by->limits;
  PartFile file(request);
  RETURN_IF_ERROR(file.Open());
  if (url.scheme == "file") {
    return CopyFile(url.path, limits, request, file, stop);
  }
  Multi multi = TakeMulti(limits.connections_max);
  absl::StatusOr<Download> result = FollowHops(request, url, *by, left, multi.get(), stop, file);
  GiveBack(std::move(multi), by);
  return result;
}

// Each hop waits for its turn at its own host, and holds no other meanwhile: two downloads cannot
// wait for each other. Waiting is not of the download's time.
absl::StatusOr<Download> Fetcher::Impl::FollowHops(const DownloadRequest& request,
                                                   const ParsedUrl& url,
                                                   const Rules& by,
                                                   absl::Duration left,
                                                   CURLM* multi,
                                                   const std::stop_token& stop,
                                                   PartFile& file) {
  Hop hop{.url = request.url,
          .post = !request.json.empty(),
          .authorized = !request.authorization.empty()};
  std::string host = url.host;
  for (std::int64_t redirects = 0; redirects <= by.limits.redirects_max; ++redirects) {
    Turn turn(*this, host);
    if (!turn.Take(by.limits.per_host_max, stop)) {
      return absl::CancelledError(absl::StrCat(PublicUrl(request.url), ": download stopped"));
    }
    const absl::Duration began = clock.SinceBoot();
    Transfer transfer(by.limits, by.policy, clock, request, hop, left, file);
    ASSIGN_OR_RETURN(auto came, transfer.Run(multi, stop));
    if (auto* download = std::get_if<Download>(&came)) {
      return std::move(*download);
    }
    left -= clock.SinceBoot() - began;
    hop = std::get<Hop>(std::move(came));
    const absl::StatusOr<ParsedUrl> next = Parse(hop.url);
    if (!next.ok() || next->scheme == "file") {
      return UrlError(request.url,
                      absl::InvalidArgumentError(
                          absl::StrCat("leads to no http or https URL: ", PublicUrl(hop.url))));
    }
    host = next->host;
  }
  return UrlError(request.url,
                  absl::FailedPreconditionError(absl::StrCat(
                      "redirected more often than the limit of ", by.limits.redirects_max)));
}

Fetcher::Fetcher(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Fetcher::~Fetcher() = default;

absl::StatusOr<std::unique_ptr<Fetcher>> Fetcher::Create(FetchLimits limits, Clock& clock) {
  if (const CURLcode initialised = InitialiseCurl(); initialised != CURLE_OK) {
    return absl::InternalError(absl::StrCat("libcurl: ", curl_easy_strerror(initialised)));
  }
  ASSIGN_OR_RETURN(auto rules, Impl::MakeRules(std::move(limits)));
  return std::unique_ptr<Fetcher>(new Fetcher(std::make_unique<Impl>(std::move(rules), clock)));
}

absl::Status Fetcher::SetLimits(FetchLimits limits) {
  ASSIGN_OR_RETURN(auto rules, Impl::MakeRules(std::move(limits)));
  std::vector<Multi> closed;  // Not under our lock.
  MutexLock lock(impl_->mutex);
  impl_->rules = std::move(rules);
  closed.swap(impl_->idle);
  impl_->changed.NotifyAll();
  return absl::OkStatus();
}

absl::StatusOr<Download> Fetcher::Fetch(const DownloadRequest& request,
                                        const std::stop_token& stop) {
  const absl::StatusOr<ParsedUrl> url = Parse(request.url);
  if (!url.ok()) {
    return UrlError(request.url, url.status());
  }
  const std::shared_ptr<const Impl::Rules> rules = impl_->CurrentRules();
  const FetchLimits& limits = rules->limits;
  const absl::Duration end = impl_->clock.SinceBoot() + limits.total_timeout;
  Backoff backoff;
  for (std::int64_t attempt = 1;; ++attempt) {
    absl::StatusOr<Download> result =
        impl_->FetchOnce(request, *url, rules, end - impl_->clock.SinceBoot(), stop);
    const bool may_pass =
        absl::IsUnavailable(result.status()) || absl::IsDeadlineExceeded(result.status());
    if (!may_pass || url->scheme == "file" || attempt >= limits.attempts_max) {
      return result;
    }
    const absl::Duration delay = impl_->Delay(backoff, limits.retry);
    if (impl_->clock.SinceBoot() + delay >= end) {
      return result;
    }
    SPDLOG_INFO("download tried again attempt={} in={} error=\"{}\"",
                attempt,
                absl::FormatDuration(delay),
                std::string(result.status().message()));
    Pause(impl_->clock, delay, stop);
  }
}

}  // namespace rn
