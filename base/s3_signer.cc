#include "base/s3_signer.h"

#include <algorithm>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/file.h"
#include "base/hmac.h"

namespace rn {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

constexpr char kAlgorithm[] = "AWS4-HMAC-SHA256";

std::string Encoded(absl::string_view text, bool keep_slash) {
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (absl::ascii_isalnum(byte) || c == '-' || c == '.' || c == '_' || c == '~' ||
        (c == '/' && keep_slash)) {
      encoded.push_back(c);
    } else {
      absl::StrAppend(
          &encoded, "%", absl::AsciiStrToUpper(absl::StrCat(absl::Hex(byte, absl::kZeroPad2))));
    }
  }
  return encoded;
}

// Lower-case names in order; values without space around them, and single spaces inside.
std::map<std::string, std::string> CanonicalHeaders(const S3Request& request) {
  std::map<std::string, std::string> headers = {{"host", request.host}};
  for (const auto& [name, value] : request.headers) {
    std::string trimmed = value;
    absl::RemoveExtraAsciiWhitespace(&trimmed);
    headers[absl::AsciiStrToLower(name)] = std::move(trimmed);
  }
  return headers;
}

std::string NamesOf(const std::map<std::string, std::string>& headers) {
  return absl::StrJoin(
      headers, ";", [](std::string* out, const auto& header) { out->append(header.first); });
}

// What one signature is for.
struct Scope {
  absl::string_view region;
  std::string date;  // "20130524"
  std::string time;  // "20130524T000000Z"

  Scope(absl::string_view region, absl::Time now)
      : region(region),
        date(absl::FormatTime("%Y%m%d", now, absl::UTCTimeZone())),
        time(absl::FormatTime("%Y%m%dT%H%M%SZ", now, absl::UTCTimeZone())) {}

  std::string Name() const { return absl::StrCat(date, "/", region, "/s3/aws4_request"); }
};

std::string Signature(const S3Request& request,
                      const std::map<std::string, std::string>& headers,
                      const Scope& scope,
                      const std::string& secret) {
  std::string canonical = absl::StrCat(
      request.method, "\n", EncodedPath(request.path), "\n", EncodedQuery(request.query), "\n");
  for (const auto& [name, value] : headers) {
    absl::StrAppend(&canonical, name, ":", value, "\n");
  }
  absl::StrAppend(&canonical, "\n", NamesOf(headers), "\n", request.payload_sha256);
  const std::string to_sign =
      absl::StrCat(kAlgorithm, "\n", scope.time, "\n", scope.Name(), "\n", Sha256(canonical));
  std::string key = absl::StrCat("AWS4", secret);
  for (const absl::string_view step : {absl::string_view(scope.date),
                                       scope.region,
                                       absl::string_view("s3"),
                                       absl::string_view("aws4_request")}) {
    key = HmacSha256(key, step);
  }
  return absl::BytesToHexString(HmacSha256(key, to_sign));
}

}  // namespace

std::string EncodedPath(absl::string_view path) {
  return Encoded(path, /*keep_slash=*/true);
}

std::string EncodedQuery(Pairs query) {
  for (auto& [name, value] : query) {
    name = Encoded(name, /*keep_slash=*/false);
    value = Encoded(value, /*keep_slash=*/false);
  }
  std::sort(query.begin(), query.end());
  return absl::StrJoin(query, "&", absl::PairFormatter("="));
}

Pairs SignedHeaders(const S3Request& request,
                    const S3Credentials& credentials,
                    absl::string_view region,
                    absl::Time now) {
  const Scope scope(region, now);
  Pairs added = {{"X-Amz-Date", scope.time}, {"X-Amz-Content-Sha256", request.payload_sha256}};
  if (!credentials.session_token.empty()) {
    added.emplace_back("X-Amz-Security-Token", credentials.session_token);
  }
  S3Request whole = request;
  whole.headers.insert(whole.headers.end(), added.begin(), added.end());
  const std::map<std::string, std::string> headers = CanonicalHeaders(whole);
  added.emplace_back("Authorization",
                     absl::StrCat(kAlgorithm,
                                  " Credential=",
                                  credentials.key_id,
                                  "/",
                                  scope.Name(),
                                  ",SignedHeaders=",
                                  NamesOf(headers),
                                  ",Signature=",
                                  Signature(whole, headers, scope, credentials.secret)));
  return added;
}

std::string PresignedQuery(const S3Request& request,
                           const S3Credentials& credentials,
                           absl::string_view region,
                           absl::Time now,
                           absl::Duration valid_for) {
  const Scope scope(region, now);
  const std::map<std::string, std::string> headers = CanonicalHeaders(request);
  S3Request whole = request;
  whole.query.emplace_back("X-Amz-Algorithm", kAlgorithm);
  whole.query.emplace_back("X-Amz-Credential", absl::StrCat(credentials.key_id, "/", scope.Name()));
  whole.query.emplace_back("X-Amz-Date", scope.time);
  whole.query.emplace_back("X-Amz-Expires", absl::StrCat(absl::ToInt64Seconds(valid_for)));
  whole.query.emplace_back("X-Amz-SignedHeaders", NamesOf(headers));
  if (!credentials.session_token.empty()) {
    whole.query.emplace_back("X-Amz-Security-Token", credentials.session_token);
  }
  return absl::StrCat(EncodedQuery(whole.query),
                      "&X-Amz-Signature=",
                      Signature(whole, headers, scope, credentials.secret));
}

}  // namespace rn
