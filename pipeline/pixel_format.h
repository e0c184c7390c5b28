// What FFmpeg's pixel formats say of colours.
#pragma once

#include "hwaccel/ffmpeg.h"

namespace rn {

// The full-range names of old ("yuvj420p") are said with a range today; swscale warns about them.
AVPixelFormat ModernFormat(AVPixelFormat format);

// As the frame says, or its format's name does, or greys always are.
bool IsFullRange(const AVFrame& frame);

}  // namespace rn
