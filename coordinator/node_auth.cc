#include "coordinator/node_auth.h"

#include <openssl/crypto.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/certificate.h"
#include "base/file.h"
#include "base/status.h"

namespace rn {
namespace {

constexpr std::size_t kDigestChars = 64;
constexpr absl::string_view kBearer = "Bearer ";

bool IsDigest(absl::string_view text) {
  return text.size() == kDigestChars && std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f');
         });
}

}  // namespace

absl::StatusOr<NodeAuthenticator> NodeAuthenticator::Create(const NodeAuthOptions& options) {
  NodeAuthenticator authenticator;
  authenticator.certificates_ = options.certificates;
  for (const auto& [node_id, digests] : options.tokens) {
    const std::vector<std::string> words = absl::StrSplit(digests, ' ', absl::SkipWhitespace());
    if (node_id.empty() || words.empty()) {
      return absl::InvalidArgumentError(absl::StrCat("node \"", node_id, "\" has no token"));
    }
    for (const std::string& digest : words) {
      if (!IsDigest(digest)) {
        return absl::InvalidArgumentError(absl::StrCat("node \"",
                                                       node_id,
                                                       "\": a token's SHA-256 is ",
                                                       kDigestChars,
                                                       " lower-case hex digits"));
      }
      for (const Token& other : authenticator.nodes_) {
        if (other.sha256 == digest) {
          return absl::InvalidArgumentError(
              absl::StrCat("nodes \"", other.node_id, "\" and \"", node_id, "\" share a token"));
        }
      }
      authenticator.nodes_.push_back({digest, node_id});
    }
  }
  return authenticator;
}

absl::StatusOr<std::string> NodeAuthenticator::Identify(const NodeCredentials& credentials) const {
  std::string node_id;
  if (certificates_) {
    absl::StatusOr<std::string> named = NodeOfUris(credentials.certificate_uris);
    if (!named.ok()) {
      return absl::UnauthenticatedError(named.status().message());
    }
    node_id = *std::move(named);
  }
  if (nodes_.empty()) {
    return node_id;
  }
  ASSIGN_OR_RETURN(std::string of_token, NodeOfToken(credentials.authorization));
  if (certificates_ && of_token != node_id) {
    return absl::UnauthenticatedError(
        absl::StrCat("the certificate is node ", node_id, "'s, the token node ", of_token, "'s"));
  }
  return of_token;
}

absl::StatusOr<std::string> NodeAuthenticator::NodeOfToken(
    const std::vector<std::string>& authorization) const {
  if (authorization.size() != 1 || !absl::StartsWith(authorization.front(), kBearer)) {
    return absl::UnauthenticatedError("this coordinator asks nodes for a token: token_file");
  }
  const std::string digest =
      Sha256(absl::string_view(authorization.front()).substr(kBearer.size()));
  const Token* found = nullptr;
  for (const Token& token : nodes_) {  // All of them, for equal time.
    if (CRYPTO_memcmp(token.sha256.data(), digest.data(), kDigestChars) == 0) {
      found = &token;
    }
  }
  if (found == nullptr) {
    return absl::UnauthenticatedError("the token is not known here");
  }
  return found->node_id;
}

}  // namespace rn
