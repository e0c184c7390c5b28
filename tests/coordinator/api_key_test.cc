#include "coordinator/api_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <set>

#include "base/file.h"
#include "coordinator/admin_key.h"
#include "coordinator/web_socket_offer.h"

namespace rn {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

constexpr ScryptCost kCheap = {.log2_n = 4, .r = 1, .p = 1};

TEST(ApiKey, ANewOneIsLikeNoOtherAndSaysItsId) {
  std::set<std::string> ids, texts;
  for (int i = 0; i < 100; ++i) {
    const NewApiKey key = MakeApiKey();
    EXPECT_THAT(key.text, MatchesRegex("rn_live_[0-9A-Za-z]+"));
    EXPECT_EQ(key.text.size(), 69u);
    EXPECT_EQ(ApiKeyId(key.text), key.id);
    EXPECT_THAT(key.text, StartsWith(ApiKeyName(key.id)));
    ids.insert(key.id);
    texts.insert(key.text.substr(ApiKeyName(key.id).size()));
  }
  EXPECT_EQ(ids.size(), 100u);
  EXPECT_EQ(texts.size(), 100u);
}

TEST(ApiKey, AnyCharacterThatIsNotAsItWasIsNoticed) {
  const std::string text = MakeApiKey().text;
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string other = text;
    other[i] = other[i] == 'x' ? 'y' : 'x';
    EXPECT_EQ(ApiKeyId(other), std::nullopt) << i;
  }
  EXPECT_EQ(ApiKeyId(text + "x"), std::nullopt);
  EXPECT_EQ(ApiKeyId(text.substr(0, text.size() - 1)), std::nullopt);
  EXPECT_EQ(ApiKeyId(""), std::nullopt);
  EXPECT_EQ(ApiKeyId("rn_live_" + std::string(61, '\0')), std::nullopt);
}

TEST(ApiKey, ABrowserCanOfferItAsASubprotocol) {
  const std::string text = MakeApiKey().text;
  EXPECT_EQ(ReadOffer("bearer." + text).authorization, "Bearer " + text);
}

TEST(ApiKey, AHashMatchesItsKeyAloneAndTellsItsCost) {
  const NewApiKey key = MakeApiKey();
  const std::string hash = HashApiKey(key.text, kCheap);
  EXPECT_THAT(hash, StartsWith("$scrypt$ln=4,r=1,p=1$"));
  EXPECT_THAT(hash, Not(HasSubstr(key.id)));
  EXPECT_EQ(*ApiKeyMatches(key.text, hash), true);
  EXPECT_EQ(*ApiKeyMatches(MakeApiKey().text, hash), false);
  EXPECT_NE(HashApiKey(key.text, kCheap), hash) << "salted";
}

TEST(ApiKey, TheDefaultCostIsSixteenMebibytes) {
  EXPECT_THAT(HashApiKey("x"), StartsWith("$scrypt$ln=14,r=8,p=1$"));
}

// The first 32 bytes of the example in RFC 7914, section 12.
TEST(ApiKey, ItIsScryptAsOthersKnowIt) {
  EXPECT_EQ(*ApiKeyMatches("pleaseletmein",
                           "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU=$"
                           "cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofI="),
            true);
}

TEST(ApiKey, WhatIsNoHashIsDamageAndNoRefusal) {
  for (const char* bad :
       {"",
        "$scrypt$",
        "$argon2$ln=4,r=1,p=1$eA==$eA==",
        "$scrypt$ln=4,r=1$eA==$eA==",
        "$scrypt$ln=4,r=1,p=1$eA==$eA==",
        "$scrypt$ln=40,r=1,p=1$eA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "$scrypt$ln=4,r=999,p=1$eA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}) {
    EXPECT_TRUE(absl::IsDataLoss(ApiKeyMatches("key", bad).status())) << bad;
  }
}

class AdminKeyTest : public ::testing::Test {
 protected:
  const TempDir folder_ = *TempDir::Create("admin_key");
  const std::filesystem::path path_ = folder_.path() / "admin.key";
};

TEST_F(AdminKeyTest, IsMadeOnceAndForItsOwnerAlone) {
  const auto made = LoadOrMakeAdminKey(path_);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_GE(made->size(), 60u);
  struct stat info {};
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
  EXPECT_EQ(*LoadOrMakeAdminKey(path_), *made);
}

TEST_F(AdminKeyTest, WhatOthersMayReadOrGuessIsRefused) {
  std::ofstream(path_) << "short\n";
  std::filesystem::permissions(path_, std::filesystem::perms(0600));
  const absl::Status guessed = LoadOrMakeAdminKey(path_).status();
  EXPECT_TRUE(absl::IsInvalidArgument(guessed)) << guessed;
  EXPECT_THAT(std::string(guessed.message()), HasSubstr(path_.string()));
  std::ofstream(path_) << std::string(40, 'k');
  std::filesystem::permissions(path_, std::filesystem::perms(0644));
  EXPECT_TRUE(absl::IsPermissionDenied(LoadOrMakeAdminKey(path_).status()));
  std::filesystem::permissions(path_, std::filesystem::perms(0640));
  EXPECT_EQ(*LoadOrMakeAdminKey(path_), std::string(40, 'k'));
}

TEST_F(AdminKeyTest, WithoutItsFolderItSaysWhich) {
  const absl::Status missing = LoadOrMakeAdminKey(folder_.path() / "no" / "admin.key").status();
  EXPECT_THAT(std::string(missing.message()), HasSubstr((folder_.path() / "no").string()));
}

}  // namespace
}  // namespace rn
