#include "pipeline/pixel_format.h"

namespace rn {

AVPixelFormat ModernFormat(AVPixelFormat format) {
  switch (format) {
    case AV_PIX_FMT_YUVJ420P:
      return AV_PIX_FMT_YUV420P;
    case AV_PIX_FMT_YUVJ422P:
      return AV_PIX_FMT_YUV422P;
    case AV_PIX_FMT_YUVJ444P:
      return AV_PIX_FMT_YUV444P;
    case AV_PIX_FMT_YUVJ440P:
      return AV_PIX_FMT_YUV440P;
    case AV_PIX_FMT_YUVJ411P:
      return AV_PIX_FMT_YUV411P;
    default:
      return format;
  }
}

bool IsFullRange(const AVFrame& frame) {
  const auto format = static_cast<AVPixelFormat>(frame.format);
  const AVPixFmtDescriptor& described = *av_pix_fmt_desc_get(format);
  const bool grey = described.nb_components <= 2 && (described.flags & AV_PIX_FMT_FLAG_PAL) == 0;
  return frame.color_range == AVCOL_RANGE_JPEG || ModernFormat(format) != format || grey;
}

}  // namespace rn
