// What every store does with the templates that tenants upload.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/coordinator/store_harness.h"

namespace rn {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class StoreTemplatesTest : public StoreTest {
 protected:
  StoredTemplate Put(const std::string& id, const std::string& body) {
    const auto put = store_->PutTemplate("acme", id, body, quota_, now_);
    EXPECT_TRUE(put.ok()) << put.status();
    return put.value_or(StoredTemplate());
  }
  std::string BodyOf(const std::string& id, std::int64_t version) {
    const auto found = store_->GetTemplate("acme", id, version);
    return found.ok() ? found->body : std::string(found.status().message());
  }

  TemplateQuota quota_;
};

INSTANTIATE_TEST_SUITE_P(Every,
                         StoreTemplatesTest,
                         ::testing::ValuesIn(kStoreBackends),
                         BackendName);

TEST_P(StoreTemplatesTest, EveryVersionIsKeptAlsoOverARestart) {
  const StoredTemplate first = Put("tpl_a", "{\"name\": \"caf\xc3\xa9\"}");
  EXPECT_EQ(first.version, 1);
  EXPECT_TRUE(first.is_new);
  EXPECT_EQ(first.created_at, now_);
  EXPECT_EQ(first.sha256, Sha256(first.body));
  now_ += absl::Seconds(1);
  EXPECT_EQ(Put("tpl_a", "two").version, 2);
  Reopen();
  EXPECT_EQ(BodyOf("tpl_a", 0), "two");
  EXPECT_EQ(BodyOf("tpl_a", 1), first.body);
  EXPECT_EQ(BodyOf("tpl_a", 3), "there is no version 3 of tpl_a");
  EXPECT_EQ(BodyOf("tpl_b", 0), "there is no template tpl_b");
}

TEST_P(StoreTemplatesTest, OnlyTheNewestBodyIsNotStoredAgain) {
  Put("tpl_a", "one");
  const StoredTemplate again = Put("tpl_a", "one");
  EXPECT_EQ(again.version, 1);
  EXPECT_FALSE(again.is_new);
  Put("tpl_a", "two");
  EXPECT_EQ(Put("tpl_a", "one").version, 3) << "going back is a new version";
}

TEST_P(StoreTemplatesTest, ListsHaveTheNewestOfEachWithoutTheBody) {
  Put("tpl_b", "one");
  Put("tpl_a", "one");
  Put("tpl_a", "two");
  const auto list = store_->ListTemplates("acme");
  ASSERT_TRUE(list.ok()) << list.status();
  ASSERT_EQ(list->size(), 2U);
  EXPECT_EQ(list->at(0).id, "tpl_a");
  EXPECT_EQ(list->at(0).version, 2);
  EXPECT_EQ(list->at(0).sha256, Sha256("two"));
  EXPECT_EQ(list->at(0).body, "");
  EXPECT_EQ(list->at(1).id, "tpl_b");
  EXPECT_THAT(*store_->ListTemplates("zeta"), IsEmpty());
  EXPECT_TRUE(absl::IsNotFound(store_->GetTemplate("zeta", "tpl_a", 0).status()));
}

TEST_P(StoreTemplatesTest, TheQuotaIsOfATenantAndOfATemplate) {
  quota_ = {.templates_max = 2, .versions_max = 1};
  Put("tpl_a", "one");
  Put("tpl_b", "one");
  const absl::Status third = store_->PutTemplate("acme", "tpl_c", "one", quota_, now_).status();
  EXPECT_TRUE(absl::IsResourceExhausted(third)) << third;
  EXPECT_THAT(std::string(third.message()), HasSubstr("the tenant has 2 templates; at most 2"));
  const absl::Status second = store_->PutTemplate("acme", "tpl_a", "two", quota_, now_).status();
  EXPECT_TRUE(absl::IsResourceExhausted(second)) << second;
  EXPECT_TRUE(store_->PutTemplate("zeta", "tpl_c", "one", quota_, now_).ok());
}

}  // namespace
}  // namespace rn
