#include "hwaccel/elided_stream.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace rn {
namespace {

constexpr int kPictureOrderBitsMax = 16;  // of pic_order_cnt_lsb, by the standard
constexpr int kWiderBits = 8;             // whole bytes, or everything behind would move by bits
constexpr std::uint32_t kRepeatsPps = 1;
// Decoders that guess when a picture may be shown (OpenH264) take a step of one as the next frame.
constexpr std::uint32_t kOrderPerFrame = 1;

// profile_idc that say more about the samples than the others do (7.3.2.1.1); x264's are 100.
bool HasChromaFormat(std::uint32_t profile) {
  return profile == 100 || profile == 110 || profile == 122 || profile == 244;
}

Rbsp RepeatsPps() {
  BitWriter pps;
  pps.Bits(0x68, 8);    // nal_ref_idc 3, a picture parameter set
  pps.Ue(kRepeatsPps);  // pic_parameter_set_id
  pps.Ue(0);            // seq_parameter_set_id
  pps.Flag(false);      // entropy_coding_mode: CAVLC, where a run of skips is one number
  pps.Flag(false);      // bottom_field_pic_order_in_frame_present
  pps.Ue(0);            // num_slice_groups_minus1
  pps.Ue(0);            // num_ref_idx_l0_default_active_minus1
  pps.Ue(0);            // num_ref_idx_l1_default_active_minus1
  pps.Flag(false);      // weighted_pred
  pps.Bits(0, 2);       // weighted_bipred_idc
  pps.Se(0);            // pic_init_qp_minus26
  pps.Se(0);            // pic_init_qs_minus26
  pps.Se(0);            // chroma_qp_index_offset
  pps.Flag(true);       // deblocking_filter_control_present
  pps.Flag(false);      // constrained_intra_pred
  pps.Flag(false);      // redundant_pic_cnt_present
  return pps.Finish();
}

absl::Status Unimplemented(absl::string_view what) {
  return absl::UnimplementedError(absl::StrCat("elision: the encoder's stream ", what));
}

}  // namespace

absl::StatusOr<ElidedStream> ElidedStream::Create(absl::Span<const std::uint8_t> headers,
                                                  int keyframe_interval) {
  ElidedStream stream;
  for (const Rbsp& unit : SplitByteStream(headers)) {
    if (TypeOf(unit) != NalType::kSps) {
      AppendToByteStream(unit, &stream.headers_);
      continue;
    }
    ASSIGN_OR_RETURN(const Rbsp sps, stream.WithWiderPictureOrder(unit));
    AppendToByteStream(sps, &stream.headers_);
  }
  if (stream.macroblocks_ == 0) return Unimplemented("has no sequence parameter set");
  AppendToByteStream(RepeatsPps(), &stream.headers_);
  // Half the range, or a decoder would take the way back for a lap.
  const std::int64_t order_max = std::int64_t{1} << (stream.order_bits_ + kWiderBits - 1);
  if (std::int64_t{kOrderPerFrame} * keyframe_interval >= order_max) {
    return Unimplemented(absl::StrCat("has ",
                                      keyframe_interval,
                                      " frames between keyframes; valid: up to ",
                                      order_max / kOrderPerFrame - 1));
  }
  return stream;
}

absl::StatusOr<Rbsp> ElidedStream::WithWiderPictureOrder(const Rbsp& sps) {
  BitReader reader(sps);
  reader.Bits(8);                                // the unit's header
  const std::uint32_t profile = reader.Bits(8);  // profile_idc
  reader.Bits(16);                               // constraint flags, level_idc
  if (reader.Ue() != 0) return Unimplemented("has parameter sets of another id than 0");
  if (HasChromaFormat(profile)) {
    if (reader.Ue() != 1) return Unimplemented("is not 4:2:0");  // chroma_format_idc
    reader.Ue();                                                 // bit_depth_luma_minus8
    reader.Ue();                                                 // bit_depth_chroma_minus8
    reader.Flag();                                               // qpprime_y_zero_transform_bypass
    if (reader.Flag()) return Unimplemented("has scaling matrices");
  }
  frame_num_bits_ = static_cast<int>(reader.Ue()) + 4;
  if (reader.Ue() != 0) return Unimplemented("does not number pictures by type 0");
  const std::size_t at = reader.position();
  order_bits_ = static_cast<int>(reader.Ue()) + 4;
  if (order_bits_ + kWiderBits > kPictureOrderBitsMax) {
    return Unimplemented("numbers pictures too widely already");
  }
  const std::size_t after = reader.position();
  reader.Ue();    // max_num_ref_frames
  reader.Flag();  // gaps_in_frame_num_value_allowed
  const std::uint32_t columns = reader.Ue() + 1;
  const std::uint32_t rows = reader.Ue() + 1;
  if (!reader.Flag()) return Unimplemented("is interlaced");
  if (reader.failed()) return Unimplemented("has half a sequence parameter set");
  macroblocks_ = columns * rows;

  BitWriter wider;
  reader.Seek(0);
  wider.Copy(reader, at);
  wider.Ue(static_cast<std::uint32_t>(order_bits_ + kWiderBits - 4));
  reader.Seek(after);
  wider.Copy(reader, EndOfData(sps));
  return wider.Finish();
}

void ElidedStream::Repeat(std::int64_t n) {
  if (!runs_.empty() && runs_.rbegin()->second == n) {
    ++runs_.rbegin()->second;
  } else {
    runs_.emplace_hint(runs_.end(), n, n + 1);
  }
}

absl::Status ElidedStream::Add(AccessUnit unit, AccessUnitSink sink) {
  if (!runs_.empty() && runs_.begin()->first < unit.n) {
    RETURN_IF_ERROR(WriteRepeats(sink));
  }
  std::vector<Rbsp> units = SplitByteStream(unit.bytes);
  unit.bytes.clear();
  for (Rbsp& nal : units) {
    if (TypeOf(nal) == NalType::kSlice || TypeOf(nal) == NalType::kIdrSlice) {
      RETURN_IF_ERROR(Renumber(unit.n, &nal));
    }
    AppendToByteStream(nal, &unit.bytes);
  }
  return sink(unit);
}

absl::Status ElidedStream::Finish(AccessUnitSink sink) {
  while (!runs_.empty()) {
    RETURN_IF_ERROR(WriteRepeats(sink));
  }
  return absl::OkStatus();
}

absl::Status ElidedStream::WriteRepeats(AccessUnitSink sink) {
  const auto [first, end] = *runs_.begin();
  runs_.erase(runs_.begin());
  if (reference_ != first - 1) {
    return absl::InternalError(absl::StrCat("elision: frame ",
                                            first,
                                            " repeats frame ",
                                            first - 1,
                                            ", but the last reference picture is frame ",
                                            reference_));
  }
  for (std::int64_t n = first; n < end; ++n) {
    AccessUnit repeat{.n = n};
    AppendToByteStream(RepeatOfReference(n), &repeat.bytes);
    RETURN_IF_ERROR(sink(repeat));
  }
  return absl::OkStatus();
}

absl::Status ElidedStream::Renumber(std::int64_t n, Rbsp* slice) {
  BitReader reader(*slice);
  reader.Bits(8);  // the unit's header
  reader.Ue();     // first_mb_in_slice
  reader.Ue();     // slice_type
  reader.Ue();     // pic_parameter_set_id
  const std::uint32_t frame_num = reader.Bits(frame_num_bits_);
  if (TypeOf(*slice) == NalType::kIdrSlice) {
    idr_ = n;
    reader.Ue();  // idr_pic_id
  }
  if (IsReference(*slice)) {
    reference_ = n;
    reference_frame_num_ = frame_num;
  }
  const std::size_t at = reader.position();
  BitWriter head;
  reader.Seek(0);
  head.Copy(reader, at);
  head.Bits(PictureOrder(n), order_bits_ + kWiderBits);
  reader.Bits(order_bits_);
  const std::size_t moved = (reader.position() + 7) / 8;
  head.Copy(reader, 8 * moved);
  if (reader.failed()) return Unimplemented("has half a slice header");
  Rbsp renumbered = head.bytes();
  renumbered.insert(
      renumbered.end(), slice->begin() + static_cast<std::ptrdiff_t>(moved), slice->end());
  *slice = std::move(renumbered);
  return absl::OkStatus();
}

// Every macroblock is P_Skip: without a neighbour that moves, that is the same place of the first
// reference, and without residual and edge filtering it stays what it was.
Rbsp ElidedStream::RepeatOfReference(std::int64_t n) const {
  BitWriter slice;
  slice.Bits(0x01, 8);    // nal_ref_idc 0, a slice
  slice.Ue(0);            // first_mb_in_slice
  slice.Ue(5);            // slice_type: P, and so are the picture's others
  slice.Ue(kRepeatsPps);  // pic_parameter_set_id
  slice.Bits((reference_frame_num_ + 1) & ((1U << frame_num_bits_) - 1), frame_num_bits_);
  slice.Bits(PictureOrder(n), order_bits_ + kWiderBits);
  slice.Flag(false);       // num_ref_idx_active_override: one, the last reference picture
  slice.Flag(false);       // ref_pic_list_modification_flag_l0
  slice.Se(0);             // slice_qp_delta
  slice.Ue(1);             // disable_deblocking_filter_idc
  slice.Ue(macroblocks_);  // mb_skip_run
  return slice.Finish();
}

std::uint32_t ElidedStream::PictureOrder(std::int64_t n) const {
  const auto order = static_cast<std::uint64_t>(n - idr_) * kOrderPerFrame;
  return static_cast<std::uint32_t>(order & ((1U << (order_bits_ + kWiderBits)) - 1));
}

}  // namespace rn
