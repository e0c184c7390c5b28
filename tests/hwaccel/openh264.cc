#include "tests/hwaccel/openh264.h"

#include <wels/codec_api.h>

#include <array>
#include <cstring>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace rn {
namespace {

struct DecoderDeleter {
  void operator()(ISVCDecoder* decoder) const {
    decoder->Uninitialize();
    WelsDestroyDecoder(decoder);
  }
};
using UniqueDecoder = std::unique_ptr<ISVCDecoder, DecoderDeleter>;

absl::StatusOr<UniqueDecoder> MakeDecoder() {
  ISVCDecoder* created = nullptr;
  if (WelsCreateDecoder(&created) != 0) return absl::InternalError("no OpenH264 decoder");
  UniqueDecoder decoder(created);
  SDecodingParam params;
  std::memset(&params, 0, sizeof params);
  params.uiTargetDqLayer = 0xFF;
  params.eEcActiveIdc = ERROR_CON_DISABLE;
  params.sVideoProperty.eVideoBsType = VIDEO_BITSTREAM_AVC;
  if (decoder->Initialize(&params) != 0) return absl::InternalError("OpenH264 does not start");
  return decoder;
}

std::string PlaneOf(const std::uint8_t* from, int stride, int width, int height) {
  std::string bytes;
  for (int row = 0; row < height; ++row) {
    bytes.append(reinterpret_cast<const char*>(from) + std::ptrdiff_t{row} * stride,
                 static_cast<std::size_t>(width));
  }
  return bytes;
}

void Keep(const SBufferInfo& info, std::uint8_t* const* planes, std::vector<Planes>* frames) {
  if (info.iBufferStatus != 1) return;
  const SSysMEMBuffer& buffer = info.UsrData.sSystemBuffer;
  const int w = buffer.iWidth;
  const int h = buffer.iHeight;
  frames->push_back({static_cast<std::int64_t>(frames->size()),
                     w,
                     h,
                     PlaneOf(planes[0], buffer.iStride[0], w, h),
                     PlaneOf(planes[1], buffer.iStride[1], w / 2, h / 2),
                     PlaneOf(planes[2], buffer.iStride[1], w / 2, h / 2)});
}

}  // namespace

absl::StatusOr<std::vector<Planes>> DecodeWithOpenH264(const Stream& stream, std::size_t first) {
  ASSIGN_OR_RETURN(const UniqueDecoder decoder, MakeDecoder());
  std::vector<Planes> frames;
  for (std::size_t i = first; i < stream.packets.size(); ++i) {
    const std::string bytes =
        i == first ? stream.header + stream.packets[i].bytes : stream.packets[i].bytes;
    std::array<std::uint8_t*, 3> planes{};
    SBufferInfo info;
    std::memset(&info, 0, sizeof info);
    const DECODING_STATE state =
        decoder->DecodeFrameNoDelay(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                    static_cast<int>(bytes.size()),
                                    planes.data(),
                                    &info);
    if (state != dsErrorFree) {
      return absl::DataLossError(absl::StrCat("OpenH264: state ",
                                              static_cast<int>(state),
                                              " at packet ",
                                              i,
                                              ", frame ",
                                              stream.packets[i].pts));
    }
    Keep(info, planes.data(), &frames);
  }
  bool end = true;
  decoder->SetOption(DECODER_OPTION_END_OF_STREAM, &end);
  int left = 0;
  decoder->GetOption(DECODER_OPTION_NUM_OF_FRAMES_REMAINING_IN_BUFFER, &left);
  for (; left > 0; --left) {
    std::array<std::uint8_t*, 3> planes{};
    SBufferInfo info;
    std::memset(&info, 0, sizeof info);
    decoder->FlushFrame(planes.data(), &info);
    Keep(info, planes.data(), &frames);
  }
  return frames;
}

}  // namespace rn
