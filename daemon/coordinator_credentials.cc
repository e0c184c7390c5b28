#include "daemon/coordinator_credentials.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/certificate.h"
#include "base/secret_file.h"
#include "base/status.h"

namespace rn {
namespace {

using grpc::experimental::FileWatcherCertificateProvider;
using grpc::experimental::TlsChannelCredentialsOptions;

constexpr std::int64_t kTokenBytesMax = 4096;
constexpr absl::Duration kExpiresSoon = absl::Hours(24 * 7);

absl::StatusOr<std::string> ReadToken(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(std::string token, ReadSecret(path, kTokenBytesMax));
  if (!std::all_of(
          token.begin(), token.end(), [](unsigned char c) { return absl::ascii_isgraph(c); })) {
    return absl::InvalidArgumentError(
        absl::StrCat(path.string(), ": a token is one word of printable ASCII characters"));
  }
  return token;
}

absl::Status CheckOwnCertificate(const CoordinatorSecurity& security,
                                 const std::string& node_id,
                                 absl::Time now) {
  RETURN_IF_ERROR(CheckSecretFile(security.key_file));
  RETURN_IF_ERROR(CheckKeyOfCertificate(security.key_file, security.cert_file));
  ASSIGN_OR_RETURN(const CertificateFacts facts, ReadCertificate(security.cert_file));
  const absl::StatusOr<std::string> named = NodeOfUris(facts.uris);
  RETURN_IF_ERROR(Annotate(named.status(), security.cert_file.string()));
  if (*named != node_id) {
    return absl::InvalidArgumentError(absl::StrCat(security.cert_file.string(),
                                                   ": is node ",
                                                   *named,
                                                   "'s certificate, and node_id is ",
                                                   node_id));
  }
  if (facts.not_after < now + kExpiresSoon) {
    SPDLOG_WARN("certificate to be renewed file={} expires={}",
                security.cert_file.string(),
                absl::FormatTime(facts.not_after, absl::UTCTimeZone()));
  }
  return absl::OkStatus();
}

std::shared_ptr<grpc::ChannelCredentials> ChannelCredentialsOf(
    const CoordinatorSecurity& security) {
  if (!security.tls()) {
    return grpc::InsecureChannelCredentials();
  }
  TlsChannelCredentialsOptions options;
  options.set_certificate_provider(std::make_shared<FileWatcherCertificateProvider>(
      security.key_file.string(),
      security.cert_file.string(),
      security.ca_file.string(),
      static_cast<unsigned>(absl::ToInt64Seconds(security.refresh))));
  options.watch_root_certs();
  if (!security.cert_file.empty()) {
    options.watch_identity_key_cert_pairs();
  }
  return grpc::experimental::TlsCredentials(options);
}

}  // namespace

CoordinatorCredentials::CoordinatorCredentials(const CoordinatorSecurity& security)
    : security_(security), channel_credentials_(ChannelCredentialsOf(security)) {}

absl::StatusOr<std::unique_ptr<CoordinatorCredentials>> CoordinatorCredentials::Create(
    const CoordinatorSecurity& security, const std::string& node_id, absl::Time now) {
  if (security.tls()) {
    RETURN_IF_ERROR(Annotate(ReadCertificate(security.ca_file).status(), "coordinator.ca_file"));
  }
  if (!security.cert_file.empty()) {
    RETURN_IF_ERROR(Annotate(CheckOwnCertificate(security, node_id, now), "coordinator.cert_file"));
  }
  auto credentials = std::unique_ptr<CoordinatorCredentials>(new CoordinatorCredentials(security));
  if (!security.token_file.empty()) {
    absl::StatusOr<std::string> token = ReadToken(security.token_file);
    RETURN_IF_ERROR(Annotate(token.status(), "coordinator.token_file"));
    MutexLock lock(credentials->mutex_);
    credentials->token_ = *std::move(token);
  }
  return credentials;
}

std::shared_ptr<grpc::ChannelCredentials> CoordinatorCredentials::ForChannel(
    grpc::ChannelArguments& arguments) const {
  if (!security_.server_name.empty()) {
    arguments.SetSslTargetNameOverride(security_.server_name);
  }
  return channel_credentials_;
}

void CoordinatorCredentials::Authenticate(grpc::ClientContext& context) {
  if (security_.token_file.empty()) {
    return;
  }
  absl::StatusOr<std::string> read = ReadToken(security_.token_file);
  MutexLock lock(mutex_);
  if (read.ok()) {
    token_ = *std::move(read);
  } else {
    SPDLOG_WARN("token not read, the last one serves error=\"{}\"", read.status().ToString());
  }
  context.AddMetadata("authorization", absl::StrCat("Bearer ", token_));
}

}  // namespace rn
