#include "hwaccel/x264_encoder.h"

#include <spdlog/spdlog.h>
#include <x264.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "hwaccel/elided_stream.h"
#include "hwaccel/ffmpeg.h"

namespace rn {
namespace {

constexpr int kMacroblock = 16;
constexpr int kKilo = 1000;  // x264 counts in kbit
// AVX-512 loads want whole cache lines.
constexpr int kStrideAlignment = 64;
// Of a frame's macroblocks: from here on B-frames and weighted prediction save more than hints do.
constexpr double kFullMotion = 0.6;
// Of a frame, in streams without repeats: from here on B-frames do, where that much travels. A zoom
// of 0.3 or 0.6 pixels a frame over a third of the picture takes 1.4 times plain libx264's bits
// without them, one of 0.1 or 0.2 takes 0.87 times.
constexpr double kTravelling = 0.2;
constexpr std::int64_t kLookAhead = 10;  // x264's own, in frames
// Beside repeats. What makes a still as fine as x264 would have made it, had it seen every frame of
// it, and all of the stream no larger (measured on slides and on titles):
// how far apart two frames look to x264 at the most, which makes a P-frame finer, …
constexpr std::int64_t kShownGapMax = 4;
// … and how much coarser what is in full motion is: with fewer B-frames it would take more bits.
constexpr float kFullMotionQpOffset = 1.3F;

// OpenH264 puts a third B-frame in a row aside, and then has one picture too few where repeats
// follow.
constexpr int kBFramesBesideRepeats = 2;

// Blocks below 16x16 between frames.
constexpr unsigned kSmallBlocks = X264_ANALYSE_PSUB16x16 | X264_ANALYSE_BSUB16x16;

constexpr int kQpMax = 51;

struct X264Closer {
  void operator()(x264_t* encoder) const { x264_encoder_close(encoder); }
};
using UniqueX264 = std::unique_ptr<x264_t, X264Closer>;

// Warnings to the log; the last error is kept in `private_data`, a std::string, for the Status.
void ForwardLog(void* private_data, int level, const char* format, va_list arguments) {
  std::array<char, 1024> line{};
  std::vsnprintf(line.data(), line.size(), format, arguments);
  const std::string text(absl::StripSuffix(line.data(), "\n"));
  if (level == X264_LOG_ERROR) {
    *static_cast<std::string*>(private_data) = text;
  } else {
    spdlog::warn("x264 {}", text);
  }
}

absl::StatusOr<x264_param_t> ParamsOf(const EncodeParams& params, std::string* last_error) {
  x264_param_t x264;
  if (x264_param_default_preset(&x264, kX264Preset, nullptr) != 0) {
    return absl::UnavailableError(absl::StrCat("libx264 has no preset ", kX264Preset));
  }
  x264.pf_log = &ForwardLog;
  x264.p_log_private = last_error;
  x264.i_log_level = X264_LOG_WARNING;
  x264.i_threads = params.threads;
  x264.i_width = params.width;
  x264.i_height = params.height;
  x264.i_csp = X264_CSP_NV12;
  x264.i_fps_num = x264.i_timebase_den = static_cast<std::uint32_t>(params.frame_rate.num);
  x264.i_fps_den = x264.i_timebase_num = static_cast<std::uint32_t>(params.frame_rate.den);
  x264.i_keyint_max = params.keyframe_interval_frames;
  if (params.bitrate_bps) {
    const Vbv vbv = VbvOf(*params.bitrate_bps);
    x264.rc.i_rc_method = X264_RC_ABR;
    x264.rc.i_bitrate = *params.bitrate_bps / kKilo;
    x264.rc.i_vbv_max_bitrate = vbv.peak_bps / kKilo;
    x264.rc.i_vbv_buffer_size = vbv.buffer_bits / kKilo;
  } else {
    x264.rc.i_rc_method = X264_RC_CRF;
    x264.rc.f_rf_constant = static_cast<float>(params.crf);
  }
  x264.vui.b_fullrange = 0;
  x264.vui.i_colorprim = AVCOL_PRI_BT709;
  x264.vui.i_transfer = AVCOL_TRC_BT709;
  x264.vui.i_colmatrix = AVCOL_SPC_BT709;
  x264.vui.i_chroma_loc = AVCHROMA_LOC_LEFT - 1;  // H.264 counts from 0.
  x264.b_repeat_headers = 0;                      // MP4 keeps them in front of the stream.
  if (params.elision) {
    x264.analyse.b_mb_info = 1;
  }
  if (params.elision && params.repeats) {
    x264.i_bframe_pyramid = X264_B_PYRAMID_NONE;  // ElidedStream asks for it.
    x264.i_bframe = kBFramesBesideRepeats;
    // What moves between stills are fades and whole layers, in which blocks do not fall apart: to
    // try it is 14 % of the CPU on slides, and finds nothing. OpenH264 gets parts of B-frames'
    // blocks wrong, besides.
    x264.analyse.inter &= ~kSmallBlocks;
  }
  if (x264_param_apply_profile(&x264, "high") != 0) {
    return absl::UnavailableError("this libx264 has no High profile of 8 bits");
  }
  return x264;
}

// Half of x264's time where everything moves, for 2 % more bits at the same quality.
x264_param_t SearchingQuickly(x264_param_t x264) {
  x264.analyse.i_me_method = X264_ME_DIA;
  x264.analyse.i_subpel_refine = 1;
  x264.analyse.inter &= ~kSmallBlocks;
  return x264;
}

absl::Span<const std::uint8_t> BytesOf(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// One byte a macroblock, in x264's order.
class MacroblockMap {
 public:
  MacroblockMap(int width, int height)
      : columns_((width + kMacroblock - 1) / kMacroblock),
        rows_((height + kMacroblock - 1) / kMacroblock) {}

  std::size_t size() const { return static_cast<std::size_t>(columns_) * rows_; }

  // Writes size() bytes: X264_MBINFO_CONSTANT wherever no damage reaches. Returns how many blocks
  // have some.
  std::size_t Mark(absl::Span<const IntRect> damage, std::uint8_t* map) const {
    std::memset(map, X264_MBINFO_CONSTANT, size());
    for (const IntRect& rect : damage) {
      if (rect.empty()) continue;
      const int left = std::clamp(rect.x / kMacroblock, 0, columns_ - 1);
      const int right = std::clamp((rect.right() - 1) / kMacroblock, 0, columns_ - 1);
      const int top = std::clamp(rect.y / kMacroblock, 0, rows_ - 1);
      const int bottom = std::clamp((rect.bottom() - 1) / kMacroblock, 0, rows_ - 1);
      for (int row = top; row <= bottom; ++row) {
        std::fill_n(map + std::ptrdiff_t{row} * columns_ + left, right - left + 1, 0);
      }
    }
    return static_cast<std::size_t>(std::count(map, map + size(), 0));
  }

 private:
  const int columns_, rows_;
};

// x264 copies a picture into its own look-ahead before the call returns, so one frame is enough:
// every next frame is composed over the one just sent, and damage is never older than one frame.
class X264Encoder final : public VideoEncoder {
 public:
  X264Encoder(const EncodeParams& params, Reconstructed reconstructed)
      : params_(params),
        reconstructed_(std::move(reconstructed)),
        macroblocks_(params.width, params.height),
        full_motion_offsets_(macroblocks_.size(), kFullMotionQpOffset) {}

  absl::Status Start() {
    ASSIGN_OR_RETURN(x264_param_t x264, ParamsOf(params_, &last_error_));
    x264.b_full_recon = reconstructed_ ? 1 : 0;
    encoder_.reset(x264_encoder_open(&x264));
    if (encoder_ == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("libx264: ", last_error_));
    }
    x264_encoder_parameters(encoder_.get(), &x264);
    careful_ = x264;
    quick_ = SearchingQuickly(x264);
    RETURN_IF_ERROR(Describe(x264));
    return AllocateFrame();
  }

  absl::StatusOr<EncoderFrame> Acquire() override {
    EncoderFrame acquired{.view = {.y = frame_->data[0],
                                   .uv = frame_->data[1],
                                   .y_stride = frame_->linesize[0],
                                   .uv_stride = frame_->linesize[1],
                                   .width = params_.width,
                                   .height = params_.height},
                          .holds = holds_};
    holds_.reset();  // Until it is submitted, nobody knows what is in it.
    return acquired;
  }

  absl::Status Submit(std::int64_t n, const FrameChange& change, PacketSink sink) override {
    holds_ = n;
    const bool keyframe = n % params_.keyframe_interval_frames == 0;
    if (elided_.has_value() && change.damage.empty() && !keyframe && repeatable_) {
      elided_->Repeat(n);
      return absl::OkStatus();
    }
    x264_picture_t picture = PictureOf(n);
    picture.i_type = keyframe ? X264_TYPE_IDR : X264_TYPE_AUTO;
    const bool full_motion = !params_.elision || Hint(change, &picture);
    if (params_.elision) picture.param = keyframe || change.stands > 1 ? &careful_ : &quick_;
    if (elided_.has_value()) Place(n, change, full_motion, &picture);
    return Encode(&picture, sink);
  }

  absl::Status Finish(PacketSink sink) override {
    while (x264_encoder_delayed_frames(encoder_.get()) > 0) {
      RETURN_IF_ERROR(Encode(nullptr, sink));
    }
    if (!elided_.has_value()) return absl::OkStatus();
    return elided_->Finish([&](const AccessUnit& unit) { return SendInOrder(unit, sink); });
  }

  const AVCodecContext& codec() const override { return *codec_; }

 private:
  // What the muxer wants to know, in a context that no codec of FFmpeg's stands behind.
  absl::Status Describe(const x264_param_t& x264) {
    codec_.reset(avcodec_alloc_context3(nullptr));
    codec_->codec_type = AVMEDIA_TYPE_VIDEO;
    codec_->codec_id = AV_CODEC_ID_H264;
    codec_->pix_fmt = AV_PIX_FMT_YUV420P;
    codec_->width = params_.width;
    codec_->height = params_.height;
    codec_->time_base = {params_.frame_rate.den, params_.frame_rate.num};
    codec_->framerate = {params_.frame_rate.num, params_.frame_rate.den};
    codec_->color_range = AVCOL_RANGE_MPEG;
    codec_->color_primaries = AVCOL_PRI_BT709;
    codec_->color_trc = AVCOL_TRC_BT709;
    codec_->colorspace = AVCOL_SPC_BT709;
    codec_->chroma_sample_location = AVCHROMA_LOC_LEFT;
    codec_->has_b_frames = x264.i_bframe_pyramid == X264_B_PYRAMID_NONE ? 1 : 2;
    return TakeHeaders();
  }

  // Parameter sets become the global header; what x264 says about itself goes with the first frame.
  absl::Status TakeHeaders() {
    x264_nal_t* nals = nullptr;
    int count = 0;
    if (x264_encoder_headers(encoder_.get(), &nals, &count) < 0) {
      return absl::InternalError(absl::StrCat("libx264: ", last_error_));
    }
    std::string header;
    for (int i = 0; i < count; ++i) {
      std::string& to = nals[i].i_type == NAL_SEI ? sei_ : header;
      to.append(reinterpret_cast<const char*>(nals[i].p_payload),
                static_cast<std::size_t>(nals[i].i_payload));
    }
    if (params_.elision && params_.repeats) {
      ASSIGN_OR_RETURN(elided_,
                       ElidedStream::Create(BytesOf(header), params_.keyframe_interval_frames));
      header.assign(elided_->headers().begin(), elided_->headers().end());
    }
    codec_->extradata =
        static_cast<std::uint8_t*>(av_mallocz(header.size() + AV_INPUT_BUFFER_PADDING_SIZE));
    codec_->extradata_size = static_cast<int>(header.size());
    std::memcpy(codec_->extradata, header.data(), header.size());
    return absl::OkStatus();
  }

  absl::Status AllocateFrame() {
    frame_.reset(av_frame_alloc());
    frame_->format = AV_PIX_FMT_NV12;
    frame_->width = params_.width;
    frame_->height = params_.height;
    RETURN_IF_FF_ERROR(av_frame_get_buffer(frame_.get(), kStrideAlignment));
    return absl::OkStatus();
  }

  x264_picture_t PictureOf(std::int64_t n) const {
    x264_picture_t picture;
    x264_picture_init(&picture);
    picture.img.i_csp = X264_CSP_NV12;
    picture.img.i_plane = 2;
    for (int plane = 0; plane < picture.img.i_plane; ++plane) {
      picture.img.plane[plane] = frame_->data[plane];
      picture.img.i_stride[plane] = frame_->linesize[plane];
    }
    picture.i_pts = n;
    return picture;
  }

  // Tells x264 what did not change, and returns whether almost everything did. x264 heeds the map
  // in P-frames whose first reference is the frame before, unweighted, and for blocks that it would
  // not quantise finer than they are; elsewhere it does no harm.
  bool Hint(const FrameChange& change, x264_picture_t* picture) const {
    auto* map = new std::uint8_t[macroblocks_.size()];
    const std::size_t damaged = macroblocks_.Mark(change.damage, map);
    picture->prop.mb_info = map;
    // Read until the frame is encoded, which may be many calls later.
    picture->prop.mb_info_free = [](void* spent) { delete[] static_cast<std::uint8_t*>(spent); };
    const bool full_motion =
        static_cast<double>(damaged) >= kFullMotion * static_cast<double>(macroblocks_.size()) ||
        (!elided_.has_value() && change.travels >= kTravelling);
    if (picture->i_type == X264_TYPE_AUTO && !full_motion) {
      picture->i_type = X264_TYPE_P;
    }
    return full_motion;
  }

  // Between repeats: neither their picture nor the one after them may become a B-frame.
  void Place(std::int64_t n, const FrameChange& change, bool full_motion, x264_picture_t* picture) {
    const bool after_repeats = n != last_fed_ + 1;
    if (picture->i_type == X264_TYPE_AUTO && (after_repeats || change.stands > 1)) {
      picture->i_type = X264_TYPE_P;
    }
    repeatable_ = picture->i_type != X264_TYPE_AUTO;
    if (!repeatable_) picture->prop.quant_offsets = full_motion_offsets_.data();
    // A bitrate leaves x264 to say what it can afford.
    if (picture->i_type == X264_TYPE_IDR && change.stands > 1 && !params_.bitrate_bps) {
      picture->i_qpplus1 = 1 + KeyframeQp(change);
    }
    calm_frames_ = full_motion || n == 0 ? 0 : calm_frames_ + 1;
    // A bitrate is bits in true time: told of a quarter of it, x264 would spend a quarter.
    shown_at_ += params_.bitrate_bps ? n - last_fed_ : std::min(n - last_fed_, kShownGapMax);
    last_fed_ = n;
    picture->i_pts = shown_at_;
    frame_shown_at_.emplace(shown_at_, n);
  }

  // A picture ought to be the finer the longer it is seen. x264 knows that from its look-ahead, by
  // doublings of what refers to the picture, and does not see the repeats there; by the time to the
  // next frame it makes up for that, but not for keyframes, whose quantiser follows the P-frames
  // before them. So here is what a keyframe would have had (ratecontrol.c and slicetype.c, for a
  // quantiser curve compression of 0.6), less what the look-ahead is going to add by itself: for
  // the next frame and for as many as lately, or surely, leave most of the picture alone.
  int KeyframeQp(const FrameChange& change) const {
    constexpr double kTreeOffset = 5.4, kKeyframeOffset = -2.9, kTreeStrength = 2;
    const double rate = static_cast<double>(params_.frame_rate.num) / params_.frame_rate.den;
    const double shortness = 2.4 * std::log2(0.04 * rate);
    // What x264 will get after this one, and how much of that leaves most of the picture alone.
    const std::int64_t to_come =
        change.pictures_after + change.frames_after / params_.keyframe_interval_frames;
    const std::int64_t sure = change.stands / params_.keyframe_interval_frames;
    const auto referring =
        static_cast<double>(std::min({std::max(calm_frames_, sure) + 1, to_come, kLookAhead}));
    const double seen = static_cast<double>(std::min(change.stands, 1 + kLookAhead));
    const double doublings = std::log2(seen) - std::log2(1 + referring);
    const double qp = params_.crf + kTreeOffset + kKeyframeOffset + shortness -
                      kTreeStrength * std::max(doublings, 0.0);
    return std::clamp(static_cast<int>(std::lround(qp)), 0, kQpMax);
  }

  // `picture` null: flushes one frame.
  absl::Status Encode(x264_picture_t* picture, PacketSink sink) {
    x264_nal_t* nals = nullptr;
    int count = 0;
    x264_picture_t encoded;
    const int size = x264_encoder_encode(encoder_.get(), &nals, &count, picture, &encoded);
    if (size < 0) {
      return absl::InternalError(absl::StrCat("libx264: ", last_error_));
    }
    if (size == 0) {
      return absl::OkStatus();  // Still in the look-ahead.
    }
    // x264 lays the units of a frame one after the other.
    AccessUnit unit{.bytes = {nals[0].p_payload, nals[0].p_payload + size},
                    .n = encoded.i_pts,
                    .keyframe = encoded.b_keyframe != 0};
    unit.bytes.insert(unit.bytes.begin(), sei_.begin(), sei_.end());
    sei_.clear();
    if (!elided_.has_value()) {
      Show(unit.n, encoded.img);
      return Send(unit, encoded.i_dts, sink);
    }
    const auto frame = frame_shown_at_.extract(encoded.i_pts);
    if (frame.empty()) {
      return absl::InternalError(absl::StrCat("libx264 made up the time ", encoded.i_pts));
    }
    unit.n = frame.mapped();
    Show(unit.n, encoded.img);
    return elided_->Add(std::move(unit),
                        [&](const AccessUnit& whole) { return SendInOrder(whole, sink); });
  }

  void Show(std::int64_t n, const x264_image_t& picture) const {
    if (!reconstructed_) return;
    reconstructed_(n,
                   {.y = picture.plane[0],
                    .uv = picture.plane[1],
                    .y_stride = picture.i_stride[0],
                    .uv_stride = picture.i_stride[1],
                    .width = params_.width,
                    .height = params_.height});
  }

  // One access unit after the other is decoded a frame's time after it, the first one early enough
  // for the only thing that reorders, B-frames between two others.
  absl::Status SendInOrder(const AccessUnit& unit, PacketSink sink) {
    return Send(unit, decoded_at_++, sink);
  }

  absl::Status Send(const AccessUnit& unit, std::int64_t dts, PacketSink sink) {
    const UniqueAvPacket packet(av_packet_alloc());
    RETURN_IF_FF_ERROR(av_new_packet(packet.get(), static_cast<int>(unit.bytes.size())));
    std::memcpy(packet->data, unit.bytes.data(), unit.bytes.size());
    packet->pts = unit.n;
    packet->dts = dts;
    packet->duration = 1;
    packet->flags = unit.keyframe ? AV_PKT_FLAG_KEY : 0;
    return sink(*packet);
  }

  const EncodeParams params_;
  const Reconstructed reconstructed_;
  const MacroblockMap macroblocks_;
  std::string last_error_;        // of x264's log; before encoder_, which writes it
  x264_param_t careful_, quick_;  // how x264 searches: what is looked at for long, and what moves
  UniqueX264 encoder_;
  UniqueCodecContext codec_;
  UniqueAvFrame frame_;
  std::string sei_;  // until the first packet
  std::optional<std::int64_t> holds_;

  // With repeats alone.
  std::vector<float> full_motion_offsets_;  // one for each macroblock; x264 reads it during a call
  std::optional<ElidedStream> elided_;
  bool repeatable_ = false;       // the last frame that x264 got will be no B-frame
  std::int64_t calm_frames_ = 0;  // that x264 got since one in full motion
  std::int64_t last_fed_ = -1;    // … its number …
  std::int64_t shown_at_ = -1;    // … and the time that x264 was told
  std::map<std::int64_t, std::int64_t> frame_shown_at_;  // of the frames inside x264
  std::int64_t decoded_at_ = -1;                         // the next packet
};

}  // namespace

absl::StatusOr<std::unique_ptr<VideoEncoder>> OpenX264Encoder(const EncodeParams& params,
                                                              Reconstructed reconstructed) {
  auto encoder = std::make_unique<X264Encoder>(params, std::move(reconstructed));
  RETURN_IF_ERROR(encoder->Start());
  return encoder;
}

}  // namespace rn
