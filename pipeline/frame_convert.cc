#include "pipeline/frame_convert.h"

#include "base/status.h"

namespace rn {

absl::Status ConvertFrame(const Nv12View& frame, const PictureMemory& picture) {
  // Averaging the area leaves no detail out; it has nothing to average where pictures grow.
  const bool shrinks = picture.width < frame.width && picture.height < frame.height;
  const UniqueSwsContext scaler(
      sws_getContext(frame.width,
                     frame.height,
                     AV_PIX_FMT_NV12,
                     picture.width,
                     picture.height,
                     picture.format,
                     (shrinks ? SWS_AREA : SWS_BICUBIC) | SWS_ACCURATE_RND,
                     nullptr,
                     nullptr,
                     nullptr));
  if (scaler == nullptr) {
    return absl::ResourceExhaustedError("out of memory for scaling a still");
  }
  constexpr int kUnity = 1 << 16;
  RETURN_IF_FF_ERROR(sws_setColorspaceDetails(scaler.get(),
                                              sws_getCoefficients(SWS_CS_ITU709),
                                              /*srcRange=*/0,
                                              sws_getCoefficients(picture.matrix),
                                              /*dstRange=*/1,
                                              /*brightness=*/0,
                                              kUnity,
                                              kUnity));
  const std::uint8_t* const planes[] = {frame.y, frame.uv};
  const int strides[] = {frame.y_stride, frame.uv_stride};
  RETURN_IF_FF_ERROR(
      sws_scale(scaler.get(), planes, strides, 0, frame.height, picture.planes, picture.strides));
  return absl::OkStatus();
}

}  // namespace rn
