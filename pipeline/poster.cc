#include "pipeline/poster.h"

#include "base/file.h"
#include "hwaccel/ffmpeg.h"

namespace rn {
namespace {

constexpr int kJpegQuality = 3;  // mjpeg's scale, 2 (best) … 31

absl::StatusOr<UniqueAvFrame> ToFullRange(const Nv12View& view) {
  UniqueAvFrame frame(av_frame_alloc());
  frame->format = AV_PIX_FMT_YUVJ420P;
  frame->width = view.width;
  frame->height = view.height;
  frame->quality = kJpegQuality * FF_QP2LAMBDA;
  RETURN_IF_FF_ERROR(av_frame_get_buffer(frame.get(), 0));
  const UniqueSwsContext scaler(sws_getContext(view.width,
                                               view.height,
                                               AV_PIX_FMT_NV12,
                                               view.width,
                                               view.height,
                                               AV_PIX_FMT_YUV420P,
                                               SWS_BICUBIC | SWS_ACCURATE_RND,
                                               nullptr,
                                               nullptr,
                                               nullptr));
  constexpr int kUnity = 1 << 16;
  RETURN_IF_FF_ERROR(sws_setColorspaceDetails(scaler.get(),
                                              sws_getCoefficients(SWS_CS_ITU709),
                                              /*srcRange=*/0,
                                              sws_getCoefficients(SWS_CS_ITU601),
                                              /*dstRange=*/1,
                                              /*brightness=*/0,
                                              kUnity,
                                              kUnity));
  const std::uint8_t* const planes[] = {view.y, view.uv};
  const int strides[] = {view.y_stride, view.uv_stride};
  RETURN_IF_FF_ERROR(
      sws_scale(scaler.get(), planes, strides, 0, view.height, frame->data, frame->linesize));
  return frame;
}

}  // namespace

absl::Status WritePoster(const Nv12View& view, const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(const UniqueAvFrame frame, ToFullRange(view));
  const AVCodec* encoder = avcodec_find_encoder(AV_CODEC_ID_MJPEG);
  if (encoder == nullptr) {
    return absl::UnavailableError("this FFmpeg has no JPEG encoder");
  }
  const UniqueCodecContext codec(avcodec_alloc_context3(encoder));
  codec->width = view.width;
  codec->height = view.height;
  codec->pix_fmt = AV_PIX_FMT_YUVJ420P;
  codec->time_base = {1, 1};
  codec->thread_count = 1;
  codec->flags |= AV_CODEC_FLAG_QSCALE;
  RETURN_IF_FF_ERROR(avcodec_open2(codec.get(), encoder, nullptr));
  RETURN_IF_FF_ERROR(avcodec_send_frame(codec.get(), frame.get()));
  const UniqueAvPacket packet(av_packet_alloc());
  RETURN_IF_FF_ERROR(avcodec_receive_packet(codec.get(), packet.get()));
  return WriteFileDurably(path,
                          absl::string_view(reinterpret_cast<const char*>(packet->data),
                                            static_cast<std::size_t>(packet->size)));
}

}  // namespace rn
