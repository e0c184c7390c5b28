// Where video is encoded: one interface, one back end per kind of hardware. Nothing above this
// folder names a vendor's API.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "hwaccel/frame.h"

struct AVCodecContext;
struct AVPacket;

namespace rn {

struct EncodeParams {
  int width = 1920, height = 1080;  // even
  FrameRate frame_rate;
  double crf = 20;                    // constant quality, x264's scale; or
  std::optional<int> bitrate_bps;     // this on average, and never much more for long
  int keyframe_interval_frames = 60;  // a keyframe on every multiple; more at scene cuts
  int threads = 1;                    // CPU back end only
  // What did not change is not encoded again. false: all of every frame is, as libx264 alone does.
  bool elision = true;  // CPU back end only
  // Whether some frames will be the same picture as the one before. Those that do in spite of a
  // false are encoded.
  bool repeats = false;  // CPU back end only
};

enum class DeviceKind { kCpu, kNvenc, kVaapi };

struct DeviceInfo {
  DeviceKind kind = DeviceKind::kCpu;
  std::string uuid;     // stable over restarts; "cpu"
  std::string name;     // for people: "CPU (libx264)"
  std::string encoder;  // "libx264"
};

// A frame of the encoder's own to compose into.
struct EncoderFrame {
  Nv12View view;                      // writable until Submit
  std::optional<std::int64_t> holds;  // the frame number that it shows now; nothing: undefined
};

// What is known of a frame before anybody has looked at its pixels.
struct FrameChange {
  // Where it may differ from the frame before, and nowhere else; none: it is the same picture. Of
  // frame 0 everything is new, whatever this says.
  absl::Span<const IntRect> damage;
  // This frame and those right behind it that will certainly be the same picture; and how many
  // frames and pictures other than this one follow until the end. Guesses cost quality or bytes, no
  // more.
  std::int64_t stands = 1, frames_after = 0, pictures_after = 0;
  // The share of it, 0 … 1, in which something travels visibly, or plays. A guess, too.
  double travels = 0;
};

// Called for each packet in decoding order; pts and dts count frames (time base 1/frame_rate).
using PacketSink = absl::FunctionRef<absl::Status(AVPacket& packet)>;

// H.264 High, yuv420p, BT.709 limited, parameter sets in the stream's global header. One thread.
class VideoEncoder {
 public:
  // Destroying an unfinished encoder discards what it holds.
  virtual ~VideoEncoder() = default;

  // At most one frame is out at a time.
  virtual absl::StatusOr<EncoderFrame> Acquire() = 0;

  // Encodes the acquired frame as frame `n`: 0, 1, 2, … in order. Errors carry no item error code:
  // any of them means that the encoder is dead.
  virtual absl::Status Submit(std::int64_t n, const FrameChange& change, PacketSink sink) = 0;

  // Flushes; the encoder is spent afterwards.
  virtual absl::Status Finish(PacketSink sink) = 0;

  // For the muxer: codec parameters, time base and extradata. Lives as long as the encoder.
  virtual const AVCodecContext& codec() const = 0;
};

// Thread-safe. Outlives its encoders. OpenEncoder: ResourceExhausted when no session is left.
class Device {
 public:
  virtual ~Device() = default;
  virtual const DeviceInfo& info() const = 0;
  virtual absl::StatusOr<std::unique_ptr<VideoEncoder>> OpenEncoder(const EncodeParams& params) = 0;
};

// What the template asks of hardware encoding.
enum class HardwarePolicy { kRequired, kPreferred, kOff };

struct DeviceChoice {
  Device* device = nullptr;  // never null
  std::string reason;        // why this one: "no hardware encoder on this node"
};

// The devices of this machine; the CPU is always the last.
class DeviceList {
 public:
  static DeviceList Discover();

  // FailedPrecondition under kRequired on a machine without a hardware encoder.
  absl::StatusOr<DeviceChoice> Choose(HardwarePolicy policy) const;

 private:
  std::unique_ptr<Device> cpu_;
};

}  // namespace rn
