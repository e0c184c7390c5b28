#include "hwaccel/cpu_device.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/hwaccel/stream.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#endif

namespace rn {
namespace {

#if defined(__SANITIZE_ADDRESS__)
using LeaksForgiven = __lsan::ScopedDisabler;
#else
struct LeaksForgiven {
  ~LeaksForgiven() {}
};
#endif

// Flat pictures whose brightness follows the frame number.
std::vector<IntRect> PaintBrightness(std::int64_t n, const EncoderFrame& frame) {
  FillFlat(frame.view, static_cast<std::uint8_t>(16 + n % 200));
  return {{0, 0, frame.view.width, frame.view.height}};
}

TEST(CpuDeviceTest, EveryFrameComesOutOnceAndKeyframesStandOnTheInterval) {
  const auto stream = EncodeFrames(
      {.width = 64, .height = 64, .frame_rate = {30, 1}, .keyframe_interval_frames = 25},
      100,
      PaintBrightness);
  ASSERT_TRUE(stream.ok()) << stream.status();
  ASSERT_EQ(stream->packets.size(), 100u);
  std::vector<bool> key(100);
  for (const StreamPacket& packet : stream->packets) {
    key.at(static_cast<std::size_t>(packet.pts)) = packet.key;
  }
  for (const std::size_t multiple : {0u, 25u, 50u, 75u}) {
    EXPECT_TRUE(key[multiple]) << multiple;
  }
}

TEST(CpuDeviceTest, EachFrameIsComposedOverTheOneBeforeIt) {
  const auto stream = EncodeFrames({.width = 64, .height = 64}, 4, PaintBrightness);
  ASSERT_TRUE(stream.ok()) << stream.status();
  EXPECT_EQ(stream->held, (std::vector<std::optional<std::int64_t>>{std::nullopt, 0, 1, 2}));
}

TEST(CpuDeviceTest, AnEncoderThatIsDroppedHalfWayLeavesNothingBehind) {
  const auto device = MakeCpuDevice();
  auto encoder = device->OpenEncoder({.width = 64, .height = 64});
  ASSERT_TRUE(encoder.ok()) << encoder.status();
  const auto drop = [](AVPacket&) { return absl::OkStatus(); };
  for (std::int64_t n = 0; n < 3; ++n) {
    const auto frame = (*encoder)->Acquire();
    ASSERT_TRUE(frame.ok());
    const std::vector<IntRect> damage = PaintBrightness(n, *frame);
    ASSERT_TRUE((*encoder)->Submit(n, {damage}, drop).ok());
  }
  ASSERT_TRUE((*encoder)->Acquire().ok());
  encoder->reset();
}

TEST(CpuDeviceTest, SizesThatX264CannotEncodeAreAnErrorInItsWords) {
  const LeaksForgiven leaks;  // libx264 forgets the names of two files when it refuses.
  const auto encoder = MakeCpuDevice()->OpenEncoder({.width = 0, .height = 64});
  ASSERT_FALSE(encoder.ok());
  EXPECT_NE(encoder.status().message().find("0x64"), absl::string_view::npos) << encoder.status();
}

TEST(CpuDeviceTest, RequiredHardwareIsAnErrorThatNamesWhatWouldBeValid) {
  const DeviceList devices = DeviceList::Discover();
  const auto choice = devices.Choose(HardwarePolicy::kRequired);
  EXPECT_EQ(choice.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(choice.status().message().find("\"preferred\""), absl::string_view::npos);
  EXPECT_EQ(devices.Choose(HardwarePolicy::kPreferred)->reason, "no hardware encoder on this node");
}

}  // namespace
}  // namespace rn
