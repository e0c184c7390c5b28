#include "pipeline/video_reader.h"

#include "pipeline/sound_reader.h"
#include "pipeline/source_reader.h"

namespace rn {

VideoModel ReadVideo(const Fields& fields) {
  VideoModel video;
  video.content.path = SourceFile(fields, VariableType::kVideo);
  video.content.fit = ReadFit(fields);
  video.mute = fields.Flag("mute", false);
  video.sound = ReadSound(fields);
  video.sound.file = video.content.path;
  return video;
}

}  // namespace rn
