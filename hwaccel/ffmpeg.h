// FFmpeg behind RAII and absl::Status: the only extern "C" around its headers. A negative int
// lives for one line: RETURN_IF_FF_ERROR(avcodec_open2(codec.get(), encoder, nullptr));
#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/audio_fifo.h>
#include <libavutil/channel_layout.h>
#include <libavutil/display.h>
#include <libavutil/frame.h>
#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswresample/swresample.h>
#include <libswscale/swscale.h>
}

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "base/status.h"

// RETURN_IF_FF_ERROR(expr): the expression's own text becomes the message's context.
#define RETURN_IF_FF_ERROR(expr)               \
  do {                                         \
    if (const int rn_ff = (expr); rn_ff < 0) { \
      return ::rn::FfmpegStatus(rn_ff, #expr); \
    }                                          \
  } while (false)

namespace rn {

// "<what>: Invalid data found when processing input". ENOMEM → ResourceExhausted, EIO and
// EXTERNAL → Unavailable, ENOENT → NotFound, invalid data and the rest → InvalidArgument. ENOSPC
// and EDQUOT are marked as IsDiskFull.
absl::Status FfmpegStatus(int error, absl::string_view what);

// Routes FFmpeg's log to spdlog at `warning` and above. Call once, from main.
void InitFfmpegLogging();

struct AvDeleter {
  void operator()(AVFrame* frame) const { av_frame_free(&frame); }
  void operator()(AVPacket* packet) const { av_packet_free(&packet); }
  void operator()(AVCodecContext* codec) const { avcodec_free_context(&codec); }
  void operator()(AVCodecParameters* parameters) const { avcodec_parameters_free(&parameters); }
  void operator()(SwsContext* scaler) const { sws_freeContext(scaler); }
  void operator()(SwrContext* resampler) const { swr_free(&resampler); }
  void operator()(AVAudioFifo* fifo) const { av_audio_fifo_free(fifo); }
};
using UniqueAvFrame = std::unique_ptr<AVFrame, AvDeleter>;
using UniqueAvPacket = std::unique_ptr<AVPacket, AvDeleter>;
using UniqueCodecContext = std::unique_ptr<AVCodecContext, AvDeleter>;
using UniqueCodecParameters = std::unique_ptr<AVCodecParameters, AvDeleter>;
using UniqueSwsContext = std::unique_ptr<SwsContext, AvDeleter>;
using UniqueSwrContext = std::unique_ptr<SwrContext, AvDeleter>;

// A demuxer's context; closes its input.
struct InputDeleter {
  void operator()(AVFormatContext* input) const { avformat_close_input(&input); }
};
using UniqueInput = std::unique_ptr<AVFormatContext, InputDeleter>;

// An AVDictionary for options: freed with whatever the callee left in it.
class AvOptions {
 public:
  AvOptions() = default;
  AvOptions(const AvOptions&) = delete;
  AvOptions& operator=(const AvOptions&) = delete;
  ~AvOptions() { av_dict_free(&dictionary_); }
  void Set(const char* key, const std::string& value) {
    av_dict_set(&dictionary_, key, value.c_str(), 0);
  }
  AVDictionary** get() { return &dictionary_; }
  // The first option that the callee did not know; empty when it took them all.
  std::string Unused() const {
    const AVDictionaryEntry* entry = av_dict_get(dictionary_, "", nullptr, AV_DICT_IGNORE_SUFFIX);
    return entry == nullptr ? std::string() : std::string(entry->key);
  }

 private:
  AVDictionary* dictionary_ = nullptr;
};

}  // namespace rn
