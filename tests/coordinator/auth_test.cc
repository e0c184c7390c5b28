#include "coordinator/auth.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"

namespace rn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string ErrorOf(const std::vector<ApiKey>& keys) {
  return std::string(Authenticator::Create(keys).status().message());
}

TEST(Auth, AKeyGivesItsTenantAndScopes) {
  const auto auth = Authenticator::Create(
      {{.sha256 = Sha256("k-acme"), .tenant = "acme", .scopes = {"jobs:read"}},
       {.sha256 = Sha256("k-all"), .tenant = "zeta", .scopes = ScopeNames()}});
  ASSERT_TRUE(auth.ok());
  const auto acme = auth->Authenticate("Bearer k-acme");
  ASSERT_TRUE(acme.ok());
  EXPECT_EQ(acme->tenant, "acme");
  EXPECT_THAT(acme->scopes, ElementsAre(Scope::kJobsRead));
  const auto zeta = auth->Authenticate("bearer  k-all ");
  ASSERT_TRUE(zeta.ok()) << "the scheme's case and blanks do not matter";
  EXPECT_THAT(zeta->scopes,
              ElementsAre(Scope::kJobsRead,
                          Scope::kJobsWrite,
                          Scope::kSheetsConnect,
                          Scope::kSheetsWrite,
                          Scope::kTemplatesWrite,
                          Scope::kNodesRead,
                          Scope::kNodesWrite));
  EXPECT_THAT(auth->tenants(), ElementsAre("acme", "zeta"));
}

TEST(Auth, MachinesAreNobodysUnlessAKeySaysSo) {
  const auto auth = Authenticator::Create(
      {{.sha256 = Sha256("k"), .tenant = "acme", .scopes = {"nodes:read", "nodes:write"}}});
  ASSERT_TRUE(auth.ok());
  EXPECT_THAT(auth->Authenticate("Bearer k")->scopes,
              ElementsAre(Scope::kNodesRead, Scope::kNodesWrite));
}

TEST(Auth, AnythingElseIsUnauthenticatedAndNeverEchoed) {
  const auto auth = Authenticator::Create(
      {{.sha256 = Sha256("right"), .tenant = "acme", .scopes = ScopeNames()}});
  ASSERT_TRUE(auth.ok());
  for (const char* header : {"",
                             "right",
                             "Basic right",
                             "Bearer",
                             "Bearer ",
                             "Bearer wrong-key",
                             "Bearer right2",
                             "Bearer RIGHT"}) {
    const absl::Status refused = auth->Authenticate(header).status();
    EXPECT_EQ(refused.code(), absl::StatusCode::kUnauthenticated) << header;
    EXPECT_THAT(std::string(refused.message()), Not(HasSubstr("wrong-key")));
  }
}

TEST(Auth, TheDigestItselfIsNoKey) {
  const auto auth = Authenticator::Create(
      {{.sha256 = Sha256("right"), .tenant = "acme", .scopes = ScopeNames()}});
  ASSERT_TRUE(auth.ok());
  EXPECT_FALSE(auth->Authenticate("Bearer " + Sha256("right")).ok());
}

TEST(Auth, MistakesInTheConfigurationNameTheKey) {
  const ApiKey good = {.sha256 = Sha256("a"), .tenant = "acme", .scopes = {"jobs:read"}};
  EXPECT_THAT(ErrorOf({good, {.sha256 = "plain-text-key", .tenant = "b"}}),
              HasSubstr("API key 2: the digest must be 64 lower-case hex digits"));
  for (const std::string& tenant : {std::string(),
                                    std::string(".."),
                                    std::string("a/b"),
                                    std::string("-a"),
                                    std::string(65, 'a')}) {
    EXPECT_THAT(ErrorOf({{.sha256 = Sha256("b"), .tenant = tenant, .scopes = {"jobs:read"}}}),
                HasSubstr("API key 1: the tenant's name must be 1 to 64 letters"))
        << tenant;
  }
  EXPECT_THAT(
      ErrorOf({{.sha256 = Sha256("b"), .tenant = "b"}}),
      HasSubstr(
          "API key 1: no scopes are given; name what the key may do: jobs:read, "
          "jobs:write, sheets:connect, sheets:write, templates:write, nodes:read, nodes:write"));
  EXPECT_THAT(ErrorOf({good, good}), HasSubstr("API key 2: the same key was given before"));
  EXPECT_THAT(ErrorOf({{.sha256 = Sha256("b"), .tenant = "b", .scopes = {"jobs:wriet"}}}),
              HasSubstr("did you mean \"jobs:write\"?"));
}

}  // namespace
}  // namespace rn
