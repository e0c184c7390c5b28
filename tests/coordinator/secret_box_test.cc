#include "coordinator/secret_box.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/file.h"

namespace rn {
namespace {

using ::testing::HasSubstr;

class SecretBoxTest : public ::testing::Test {
 protected:
  absl::StatusOr<SecretBox> Load(const std::string& text, int mode = 0600) {
    std::ofstream(path_) << text;
    std::filesystem::permissions(path_, std::filesystem::perms(mode));
    return SecretBox::Load(path_);
  }

  const TempDir folder_ = *TempDir::Create("secret_box");
  const std::filesystem::path path_ = folder_.path() / "secrets.key";
  const SecretBox box_ = *Load(std::string(64, 'a') + "\n");
};

TEST_F(SecretBoxTest, WhatIsSealedOpensAndShowsNothing) {
  for (const std::string& secret :
       {std::string("whsec_0123"), std::string(), std::string(1000, '\0')}) {
    const std::string sealed = box_.Seal(secret, "acme");
    EXPECT_TRUE(SecretBox::IsSealed(sealed));
    EXPECT_EQ(*box_.Open(sealed, "acme"), secret);
    EXPECT_NE(box_.Seal(secret, "acme"), sealed) << "a nonce of its own";
  }
  EXPECT_THAT(box_.Seal("whsec_0123", "acme"), Not(HasSubstr("whsec")));
  EXPECT_FALSE(SecretBox::IsSealed("whsec_0123"));
}

TEST_F(SecretBoxTest, AnotherOwnerKeyOrByteIsNoticed) {
  // With its nonce and its tag a multiple of three bytes: each bit of each digit counts.
  const std::string sealed = box_.Seal("secret12", "acme");
  EXPECT_TRUE(absl::IsDataLoss(box_.Open(sealed, "zeta").status()));
  EXPECT_TRUE(absl::IsDataLoss(Load(std::string(64, 'b'))->Open(sealed, "acme").status()));
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string other = sealed;
    other[i] = other[i] == 'A' ? 'B' : 'A';
    EXPECT_TRUE(absl::IsDataLoss(box_.Open(other, "acme").status())) << i;
  }
  EXPECT_TRUE(absl::IsDataLoss(box_.Open("gcm1:", "acme").status()));
}

TEST_F(SecretBoxTest, AKeyFileSaysWhatIsWrongWithIt) {
  EXPECT_TRUE(absl::IsInvalidArgument(Load("short").status()));
  EXPECT_THAT(std::string(Load(std::string(64, 'g')).status().message()),
              HasSubstr("64 hex digits"));
  EXPECT_TRUE(absl::IsPermissionDenied(Load(std::string(64, 'a'), 0644).status()));
  EXPECT_TRUE(absl::IsNotFound(SecretBox::Load(folder_.path() / "none").status()));
}

}  // namespace
}  // namespace rn
