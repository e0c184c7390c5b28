#include "hwaccel/cpu_device.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "hwaccel/ffmpeg.h"

namespace rn {
namespace {

struct Packet {
  std::int64_t pts, dts;
  bool key;
};

class CpuDeviceTest : public testing::Test {
 protected:
  // Encodes `frames` flat pictures whose brightness follows the frame number.
  void Encode(std::int64_t frames, const EncodeParams& params) {
    auto encoder = device_->OpenEncoder(params);
    ASSERT_TRUE(encoder.ok()) << encoder.status();
    const auto keep = [&](AVPacket& packet) {
      packets_.push_back({packet.pts, packet.dts, (packet.flags & AV_PKT_FLAG_KEY) != 0});
      return absl::OkStatus();
    };
    for (std::int64_t n = 0; n < frames; ++n) {
      auto frame = (*encoder)->Acquire();
      ASSERT_TRUE(frame.ok()) << frame.status();
      held_.push_back(frame->holds);
      for (int row = 0; row < params.height; ++row) {
        std::memset(frame->view.y + row * frame->view.y_stride,
                    static_cast<int>(16 + n % 200),
                    static_cast<std::size_t>(params.width));
      }
      for (int row = 0; row < params.height / 2; ++row) {
        std::memset(frame->view.uv + row * frame->view.uv_stride,
                    128,
                    static_cast<std::size_t>(params.width));
      }
      ASSERT_TRUE((*encoder)->Submit(n, keep).ok());
    }
    ASSERT_TRUE((*encoder)->Finish(keep).ok());
  }

  std::unique_ptr<Device> device_ = MakeCpuDevice();
  std::vector<Packet> packets_;
  std::vector<std::optional<std::int64_t>> held_;
};

TEST_F(CpuDeviceTest, EveryFrameComesOutOnceAndKeyframesStandOnTheInterval) {
  Encode(100, {.width = 64, .height = 64, .frame_rate = {30, 1}, .keyframe_interval_frames = 25});
  ASSERT_EQ(packets_.size(), 100u);
  std::vector<bool> key(100);
  for (const Packet& packet : packets_) {
    key.at(static_cast<std::size_t>(packet.pts)) = packet.key;
  }
  for (const std::size_t multiple : {0u, 25u, 50u, 75u}) {
    EXPECT_TRUE(key[multiple]) << multiple;
  }
}

TEST_F(CpuDeviceTest, EachFrameIsComposedOverTheOneBeforeIt) {
  Encode(4, {.width = 64, .height = 64});
  EXPECT_EQ(held_, (std::vector<std::optional<std::int64_t>>{std::nullopt, 0, 1, 2}));
}

TEST_F(CpuDeviceTest, AnEncoderThatIsDroppedHalfWayLeavesNothingBehind) {
  auto encoder = device_->OpenEncoder({.width = 64, .height = 64});
  ASSERT_TRUE(encoder.ok()) << encoder.status();
  ASSERT_TRUE((*encoder)->Acquire().ok());
  encoder->reset();
}

TEST_F(CpuDeviceTest, RequiredHardwareIsAnErrorThatNamesWhatWouldBeValid) {
  const DeviceList devices = DeviceList::Discover();
  const auto choice = devices.Choose(HardwarePolicy::kRequired);
  EXPECT_EQ(choice.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(choice.status().message().find("\"preferred\""), absl::string_view::npos);
  EXPECT_EQ(devices.Choose(HardwarePolicy::kPreferred)->reason, "no hardware encoder on this node");
}

}  // namespace
}  // namespace rn
