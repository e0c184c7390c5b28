// Static-frame elision: an encoder is fed the frames that differ from the one before, and what it
// makes of them becomes a stream in which every frame is there.
//
// A frame that repeats the one before is a picture of its own, to which nothing refers and whose
// macroblocks are all skipped: 13 bytes at 1080p, written under a second picture parameter set
// (CAVLC, no weights, no deblocking). Such pictures stand between the encoder's, so that its
// picture order counts, which number what it was fed, are replaced: pic_order_cnt_lsb becomes a
// byte wider in the sequence parameter set and in every slice header, and whatever follows it in a
// slice moves by that byte.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "hwaccel/h264_bits.h"

namespace rn {

// An access unit as a byte stream (Annex B).
struct AccessUnit {
  std::vector<std::uint8_t> bytes;
  std::int64_t n = 0;  // the frame that it shows
  bool keyframe = false;
};
using AccessUnitSink = absl::FunctionRef<absl::Status(const AccessUnit& unit)>;

// One thread.
class ElidedStream {
 public:
  // `headers`: the encoder's parameter sets, each of id 0. Of the encoder's stream it is asked that
  // it is progressive with one slice a picture, numbers pictures by type 0, keeps no B-frame for
  // reference, and that IDR pictures are `keyframe_interval` frames apart at the most.
  // Unimplemented: its parameter sets say otherwise.
  static absl::StatusOr<ElidedStream> Create(absl::Span<const std::uint8_t> headers,
                                             int keyframe_interval);

  // The parameter sets of the whole stream.
  const std::vector<std::uint8_t>& headers() const { return headers_; }

  // Frame `n` is the picture of frame n - 1; the encoder does not get it. The last frame that it
  // did get must not become a B-frame, nor must the next.
  void Repeat(std::int64_t n);

  // What the encoder made of frame unit.n, in decoding order; repeats that are due go before it.
  absl::Status Add(AccessUnit unit, AccessUnitSink sink);

  // Writes what is left of the repeats.
  absl::Status Finish(AccessUnitSink sink);

 private:
  ElidedStream() = default;

  absl::StatusOr<Rbsp> WithWiderPictureOrder(const Rbsp& sps);
  absl::Status Renumber(std::int64_t n, Rbsp* slice);
  absl::Status WriteRepeats(AccessUnitSink sink);
  Rbsp RepeatOfReference(std::int64_t n) const;
  std::uint32_t PictureOrder(std::int64_t n) const;

  // Fixed by Create().
  std::vector<std::uint8_t> headers_;
  int frame_num_bits_ = 0;
  int order_bits_ = 0;  // of pic_order_cnt_lsb, as the encoder writes it
  std::uint32_t macroblocks_ = 0;

  std::map<std::int64_t, std::int64_t> runs_;  // of repeats not yet written: first, behind the last
  std::int64_t idr_ = 0;                       // the last IDR picture's frame
  std::int64_t reference_ = -1;                // the last reference picture's frame …
  std::uint32_t reference_frame_num_ = 0;      // … and number
};

}  // namespace rn
