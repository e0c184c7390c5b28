#include "pipeline/jpeg.h"

#include "base/file.h"
#include "pipeline/frame_convert.h"

namespace rn {
namespace {

constexpr int kJpegQuality = 3;  // mjpeg's scale, 2 (best) … 31

}  // namespace

absl::StatusOr<UniqueAvFrame> NewJpegPicture(int width, int height) {
  UniqueAvFrame picture(av_frame_alloc());
  picture->format = AV_PIX_FMT_YUVJ420P;
  picture->width = width;
  picture->height = height;
  picture->quality = kJpegQuality * FF_QP2LAMBDA;
  RETURN_IF_FF_ERROR(av_frame_get_buffer(picture.get(), 0));
  return picture;
}

absl::Status ToJpegPicture(const Nv12View& frame, AVFrame& picture) {
  return ConvertFrame(frame,
                      {.format = AV_PIX_FMT_YUV420P,
                       .width = picture.width,
                       .height = picture.height,
                       .matrix = SWS_CS_ITU601,
                       .planes = picture.data,
                       .strides = picture.linesize});
}

absl::Status WriteJpeg(const AVFrame& picture, const std::filesystem::path& path) {
  const AVCodec* encoder = avcodec_find_encoder(AV_CODEC_ID_MJPEG);
  if (encoder == nullptr) {
    return absl::UnavailableError("this FFmpeg has no JPEG encoder");
  }
  const UniqueCodecContext codec(avcodec_alloc_context3(encoder));
  codec->width = picture.width;
  codec->height = picture.height;
  codec->pix_fmt = AV_PIX_FMT_YUVJ420P;
  codec->time_base = {1, 1};
  codec->thread_count = 1;
  codec->flags |= AV_CODEC_FLAG_QSCALE;
  RETURN_IF_FF_ERROR(avcodec_open2(codec.get(), encoder, nullptr));
  RETURN_IF_FF_ERROR(avcodec_send_frame(codec.get(), &picture));
  const UniqueAvPacket packet(av_packet_alloc());
  RETURN_IF_FF_ERROR(avcodec_receive_packet(codec.get(), packet.get()));
  return WriteFileDurably(path,
                          absl::string_view(reinterpret_cast<const char*>(packet->data),
                                            static_cast<std::size_t>(packet->size)));
}

absl::Status WriteJpeg(const Nv12View& frame, const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(const UniqueAvFrame picture, NewJpegPicture(frame.width, frame.height));
  RETURN_IF_ERROR(ToJpegPicture(frame, *picture));
  return WriteJpeg(*picture, path);
}

}  // namespace rn
