#include "hwaccel/h264_bits.h"

#include <gtest/gtest.h>

#include <random>

namespace rn {
namespace {

using Bytes = std::vector<std::uint8_t>;

TEST(H264BitsTest, CodeWordsAreThoseOfTheStandardsTable) {
  // 9.1: 0 is "1", 1 is "010", 2 is "011", 3 is "00100" …; signed: 1, -1, 2, -2 …
  BitWriter unsigned_words;
  for (const std::uint32_t value : {0U, 1U, 2U, 3U}) unsigned_words.Ue(value);
  EXPECT_EQ(unsigned_words.Finish(), (Rbsp{0b1'010'011'0, 0b0100'1'000}));
  BitWriter signed_words;
  for (const std::int32_t value : {0, 1, -1, 2}) signed_words.Se(value);
  EXPECT_EQ(signed_words.Finish(), (Rbsp{0b1'010'011'0, 0b0100'1'000}));
}

TEST(H264BitsTest, WhatIsWrittenIsRead) {
  BitWriter writer;
  const std::vector<std::uint32_t> values = {0, 1, 7, 8, 254, 8159, 65535, 0x7FFFFFFE};
  for (const std::uint32_t value : values) {
    writer.Ue(value);
    writer.Bits(value & 0x1F, 5);
    writer.Se(-static_cast<std::int32_t>(value / 4));
  }
  const Rbsp unit = writer.Finish();
  BitReader reader(unit);
  for (const std::uint32_t value : values) {
    EXPECT_EQ(reader.Ue(), value);
    EXPECT_EQ(reader.Bits(5), value & 0x1F);
    EXPECT_EQ(reader.Se(), -static_cast<std::int32_t>(value / 4));
  }
  EXPECT_EQ(reader.position(), EndOfData(unit));
  EXPECT_FALSE(reader.failed());
}

TEST(H264BitsTest, ReadingPastTheEndIsRemembered) {
  const Rbsp unit = {0x00, 0x01};
  BitReader reader(unit);
  EXPECT_EQ(reader.Bits(16), 1U);
  EXPECT_FALSE(reader.failed());
  reader.Flag();
  EXPECT_TRUE(reader.failed());
  BitReader endless(unit);
  endless.Seek(16);
  endless.Ue();  // Zeros without end are no number.
  EXPECT_TRUE(endless.failed());
}

TEST(H264BitsTest, NothingInAUnitLooksLikeAStartCode) {
  Bytes bytes;
  AppendToByteStream({0x65, 0, 0, 0, 0, 0, 1, 0, 0, 2, 0, 0, 3, 0, 0, 4}, &bytes);
  EXPECT_EQ(bytes,
            (Bytes{0, 0, 0, 1, 0x65, 0, 0, 3, 0, 0, 3, 0, 1, 0, 0, 3, 2, 0, 0, 3, 3, 0, 0, 4}));
}

TEST(H264BitsTest, UnitsComeBackFromAByteStreamAsTheyWere) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    std::vector<Rbsp> units;
    Bytes bytes;
    for (int i = 0; i < 3; ++i) {
      Rbsp unit = {0x41};
      for (std::uint32_t left = random() % 40; left > 0; --left) {
        unit.push_back(static_cast<std::uint8_t>(random() % 5));  // mostly what needs protection
      }
      unit.push_back(0x80);
      AppendToByteStream(unit, &bytes);
      units.push_back(std::move(unit));
    }
    ASSERT_EQ(SplitByteStream(bytes), units);
  }
}

TEST(H264BitsTest, ShortStartCodesAndZerosBetweenUnitsAreRead) {
  const Bytes bytes = {0, 0, 1, 0x67, 0x42, 0, 0, 0, 0, 0, 1, 0x68, 0xCE, 0, 0};
  EXPECT_EQ(SplitByteStream(bytes), (std::vector<Rbsp>{{0x67, 0x42}, {0x68, 0xCE}}));
  EXPECT_TRUE(SplitByteStream(Bytes{1, 2, 3}).empty());
}

TEST(H264BitsTest, DataEndsBeforeTheLastOne) {
  EXPECT_EQ(EndOfData({0x68, 0x80}), 8U);
  EXPECT_EQ(EndOfData({0x68, 0xA4, 0x00}), 13U);
  EXPECT_EQ(EndOfData({0x00}), 0U);
}

}  // namespace
}  // namespace rn
