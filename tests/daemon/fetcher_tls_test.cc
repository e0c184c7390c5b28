// Downloads over TLS from a real server, with certificates of every kind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "base/file.h"
#include "daemon/fetcher.h"
#include "proto/item_error.h"
#include "tests/daemon/tls_server.h"
#include "tests/fakes/scripted_server.h"

namespace rn {
namespace {
namespace fs = std::filesystem;

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kHost[] = "media.test";

class FetcherTlsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    signal(SIGPIPE, SIG_IGN);  // Of a peer that ends the handshake.
    auto dir = TempDir::Create("tls");
    ASSERT_TRUE(dir.ok()) << dir.status();
    dir_ = std::make_unique<TempDir>(*std::move(dir));
    ca_ = std::make_unique<TestCa>(dir_->path(), "ca");
    limits_.allow_private = {"127.0.0.1"};
    limits_.attempts_max = 3;
    limits_.retry = {.min = absl::Milliseconds(1), .max = absl::Milliseconds(2)};
    limits_.ca_file = ca_->path();
  }

  void Serve(const TestIdentity& identity) {
    server_ = std::make_unique<TlsServer>(identity, "pixels");
    limits_.resolve = {absl::StrCat(kHost, ":", server_->port(), ":127.0.0.1")};
  }
  TestSubject Named(const std::string& host) const { return {.names = "DNS:" + host}; }

  absl::Status Fetch() {
    return FetchFrom(absl::StrCat("https://", kHost, ":", server_->port(), "/a.png"));
  }
  absl::Status FetchFrom(const std::string& url) {
    auto fetcher = Fetcher::Create(limits_, Clock::System());
    EXPECT_TRUE(fetcher.ok()) << fetcher.status();
    const fs::path to = dir_->path() / "file";
    fs::remove(to);
    return (*fetcher)->Fetch({.url = url, .bytes_max = 1000, .to = to}, {}).status();
  }

  // Refused for good, before a word was said.
  void ExpectRefused(const std::string& why) {
    const absl::Status status = Fetch();
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
    EXPECT_EQ(ItemErrorOf(status), rendernode::ITEM_ERROR_ASSET_DOWNLOAD_FAILED);
    EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("TLS"), HasSubstr(why)));
    EXPECT_EQ(server_->asked(), 0);
    EXPECT_FALSE(fs::exists(dir_->path() / "file"));
  }

  std::unique_ptr<TempDir> dir_;
  std::unique_ptr<TestCa> ca_;
  FetchLimits limits_;
  std::unique_ptr<TlsServer> server_;
};

TEST_F(FetcherTlsTest, ACertificateOfTheConfiguredAuthorityIsGood) {
  Serve(ca_->Issue("good", Named(kHost)));
  const absl::Status status = Fetch();
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(*ReadFile(dir_->path() / "file", 100), "pixels");
}

TEST_F(FetcherTlsTest, ACertificateOfAnotherHostIsRefused) {
  Serve(ca_->Issue("other", Named("other.test")));
  ExpectRefused("media.test");
}

TEST_F(FetcherTlsTest, ACertificateThatExpiredIsRefused) {
  Serve(ca_->Issue("old",
                   {.names = "DNS:media.test",
                    .valid_from = -absl::Hours(48),
                    .valid_until = -absl::Hours(24)}));
  ExpectRefused("expired");
}

TEST_F(FetcherTlsTest, ACertificateOfAnAuthorityThatNobodyKnowsIsRefused) {
  fs::create_directories(dir_->path() / "stranger");
  const TestCa stranger(dir_->path() / "stranger", "stranger");
  Serve(stranger.Issue("good", Named(kHost)));
  ExpectRefused("certificate");
}

TEST_F(FetcherTlsTest, TheSystemsAuthoritiesDoNotKnowOurs) {
  limits_.ca_file.clear();
  Serve(ca_->Issue("good", Named(kHost)));
  ExpectRefused("certificate");
}

TEST_F(FetcherTlsTest, ARedirectToAHostWithAWrongCertificateIsRefused) {
  Serve(ca_->Issue("other", Named("other.test")));
  ScriptedServer front;
  front.OnRedirect("/a", absl::StrCat("https://", kHost, ":", server_->port(), "/a.png"));
  const absl::Status status = FetchFrom(front.Url("/a"));
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_EQ(server_->asked(), 0);
}

// A name whose address turned private since it was last looked at.
TEST_F(FetcherTlsTest, ANameThatResolvesToARefusedAddressIsRefusedBeforeTheHandshake) {
  Serve(ca_->Issue("good", Named(kHost)));
  limits_.allow_private = {};
  const absl::Status status = Fetch();
  EXPECT_TRUE(absl::IsPermissionDenied(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("127.0.0.1 is a loopback address"));
  EXPECT_EQ(server_->asked(), 0);
}

TEST_F(FetcherTlsTest, AnAuthorityThatCannotBeReadIsKnownAtTheStart) {
  limits_.ca_file = dir_->path() / "absent.pem";
  const absl::Status status = Fetcher::Create(limits_, Clock::System()).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("absent.pem"));
}

}  // namespace
}  // namespace rn
