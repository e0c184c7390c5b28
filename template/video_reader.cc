#include "template/video_reader.h"

#include "template/sound_reader.h"
#include "template/source_reader.h"

namespace rn {

VideoModel ReadVideo(const Fields& fields) {
  VideoModel video;
  video.file = SourceFile(fields, VariableType::kVideo);
  video.fit = ReadFit(fields);
  video.mute = fields.Flag("mute", false);
  video.sound = ReadSound(fields);
  video.sound.file = video.file;
  return video;
}

}  // namespace rn
