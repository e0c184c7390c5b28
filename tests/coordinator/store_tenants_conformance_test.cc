// What every store does with tenants, their keys and the log of changes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/coordinator/store_harness.h"

namespace rn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int kMany = 100;

class StoreTenantsTest : public StoreTest {
 protected:
  static AuditEntry By(const std::string& what, const std::string& target) {
    return {.who = "operator alice",
            .what = what,
            .target = target,
            .detail_json = R"({"why": "ticket ü"})",
            .correlation_id = "correlation-1"};
  }
  Tenant Make(const std::string& id, const TenantLimits& limits = {}) {
    const auto made = store_->CreateTenant(
        {.id = id, .title = "Title of " + id, .limits = limits}, By("tenant.create", id), now_);
    EXPECT_TRUE(made.ok()) << made.status();
    return made.value_or(Tenant());
  }
  absl::Status Add(const std::string& id, const std::string& tenant, int keys_max = kMany) {
    return store_->AddKey({.id = id,
                           .tenant = tenant,
                           .title = "CI of " + tenant,
                           .scopes = {"jobs:read", "jobs:write"},
                           .secret_hash = "$scrypt$" + id,
                           .expires_at = now_ + absl::Hours(24)},
                          keys_max,
                          By("key.create", id),
                          now_);
  }
  Strings Log(const AuditFilter& filter = {}) {
    const auto entries = store_->ListAudit(filter);
    EXPECT_TRUE(entries.ok()) << entries.status();
    Strings log;
    for (const AuditEntry& entry : entries.value_or(std::vector<AuditEntry>())) {
      log.push_back(entry.what + " " + entry.target);
    }
    return log;
  }
  Strings Keys(const std::optional<std::string>& tenant,
               const std::string& after = "",
               int limit = kMany) {
    const auto keys = store_->ListKeys(tenant, after, limit);
    EXPECT_TRUE(keys.ok()) << keys.status();
    Strings ids;
    for (const StoredKey& key : keys.value_or(std::vector<StoredKey>())) {
      ids.push_back(key.id);
    }
    return ids;
  }
  void Suspend(const std::string& id) {
    ASSERT_TRUE(store_
                    ->UpdateTenant(
                        id,
                        [](Tenant& tenant) { tenant.state = TenantState::kSuspended; },
                        By("tenant.suspend", id),
                        now_)
                    .ok());
  }
};

INSTANTIATE_TEST_SUITE_P(Every, StoreTenantsTest, ::testing::ValuesIn(kStoreBackends), BackendName);

TEST_P(StoreTenantsTest, ATenantIsKeptAsItWasMade) {
  const Tenant made = Make("acme", {.items_open_max = 0, .items_running_max = 7, .weight = 2.5});
  EXPECT_EQ(made.created_at, now_);
  Reopen();
  const auto kept = store_->GetTenant("acme");
  ASSERT_TRUE(kept.ok()) << kept.status();
  EXPECT_EQ(kept->title, "Title of acme");
  EXPECT_EQ(kept->state, TenantState::kActive);
  EXPECT_EQ(kept->limits.items_open_max, 0) << "no bound is not the same as nothing said";
  EXPECT_EQ(kept->limits.items_per_day_max, std::nullopt);
  EXPECT_EQ(kept->limits.items_running_max, 7);
  EXPECT_EQ(kept->limits.weight, 2.5);
}

TEST_P(StoreTenantsTest, ANameIsGivenOnceAndARefusalLogsNothing) {
  Make("acme");
  EXPECT_TRUE(absl::IsAlreadyExists(
      store_->CreateTenant({.id = "acme"}, By("tenant.create", "acme"), now_).status()));
  EXPECT_TRUE(absl::IsNotFound(store_->GetTenant("zeta").status()));
  EXPECT_TRUE(absl::IsNotFound(store_
                                   ->UpdateTenant(
                                       "zeta", [](Tenant&) {}, By("tenant.update", "zeta"), now_)
                                   .status()));
  EXPECT_THAT(Log(), ElementsAre("tenant.create acme"));
}

TEST_P(StoreTenantsTest, AChangeChangesWhatItNamesAndNoMore) {
  Make("acme", {.items_open_max = 5, .items_per_day_max = 6});
  now_ += absl::Seconds(1);
  const auto changed = store_->UpdateTenant(
      "acme",
      [](Tenant& tenant) {
        tenant.state = TenantState::kSuspended;
        tenant.limits.items_open_max = std::nullopt;
      },
      By("tenant.update", "acme"),
      now_);
  ASSERT_TRUE(changed.ok()) << changed.status();
  EXPECT_EQ(changed->state, TenantState::kSuspended);
  EXPECT_EQ(changed->limits.items_open_max, std::nullopt);
  EXPECT_EQ(changed->limits.items_per_day_max, 6);
  EXPECT_EQ(changed->title, "Title of acme");
  EXPECT_EQ(changed->updated_at, now_);
  EXPECT_EQ(changed->created_at, now_ - absl::Seconds(1));
}

TEST_P(StoreTenantsTest, TenantsAreListedByNamePageByPage) {
  for (const char* id : {"b", "c", "a"}) {
    Make(id);
  }
  const auto first = store_->ListTenants("", 2);
  ASSERT_TRUE(first.ok() && first->size() == 2) << first.status();
  EXPECT_EQ((*first)[0].id, "a");
  EXPECT_EQ((*first)[1].id, "b");
  const auto rest = store_->ListTenants("b", 2);
  ASSERT_TRUE(rest.ok() && rest->size() == 1) << rest.status();
  EXPECT_EQ((*rest)[0].id, "c");
}

TEST_P(StoreTenantsTest, AKeyIsFoundByItsIdWithTheStateOfItsTenant) {
  Make("acme");
  ASSERT_TRUE(Add("k1", "acme").ok());
  Reopen();
  const auto key = store_->GetKey("k1");
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(key->tenant, "acme");
  EXPECT_EQ(key->title, "CI of acme");
  EXPECT_THAT(key->scopes, ElementsAre("jobs:read", "jobs:write"));
  EXPECT_EQ(key->secret_hash, "$scrypt$k1");
  EXPECT_EQ(key->created_at, now_);
  EXPECT_EQ(key->expires_at, now_ + absl::Hours(24));
  EXPECT_EQ(key->revoked_at, std::nullopt);
  EXPECT_EQ(key->used_at, std::nullopt);
  EXPECT_EQ(key->tenant_state, TenantState::kActive);
  Suspend("acme");
  EXPECT_EQ(store_->GetKey("k1")->tenant_state, TenantState::kSuspended);
  EXPECT_TRUE(absl::IsNotFound(store_->GetKey("k2").status()));
  EXPECT_TRUE(absl::IsNotFound(store_->GetKey("' OR '1'='1").status()));
}

TEST_P(StoreTenantsTest, OperatorsKeysNeedNoTenantAndOthersDo) {
  EXPECT_TRUE(absl::IsNotFound(Add("k1", "nobody")));
  EXPECT_THAT(Log(), IsEmpty());
  ASSERT_TRUE(Add("k2", "").ok());
  EXPECT_EQ(store_->GetKey("k2")->tenant, "");
}

TEST_P(StoreTenantsTest, ARevokedKeyStaysRevokedAndIsLoggedOnce) {
  Make("acme");
  now_ += absl::Seconds(1);
  ASSERT_TRUE(Add("k1", "acme").ok());
  now_ += absl::Seconds(1);
  const auto revoked = store_->RevokeKey("k1", By("key.revoke", "k1"), now_);
  ASSERT_TRUE(revoked.ok()) << revoked.status();
  EXPECT_EQ(revoked->revoked_at, now_);
  const absl::Time then = now_;
  now_ += absl::Seconds(1);
  EXPECT_EQ(store_->RevokeKey("k1", By("key.revoke", "k1"), now_)->revoked_at, then);
  EXPECT_TRUE(absl::IsNotFound(store_->RevokeKey("k9", By("key.revoke", "k9"), now_).status()));
  EXPECT_THAT(Log(), ElementsAre("key.revoke k1", "key.create k1", "tenant.create acme"));
}

TEST_P(StoreTenantsTest, ATenantHasSoManyKeysAtOnceRevokedOnesNotCounted) {
  Make("acme");
  Make("zeta");
  ASSERT_TRUE(Add("k1", "acme", 2).ok());
  ASSERT_TRUE(Add("k2", "acme", 2).ok());
  const absl::Status refused = Add("k3", "acme", 2);
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("at most 2"));
  EXPECT_TRUE(Add("k4", "zeta", 2).ok());
  ASSERT_TRUE(store_->RevokeKey("k1", By("key.revoke", "k1"), now_).ok());
  EXPECT_TRUE(Add("k3", "acme", 2).ok());
}

TEST_P(StoreTenantsTest, KeysAreListedOfOneTenantOrOfAll) {
  Make("acme");
  Make("zeta");
  for (const char* id : {"k1", "k3"}) {
    ASSERT_TRUE(Add(id, "acme").ok());
  }
  ASSERT_TRUE(Add("k2", "zeta").ok());
  ASSERT_TRUE(Add("k4", "").ok());
  EXPECT_THAT(Keys("acme"), ElementsAre("k1", "k3"));
  EXPECT_THAT(Keys(""), ElementsAre("k4"));
  EXPECT_THAT(Keys(std::nullopt, "", 3), ElementsAre("k1", "k2", "k3"));
  EXPECT_THAT(Keys(std::nullopt, "k3"), ElementsAre("k4"));
}

TEST_P(StoreTenantsTest, TheLatestUseOfAKeyIsKept) {
  Make("acme");
  ASSERT_TRUE(Add("k1", "acme").ok());
  ASSERT_TRUE(store_->NoteKeyUse("k1", now_).ok());
  ASSERT_TRUE(store_->NoteKeyUse("k1", now_ - absl::Hours(1)).ok());
  EXPECT_EQ(store_->GetKey("k1")->used_at, now_) << "of two coordinators, the later one knows";
}

TEST_P(StoreTenantsTest, TheLogHasTheNewestFirstAndPagesAreStableUnderNewEntries) {
  for (const char* id : {"a", "b", "c", "d"}) {
    Make(id);
    now_ += absl::Seconds(1);
  }
  const auto first = store_->ListAudit({.limit = 2});
  ASSERT_TRUE(first.ok() && first->size() == 2) << first.status();
  const AuditEntry& newest = first->front();
  EXPECT_EQ(newest.target, "d");
  EXPECT_EQ(newest.at, now_ - absl::Seconds(1));
  EXPECT_EQ(newest.who, "operator alice");
  EXPECT_EQ(newest.detail_json, R"({"why": "ticket ü"})");
  EXPECT_EQ(newest.correlation_id, "correlation-1");
  Make("e");
  EXPECT_THAT(Log({.before_id = first->back().id}),
              ElementsAre("tenant.create b", "tenant.create a"));
  EXPECT_THAT(Log({.since = now_ - absl::Seconds(1)}),
              ElementsAre("tenant.create e", "tenant.create d"));
}

TEST_P(StoreTenantsTest, TheLogIsInTheOrderOfWritingWhateverTheClockSays) {
  constexpr int kEntries = 24, kPage = 5;
  Strings written;
  for (int i = 0; i < kEntries; ++i) {
    if (i == kEntries / 3) {
      now_ -= absl::Seconds(2);  // Until then, and from then on, all within one millisecond.
    }
    if (i == kEntries / 2) {
      Reopen();
    }
    const std::string id = absl::StrCat("t", i);
    Make(id);
    written.insert(written.begin(), "tenant.create " + id);
  }
  Strings listed;
  std::string before;
  while (listed.size() < written.size()) {
    const auto page = store_->ListAudit({.before_id = before, .limit = kPage});
    ASSERT_TRUE(page.ok() && !page->empty()) << page.status();
    for (const AuditEntry& entry : *page) {
      listed.push_back(entry.what + " " + entry.target);
    }
    before = page->back().id;
  }
  EXPECT_EQ(listed, written);
}

TEST_P(StoreTenantsTest, WhatIsTooOldIsForgottenWithTheNextEntry) {
  limits_.audit_kept = absl::Hours(24);
  Reopen();
  Make("a");
  now_ += absl::Hours(25);
  EXPECT_THAT(Log(), SizeIs(1));
  Make("b");
  EXPECT_THAT(Log(), ElementsAre("tenant.create b"));
}

TEST_P(StoreTenantsTest, WhatOperatorsDoElsewhereIsLoggedWithIt) {
  Create("job_1", 1);
  const AuditEntry cancel = By("job.cancel", "job_1");
  ASSERT_TRUE(store_->CancelJob("acme", "job_1", now_, &cancel).ok());
  ASSERT_TRUE(store_->CancelJob("acme", "job_1", now_, &cancel).ok()) << "it is so already";
  EXPECT_FALSE(store_->CancelJob("acme", "job_2", now_, &cancel).ok());
  now_ += absl::Seconds(1);
  const AuditEntry drain = By("node.drain", "box-7");
  EXPECT_FALSE(store_->SetNodeDrain("box-7", true, now_, &drain).ok()) << "nobody knows it yet";
  Open("box-7");
  ASSERT_TRUE(store_->SetNodeDrain("box-7", true, now_, &drain).ok());
  now_ += absl::Seconds(1);
  const AuditEntry secret = By("webhook_secret.replace", "acme");
  ASSERT_TRUE(store_->WebhookSecret("acme", "fresh", true, now_, &secret).ok());
  EXPECT_THAT(Log(),
              ElementsAre("webhook_secret.replace acme", "node.drain box-7", "job.cancel job_1"));
}

}  // namespace
}  // namespace rn
