// Keys of a real store, believed for a while: what is computed, what is read, who is refused when.
#include "coordinator/key_ring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "base/file.h"
#include "coordinator/api_gate.h"
#include "coordinator/api_key.h"
#include "coordinator/sqlite_store.h"
#include "tests/fakes/failing_store.h"
#include "tests/fakes/fake_clock.h"

namespace rn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr ScryptCost kCheap = {.log2_n = 4, .r = 1, .p = 1};
constexpr absl::Duration kRecheck = absl::Seconds(5);
constexpr absl::Duration kVerifiedFor = absl::Minutes(10);
const AuditEntry kNobody = {.detail_json = "{}"};

class KeyRingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(store_->CreateTenant({.id = "acme"}, kNobody, clock_.Now()).ok());
  }

  NewApiKey MakeKey(const std::string& tenant = "acme",
                    std::optional<absl::Time> expires_at = std::nullopt) {
    NewApiKey key = MakeApiKey();
    EXPECT_TRUE(store_
                    ->AddKey({.id = key.id,
                              .tenant = tenant,
                              .title = "CI",
                              .scopes = tenant.empty() ? std::vector<std::string>{"admin"}
                                                       : std::vector<std::string>{"jobs:read"},
                              .secret_hash = HashApiKey(key.text, kCheap),
                              .expires_at = expires_at},
                             100,
                             kNobody,
                             clock_.Now())
                    .ok());
    return key;
  }

  void Revoke(const std::string& id) {
    ASSERT_TRUE(store_->RevokeKey(id, kNobody, clock_.Now()).ok());
  }
  void Set(TenantState state) {
    ASSERT_TRUE(
        store_
            ->UpdateTenant(
                "acme", [state](Tenant& tenant) { tenant.state = state; }, kNobody, clock_.Now())
            .ok());
  }
  absl::StatusCode CodeOf(const std::string& key) { return ring_.Verify(key).status().code(); }

  // A key of this id and a secret that is not its, with a check that fits: anybody can make one.
  static std::string WrongSecret(const NewApiKey& key);

  const TempDir folder_ = *TempDir::Create("key_ring");
  FakeClock clock_;
  const std::unique_ptr<Store> store_ = *OpenSqliteStore(folder_.path() / "store.db");
  FailingStore failing_{*store_};
  KeyRing ring_{failing_, clock_, {.recheck = kRecheck, .verified_for = kVerifiedFor}};
};

std::string KeyRingTest::WrongSecret(const NewApiKey& key) {
  constexpr absl::string_view kAlphabet =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  constexpr int kSecretChars = 43, kCheckChars = 6;
  const std::string name = ApiKeyName(key.id);
  std::string wrong = name + MakeApiKey().text.substr(name.size(), kSecretChars);
  std::uint64_t number = std::stoull(Sha256(wrong).substr(0, 16), nullptr, 16);
  for (int i = 0; i < kCheckChars; ++i) {
    wrong.push_back(kAlphabet[number % kAlphabet.size()]);
    number /= kAlphabet.size();
  }
  return wrong;
}

TEST_F(KeyRingTest, AKeyGivesItsTenantItsScopesAndANameWithoutItsSecret) {
  const NewApiKey key = MakeKey();
  const auto who = ring_.Verify(key.text);
  ASSERT_TRUE(who.ok()) << who.status();
  EXPECT_EQ(who->tenant, "acme");
  EXPECT_THAT(who->scopes, ElementsAre(Scope::kJobsRead));
  EXPECT_EQ(who->name, "acme rn_live_" + key.id + " (CI)");
  const auto alice = ring_.Verify(MakeKey("").text);
  ASSERT_TRUE(alice.ok()) << alice.status();
  EXPECT_THAT(alice->scopes, ElementsAre(Scope::kAdmin));
  EXPECT_THAT(alice->name, HasSubstr("operator rn_live_"));
}

TEST_F(KeyRingTest, TheSlowHashIsComputedOnceAndAgainAfterItsTime) {
  const NewApiKey key = MakeKey();
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(ring_.Verify(key.text).ok());
    clock_.Advance(absl::Seconds(1));
  }
  EXPECT_EQ(ring_.hashes(), 1);
  clock_.Advance(kVerifiedFor);
  ASSERT_TRUE(ring_.Verify(key.text).ok());
  EXPECT_EQ(ring_.hashes(), 2);
}

TEST_F(KeyRingTest, WhatNobodyMadeCostsNoHash) {
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(CodeOf(MakeApiKey().text), absl::StatusCode::kUnauthenticated);
  }
  EXPECT_EQ(CodeOf("rn_live_"), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(CodeOf(""), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(ring_.hashes(), 0);
}

TEST_F(KeyRingTest, AWrongSecretIsFoundWrongOnce) {
  const NewApiKey key = MakeKey();
  const std::string wrong = WrongSecret(key);
  ASSERT_EQ(ApiKeyId(wrong), key.id);
  for (int i = 0; i < 10; ++i) {
    const absl::Status refused = ring_.Verify(wrong).status();
    EXPECT_TRUE(absl::IsUnauthenticated(refused)) << refused;
    EXPECT_THAT(std::string(refused.message()), Not(HasSubstr(key.id)));
  }
  EXPECT_EQ(ring_.hashes(), 1);
  EXPECT_TRUE(ring_.Verify(key.text).ok());
}

TEST_F(KeyRingTest, BeyondTheHashesAtOnceAKeyHasToWaitAndAnUnknownOneIsStillUnknown) {
  KeyRing full(failing_, clock_, {.recheck = kRecheck, .hashes_max = 0});
  EXPECT_TRUE(absl::IsUnavailable(full.Verify(MakeKey().text).status()));
  EXPECT_EQ(full.hashes(), 0);
  EXPECT_TRUE(absl::IsUnauthenticated(full.Verify(MakeApiKey().text).status()));
}

TEST_F(KeyRingTest, OneHashServesAllThatAskAtOnce) {
  const NewApiKey key = MakeApiKey();
  ASSERT_TRUE(store_
                  ->AddKey({.id = key.id,
                            .tenant = "acme",
                            .scopes = {"jobs:read"},
                            .secret_hash = HashApiKey(key.text)},
                           100,
                           kNobody,
                           clock_.Now())
                  .ok());
  KeyRing narrow(failing_, clock_, {.hashes_max = 1});
  std::atomic<int> believed = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] { believed += narrow.Verify(key.text).ok() ? 1 : 0; });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(believed, 8);
  EXPECT_EQ(narrow.hashes(), 1);
}

TEST_F(KeyRingTest, ARevokedKeyIsRefusedHereAtOnceAndElsewhereWithinTheBound) {
  const NewApiKey key = MakeKey();
  KeyRing elsewhere(*store_, clock_, {.recheck = kRecheck});
  ASSERT_TRUE(ring_.Verify(key.text).ok());
  ASSERT_TRUE(elsewhere.Verify(key.text).ok());
  Revoke(key.id);
  ring_.Recheck();
  EXPECT_TRUE(absl::IsUnauthenticated(ring_.Verify(key.text).status()));
  EXPECT_TRUE(elsewhere.Verify(key.text).ok());
  clock_.Advance(kRecheck);
  EXPECT_TRUE(absl::IsUnauthenticated(elsewhere.Verify(key.text).status()));
}

TEST_F(KeyRingTest, ASuspendedTenantIsRefusedAndTakenAgainWithoutAHash) {
  const NewApiKey key = MakeKey();
  ASSERT_TRUE(ring_.Verify(key.text).ok());
  Set(TenantState::kSuspended);
  ring_.Recheck();
  EXPECT_TRUE(absl::IsPermissionDenied(ring_.Verify(key.text).status()));
  EXPECT_TRUE(absl::IsPermissionDenied(ring_.Verify(key.text).status())) << "believed, too";
  EXPECT_TRUE(absl::IsPermissionDenied(ring_.CheckTenant("acme")));
  Set(TenantState::kActive);
  clock_.Advance(kRecheck);
  EXPECT_TRUE(ring_.Verify(key.text).ok());
  EXPECT_TRUE(ring_.CheckTenant("acme").ok());
  EXPECT_TRUE(ring_.CheckTenant("of-the-configuration-alone").ok());
  EXPECT_EQ(ring_.hashes(), 1);
}

TEST_F(KeyRingTest, AKeyEndsWhenItSaysAlsoWhileItIsBelieved) {
  const NewApiKey key = MakeKey("acme", clock_.Now() + absl::Seconds(3));
  ASSERT_TRUE(ring_.Verify(key.text).ok());
  clock_.Advance(absl::Seconds(3));
  EXPECT_TRUE(absl::IsUnauthenticated(ring_.Verify(key.text).status()));
}

TEST_F(KeyRingTest, WithoutTheStoreNobodyIsTakenForUnknown) {
  const NewApiKey key = MakeKey();
  ASSERT_TRUE(ring_.Verify(key.text).ok());
  failing_.Fail(true);
  EXPECT_TRUE(ring_.Verify(key.text).ok()) << "believed for a while";
  clock_.Advance(kRecheck);
  EXPECT_TRUE(absl::IsUnavailable(ring_.Verify(key.text).status()));
  EXPECT_TRUE(absl::IsUnavailable(ring_.CheckTenant("acme")));
  failing_.Fail(false);
  EXPECT_TRUE(ring_.Verify(key.text).ok());
  EXPECT_EQ(ring_.hashes(), 1);
}

TEST_F(KeyRingTest, WhatIsKnownIsBoundedAndTheLatestUsedStay) {
  KeyRing small(*store_, clock_, {.keys_max = 2});
  const NewApiKey a = MakeKey(), b = MakeKey(), c = MakeKey();
  for (const NewApiKey& key : {a, b, a, c}) {  // b goes.
    ASSERT_TRUE(small.Verify(key.text).ok());
  }
  EXPECT_EQ(small.hashes(), 3);
  ASSERT_TRUE(small.Verify(a.text).ok());
  ASSERT_TRUE(small.Verify(c.text).ok());
  EXPECT_EQ(small.hashes(), 3);
  ASSERT_TRUE(small.Verify(b.text).ok());
  EXPECT_EQ(small.hashes(), 4);
}

TEST_F(KeyRingTest, TheLastUseIsNotedWithinTenMinutes) {
  const NewApiKey key = MakeKey();
  ASSERT_TRUE(ring_.Verify(key.text).ok());
  const auto first = store_->GetKey(key.id)->used_at;
  EXPECT_EQ(first, clock_.Now());
  clock_.Advance(absl::Minutes(5));
  ASSERT_TRUE(ring_.Verify(key.text).ok());
  EXPECT_EQ(store_->GetKey(key.id)->used_at, first);
  clock_.Advance(absl::Minutes(5));
  ASSERT_TRUE(ring_.Verify(key.text).ok());
  EXPECT_EQ(store_->GetKey(key.id)->used_at, clock_.Now());
}

// The gate: keys of the configuration and of the store, side by side.
class ApiGateTest : public KeyRingTest {
 protected:
  int StatusWith(const std::string& key, std::optional<Scope> scope = std::nullopt) {
    HttpRequest request;
    request.headers.emplace_back("authorization", "Bearer " + key);
    const auto admitted = gate_.Admit(request, scope);
    const auto* refused = std::get_if<HttpResponse>(&admitted);
    if (refused != nullptr) {
      text_ = refused->body;
    }
    return refused == nullptr ? 200 : refused->status;
  }

  const Authenticator configured_ =
      Authenticator::Create(
          {{.sha256 = Sha256("acme-key"), .tenant = "acme", .scopes = ScopeNames()}})
          ->WithAdminKey(Sha256("admin-key"));
  ApiGate gate_{configured_, {.per_second = 1000, .burst = 1000}, clock_, &ring_};
  std::string text_;
};

TEST_F(ApiGateTest, KeysOfTheConfigurationAndOfTheStoreAreGoodSideBySide) {
  const NewApiKey key = MakeKey();
  EXPECT_EQ(StatusWith("acme-key", Scope::kJobsWrite), 200);
  EXPECT_EQ(StatusWith(key.text, Scope::kJobsRead), 200);
  EXPECT_EQ(StatusWith(key.text, Scope::kJobsWrite), 403);
  EXPECT_EQ(StatusWith(MakeApiKey().text), 401);
  gate_.Set(*Authenticator::Create({}), {.per_second = 1000, .burst = 1000});
  EXPECT_EQ(StatusWith("acme-key"), 401);
  EXPECT_EQ(StatusWith(key.text), 200) << "a reload leaves the store's alone";
}

TEST_F(ApiGateTest, TheAdminScopeIsInNoTenantsKey) {
  EXPECT_EQ(StatusWith("admin-key", Scope::kAdmin), 200);
  EXPECT_EQ(StatusWith("admin-key", Scope::kJobsRead), 403);
  EXPECT_EQ(StatusWith("acme-key", Scope::kAdmin), 403)
      << "with every scope that a tenant may have";
  EXPECT_FALSE(
      Authenticator::Create({{.sha256 = Sha256("x"), .tenant = "acme", .scopes = {"admin"}}}).ok());
  NewApiKey forged = MakeApiKey();  // As somebody would who can write to the store.
  ASSERT_TRUE(store_
                  ->AddKey({.id = forged.id,
                            .tenant = "acme",
                            .scopes = {"admin", "jobs:read"},
                            .secret_hash = HashApiKey(forged.text, kCheap)},
                           100,
                           kNobody,
                           clock_.Now())
                  .ok());
  EXPECT_EQ(StatusWith(forged.text, Scope::kAdmin), 403);
  EXPECT_EQ(StatusWith(forged.text, Scope::kJobsRead), 200);
}

TEST_F(ApiGateTest, ASuspendedTenantIsRefusedWhateverItsKeyAndToldWhy) {
  const NewApiKey key = MakeKey();
  Set(TenantState::kSuspended);
  for (const std::string& text : {key.text, std::string("acme-key")}) {
    EXPECT_EQ(StatusWith(text), 403);
    EXPECT_THAT(text_, HasSubstr("tenant_suspended"));
  }
  EXPECT_EQ(StatusWith("admin-key"), 200);
}

TEST_F(ApiGateTest, WhileNobodyCanTellItIs503) {
  const NewApiKey key = MakeKey();
  failing_.Fail(true);
  EXPECT_EQ(StatusWith(key.text), 503);
  EXPECT_EQ(StatusWith("acme-key"), 503) << "it may be suspended";
  EXPECT_EQ(StatusWith("admin-key"), 200);
  EXPECT_EQ(StatusWith("unknown"), 401);
}

}  // namespace
}  // namespace rn
