// What every store does about webhooks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/coordinator/store_harness.h"

namespace rn {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr absl::Duration kClaim = absl::Minutes(1);

class StoreWebhooksTest : public StoreTest {
 protected:
  static NewJob Calling(const std::string& id, int items = 1) {
    NewJob job = JobOf(id, items);
    job.callback_url = "https://acme.example/hook?job=" + id;
    job.correlation_id = "correlation-" + id;
    return job;
  }

  std::vector<WebhookDelivery> Due(int limit = 100, const std::set<std::string>& held_back = {}) {
    const auto due = store_->TakeWebhooks(limit, held_back, kClaim, now_);
    EXPECT_TRUE(due.ok()) << due.status();
    return due.value_or(std::vector<WebhookDelivery>());
  }

  void Cancel(const std::string& id) { EXPECT_TRUE(store_->CancelJob("acme", id, now_).ok()); }
};

INSTANTIATE_TEST_SUITE_P(Every,
                         StoreWebhooksTest,
                         ::testing::ValuesIn(kStoreBackends),
                         BackendName);

TEST_P(StoreWebhooksTest, AJobHasADeliveryFromItsLastItemOn) {
  Create(Calling("job_1", 2));
  const std::string session = Open("node");
  Commit(session, Take(session, "job_1-1"), Succeeded());
  EXPECT_THAT(Due(), IsEmpty()) << "the job is not over";
  const rendernode::LeaseRef last = Take(session, "job_1-2");
  now_ += absl::Seconds(5);
  Commit(session, last, Failed(Retryable::kNo));
  const auto due = Due();
  ASSERT_THAT(due, SizeIs(1));
  EXPECT_EQ(due[0].job_id, "job_1");
  EXPECT_EQ(due[0].tenant, "acme");
  EXPECT_EQ(due[0].url, "https://acme.example/hook?job=job_1");
  EXPECT_EQ(due[0].correlation_id, "correlation-job_1");
  EXPECT_EQ(due[0].ended_at, now_);
  EXPECT_EQ(due[0].attempts, 1);
}

TEST_P(StoreWebhooksTest, EveryWayToEndIsToldAndWithoutAnAddressNobodyIs) {
  Create(Calling("job_canceled"));
  Cancel("job_canceled");
  NewJob broken = Calling("job_broken");
  broken.items[0].error = ItemError{rendernode::ITEM_ERROR_TEMPLATE_RENDER_ERROR, "no title"};
  Create(broken);
  NewJob late = Calling("job_late");
  late.processing_deadline = absl::Seconds(1);
  Create(late);
  Create("job_silent", 1);
  Cancel("job_silent");
  now_ += absl::Seconds(2);
  Expire();
  std::set<std::string> told;
  for (const WebhookDelivery& delivery : Due()) {
    told.insert(delivery.job_id);
  }
  EXPECT_EQ(told, (std::set<std::string>{"job_broken", "job_canceled", "job_late"}));
}

TEST_P(StoreWebhooksTest, WhatIsTakenIsDueAgainAfterTheClaimAlsoInAnotherLife) {
  Create(Calling("job_1"));
  Cancel("job_1");
  ASSERT_THAT(Due(), SizeIs(1));
  EXPECT_THAT(Due(), IsEmpty()) << "somebody sends it";
  Reopen();
  now_ += kClaim;
  const auto again = Due();
  ASSERT_THAT(again, SizeIs(1)) << "whoever it was, died";
  EXPECT_EQ(again[0].attempts, 2);
}

TEST_P(StoreWebhooksTest, ADelayedOneWaitsAndAForgottenOneIsGone) {
  Create(Calling("job_1"));
  Cancel("job_1");
  const WebhookDelivery delivery = Due().at(0);
  ASSERT_TRUE(store_->DelayWebhook(delivery, now_ + absl::Hours(1)).ok());
  now_ += absl::Minutes(59);
  EXPECT_THAT(Due(), IsEmpty());
  now_ += absl::Minutes(1);
  ASSERT_THAT(Due(), SizeIs(1));
  ASSERT_TRUE(store_->ForgetWebhook(delivery).ok());
  now_ += absl::Hours(100);
  EXPECT_THAT(Due(), IsEmpty());
}

TEST_P(StoreWebhooksTest, ARetriedJobIsNotOverAndItsNextEndIsOtherNews) {
  Create(Calling("job_1"));
  const std::string session = Open("node");
  Commit(session, Take(session, "job_1-1"), Failed(Retryable::kNo));
  const WebhookDelivery first = Due().at(0);
  ASSERT_TRUE(store_->RetryFailed("acme", "job_1", now_).ok());
  now_ += kClaim;
  EXPECT_THAT(Due(), IsEmpty());
  Commit(session, Take(session, "job_1-1"), Succeeded());
  ASSERT_TRUE(store_->ForgetWebhook(first).ok());
  ASSERT_TRUE(store_->DelayWebhook(first, now_ + absl::Hours(1)).ok());
  const auto second = Due();
  ASSERT_THAT(second, SizeIs(1)) << "who sent the first news has no say in the second";
  EXPECT_GT(second[0].ended_at, first.ended_at);
  EXPECT_EQ(second[0].attempts, 1);
}

TEST_P(StoreWebhooksTest, TheLongestDueComeFirstAndNoMoreThanAskedFor) {
  for (const char* id : {"job_c", "job_a", "job_b"}) {
    Create(Calling(id));
    Cancel(id);
    now_ += absl::Seconds(1);
  }
  const auto first = Due(2);
  ASSERT_THAT(first, SizeIs(2));
  EXPECT_EQ(first[0].job_id, "job_c");
  EXPECT_EQ(first[1].job_id, "job_a");
  EXPECT_THAT(Due(2), SizeIs(1));
}

TEST_P(StoreWebhooksTest, TenantsThatAreHeldBackLoseNothing) {
  for (const char* tenant : {"acme", "acme_2", "acmeX2", "ACME"}) {
    NewJob job = Calling(absl::StrCat("job_", tenant));
    job.tenant = tenant;
    Create(job);
    ASSERT_TRUE(store_->CancelJob(tenant, job.id, now_).ok());
  }
  std::set<std::string> told;
  for (const WebhookDelivery& delivery : Due(100, {"acme", "acme_2", "nobody"})) {
    told.insert(delivery.tenant);
  }
  EXPECT_EQ(told, (std::set<std::string>{"ACME", "acmeX2"})) << "of exactly that name alone";
  EXPECT_THAT(Due(100, {"acme"}), SizeIs(1));
  EXPECT_THAT(Due(), SizeIs(1));
}

TEST_P(StoreWebhooksTest, ATenantKeepsItsSecretUntilItIsReplaced) {
  EXPECT_EQ(*store_->WebhookSecret("acme", "one", false), "one");
  EXPECT_EQ(*store_->WebhookSecret("acme", "two", false), "one");
  EXPECT_EQ(*store_->WebhookSecret("zeta", "three", false), "three");
  EXPECT_EQ(*store_->WebhookSecret("acme", "four", true), "four");
  Reopen();
  EXPECT_EQ(*store_->WebhookSecret("acme", "five", false), "four");
}

}  // namespace
}  // namespace rn
