// Who a node is: what its certificate says, or whose token it sends. No gRPC here.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace rn {

struct NodeAuthOptions {
  bool certificates = false;  // The wire asks nodes for one and verifies it.
  // By node: the SHA-256 of its token, lower-case hex; several, with spaces between, while a token
  // is being replaced. Only digests: a leaked configuration gives no token away.
  std::map<std::string, std::string> tokens;
};

// What a call carries.
struct NodeCredentials {
  std::vector<std::string> certificate_uris;  // Of a verified certificate.
  std::vector<std::string> authorization;     // "Bearer TOKEN"
};

// Immutable, hence thread-safe.
class NodeAuthenticator {
 public:
  // InvalidArgument: a digest that is none, one for two nodes, a node's name that is none.
  static absl::StatusOr<NodeAuthenticator> Create(const NodeAuthOptions& options);

  // Nodes are asked for something. Otherwise a node is who it says it is.
  bool required() const { return certificates_ || !nodes_.empty(); }

  // The node's id. Whatever nodes are asked for must be there, and certificate and token must
  // agree. Unauthenticated otherwise. Takes as long for a wrong token as for a right one.
  absl::StatusOr<std::string> Identify(const NodeCredentials& credentials) const;

 private:
  struct Token {
    std::string sha256, node_id;
  };

  absl::StatusOr<std::string> NodeOfToken(const std::vector<std::string>& authorization) const;

  bool certificates_ = false;
  std::vector<Token> nodes_;
};

}  // namespace rn
