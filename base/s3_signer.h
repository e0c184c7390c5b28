// AWS Signature Version 4 for S3: signed headers for requests of our own, presigned URLs for
// others.
//
// Not libcurl's CURLOPT_AWS_SIGV4: it cannot presign, and in Debian 12's 7.88 it neither sorts the
// query nor signs x-amz-* headers of the caller. One signer serves both.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/s3_credentials.h"

namespace rn {

inline constexpr char kUnsignedPayload[] = "UNSIGNED-PAYLOAD";

// What is signed. Neither path nor query is encoded yet; both are signed and sent as EncodedPath
// and EncodedQuery write them.
struct S3Request {
  std::string method;                                      // "PUT"
  std::string host;                                        // As in the Host header, port included.
  std::string path;                                        // "/bucket/key"
  std::vector<std::pair<std::string, std::string>> query;  // In any order.
  std::vector<std::pair<std::string, std::string>> headers;  // To be signed beside Host; any case.
  std::string payload_sha256 = kUnsignedPayload;             // Lower-case hex.
};

// RFC 3986 with "/" left alone; "&"-joined in the order of signing.
std::string EncodedPath(absl::string_view path);
std::string EncodedQuery(std::vector<std::pair<std::string, std::string>> query);

// The headers to send beside `request.headers`: Authorization, X-Amz-Date, X-Amz-Content-Sha256
// and, with temporary keys, X-Amz-Security-Token.
std::vector<std::pair<std::string, std::string>> SignedHeaders(const S3Request& request,
                                                               const S3Credentials& credentials,
                                                               absl::string_view region,
                                                               absl::Time now);

// The query that lets anybody make this one request until `now + valid_for` (1 s to 7 days),
// encoded. `request.headers` must then be sent as they are.
std::string PresignedQuery(const S3Request& request,
                           const S3Credentials& credentials,
                           absl::string_view region,
                           absl::Time now,
                           absl::Duration valid_for);

}  // namespace rn
