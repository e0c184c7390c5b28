#include "pipeline/video_reader.h"

#include "pipeline/sound_reader.h"
#include "pipeline/source_reader.h"

namespace rn {

VideoModel ReadVideo(const Fields& fields) {
  VideoModel video;
  video.content.path = SourceFile(fields, VariableType::kVideo);
  video.content.fit = fields.Choice<Fit>("fit",
                                         {{"cover", Fit::kCover},
                                          {"contain", Fit::kContain},
                                          {"fill", Fit::kFill},
                                          {"none", Fit::kNone},
                                          {"contain-blur", Fit::kContainBlur}},
                                         Fit::kCover);
  video.mute = fields.Flag("mute", false);
  video.sound = ReadSound(fields);
  video.sound.file = video.content.path;
  return video;
}

}  // namespace rn
