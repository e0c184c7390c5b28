#include "hwaccel/x264_encoder.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "hwaccel/cpu_device.h"
#include "tests/hwaccel/stream.h"

namespace rn {
namespace {

constexpr EncodeParams kSmall = {
    .width = 320, .height = 192, .crf = 23, .keyframe_interval_frames = 30};
constexpr IntRect kWhole = {0, 0, 320, 192};

// A square of 48 that walks right by 2 pixels a frame over a still texture.
std::vector<IntRect> PaintWalkingSquare(std::int64_t n, const EncoderFrame& frame) {
  FillTexture(frame.view, kWhole, 0);
  const auto left = static_cast<int>(2 * n);
  FillTexture(frame.view, {left, 64, 48, 48}, 7);
  return n == 0 ? std::vector<IntRect>{kWhole} : std::vector<IntRect>{{left - 2, 64, 50, 48}};
}

// The texture dissolves into another one.
std::vector<IntRect> PaintFade(std::int64_t n, const EncoderFrame& frame) {
  FillBlend(frame.view, 0, 7, std::min(1.0, static_cast<double>(n) / 40));
  return {kWhole};
}

bool HasBFrames(const Stream& stream) {
  return !std::is_sorted(stream.packets.begin(),
                         stream.packets.end(),
                         [](const auto& a, const auto& b) { return a.pts < b.pts; });
}

TEST(X264EncoderTest, WithoutElisionTheStreamIsPlainLibx264sByteForByte) {
  EncodeParams plain = kSmall;
  plain.elision = false;
  for (const auto& paint : {PaintWalkingSquare, PaintFade}) {
    const auto ours = EncodeFrames(plain, 70, paint);
    ASSERT_TRUE(ours.ok()) << ours.status();
    auto codec = OpenX264(plain);
    ASSERT_TRUE(codec.ok()) << codec.status();
    const auto floor = EncodeWithFfmpeg(*std::move(codec), plain, 70, paint);
    ASSERT_TRUE(floor.ok()) << floor.status();
    EXPECT_EQ(ours->header, floor->header);
    EXPECT_TRUE(ours->packets == floor->packets);
  }
}

TEST(X264EncoderTest, ABitrateIsThatOfPlainLibx264ToTheByte) {
  EncodeParams plain = kSmall;
  plain.elision = false;
  plain.bitrate_bps = 400'000;
  const auto ours = EncodeFrames(plain, 70, PaintFade);
  ASSERT_TRUE(ours.ok()) << ours.status();
  auto codec = OpenX264(plain);
  ASSERT_TRUE(codec.ok()) << codec.status();
  const auto floor = EncodeWithFfmpeg(*std::move(codec), plain, 70, PaintFade);
  ASSERT_TRUE(floor.ok()) << floor.status();
  EXPECT_TRUE(ours->packets == floor->packets);
}

// Another picture every quarter of a second, more than the bitrate can show well.
std::vector<IntRect> PaintBusy(std::int64_t n, const EncoderFrame& frame) {
  FillBlend(frame.view, static_cast<int>(n / 8), static_cast<int>(n / 8) + 1, n % 8 / 8.0);
  return {kWhole};
}

constexpr int kFps = 30;

double MostBitsOfTwoSeconds(const Stream& stream) {
  std::size_t most = 0;
  for (std::size_t first = 0; first + 2 * kFps <= stream.packets.size(); ++first) {
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < 2 * kFps; ++i) bytes += stream.packets[first + i].bytes.size();
    most = std::max(most, bytes);
  }
  return 8.0 * static_cast<double>(most);
}

TEST(X264EncoderTest, ABitrateIsKeptOnAverageAndOverEveryTwoSeconds) {
  constexpr std::int64_t kSeconds = 10;
  for (const int bitrate_bps : {200'000, 600'000}) {
    EncodeParams params = kSmall;
    params.bitrate_bps = bitrate_bps;
    const auto stream = EncodeFrames(params, kSeconds * kFps, PaintBusy);
    ASSERT_TRUE(stream.ok()) << stream.status();
    const double bits = 8.0 * static_cast<double>(stream->size());
    EXPECT_NEAR(bits / kSeconds, bitrate_bps, 0.15 * bitrate_bps);
    const Vbv vbv = VbvOf(bitrate_bps);
    EXPECT_LE(MostBitsOfTwoSeconds(*stream), vbv.buffer_bits + 2.0 * vbv.peak_bps);
  }
}

// Stills of two seconds and a half, dissolved into each other in half a second.
std::vector<IntRect> PaintSlides(std::int64_t n, const EncoderFrame& frame) {
  const auto share = [](std::int64_t m) { return std::max<double>(0, m % 90 - 75) / 15; };
  if (n > 0 && share(n) == share(n - 1)) return {};
  const auto slide = static_cast<int>(n / 90);
  FillBlend(frame.view, slide, slide + 1, share(n));
  return {kWhole};
}

TEST(X264EncoderTest, ABitrateIsKeptOfStillsThatAreNotEncodedAgain) {
  constexpr std::int64_t kSeconds = 15;
  for (const int bitrate_bps : {40'000, 100'000}) {
    EncodeParams params = kSmall;
    params.keyframe_interval_frames = 60;
    params.bitrate_bps = bitrate_bps;
    params.repeats = true;
    const auto stream = EncodeFrames(params, kSeconds * kFps, PaintSlides);
    ASSERT_TRUE(stream.ok()) << stream.status();
    EXPECT_NEAR(
        8.0 * static_cast<double>(stream->size()) / kSeconds, bitrate_bps, 0.25 * bitrate_bps);
    const Vbv vbv = VbvOf(bitrate_bps);
    EXPECT_LE(MostBitsOfTwoSeconds(*stream), vbv.buffer_bits + 2.0 * vbv.peak_bps);
  }
}

TEST(X264EncoderTest, BFramesOnlyWhereMostOfTheFrameMoves) {
  const auto little = EncodeFrames(kSmall, 60, PaintWalkingSquare);
  ASSERT_TRUE(little.ok()) << little.status();
  EXPECT_FALSE(HasBFrames(*little));
  const auto all = EncodeFrames(kSmall, 60, PaintFade);
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_TRUE(HasBFrames(*all));
}

TEST(X264EncoderTest, BFramesToWhereMuchTravels) {
  // A fifth of the frame slides over a still.
  const auto paint = [](std::int64_t n, const EncoderFrame& frame) {
    FillTexture(frame.view, kWhole, 0);
    const auto left = static_cast<int>(2 * n);
    FillTexture(frame.view, {left, 32, 112, 112}, 7);
    return n == 0 ? std::vector<IntRect>{kWhole} : std::vector<IntRect>{{left - 2, 32, 114, 112}};
  };
  const auto stands = EncodeFrames(kSmall, 60, paint);
  const auto travels =
      EncodeFrames(kSmall, 60, paint, [](std::int64_t) { return FrameChange{.travels = 0.21}; });
  ASSERT_TRUE(stands.ok() && travels.ok());
  EXPECT_FALSE(HasBFrames(*stands));
  EXPECT_TRUE(HasBFrames(*travels));
}

TEST(X264EncoderTest, HintsCostNoQualityAndLittleSize) {
  EncodeParams plain = kSmall;
  plain.elision = false;
  const auto hinted = EncodeFrames(kSmall, 90, PaintWalkingSquare);
  const auto full = EncodeFrames(plain, 90, PaintWalkingSquare);
  ASSERT_TRUE(hinted.ok() && full.ok());
  // On pictures this small a quick search costs more than on large ones.
  EXPECT_LT(static_cast<double>(hinted->size()), 1.2 * static_cast<double>(full->size()));
  EXPECT_LT(ErrorAgainstSource(*hinted, kSmall, PaintWalkingSquare),
            1.02 * ErrorAgainstSource(*full, plain, PaintWalkingSquare));
}

TEST(X264EncoderTest, DamageAtTheEdgesOfAFrameOfOddBlocksIsEncoded) {
  // 200 × 120 pixels are 12.5 × 7.5 macroblocks.
  const EncodeParams odd = {.width = 200, .height = 120, .crf = 18};
  const IntRect whole = {0, 0, 200, 120};
  const IntRect corner = {184, 104, 16, 16};
  const auto paint = [&](std::int64_t n, const EncoderFrame& frame) {
    FillTexture(frame.view, whole, 0);
    FillTexture(frame.view, corner, static_cast<int>(n));
    return std::vector<IntRect>{n == 0 ? whole : corner};
  };
  const auto stream = EncodeFrames(odd, 5, paint);
  ASSERT_TRUE(stream.ok()) << stream.status();
  const auto frames = Decode(*stream);
  ASSERT_TRUE(frames.ok()) << frames.status();
  ASSERT_EQ(frames->size(), 5u);
  for (std::int64_t n = 0; n < 5; ++n) {
    EXPECT_LT(LumaError((*frames)[static_cast<std::size_t>(n)], Painted(odd, n, paint), corner), 15)
        << n;
  }
}

}  // namespace
}  // namespace rn
