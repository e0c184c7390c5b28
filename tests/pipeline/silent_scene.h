// Scenes for the tests of what is drawn: a template's JSON in, voices spoken without a sound.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/file.h"
#include "hwaccel/frame.h"
#include "pipeline/scene.h"
#include "proto/render.pb.h"

namespace rn {

// Pictures for templates: "asset:photo" (320 × 240, colours and fine lines), "asset:logo" (96 × 96,
// transparent around a disc), "asset:broken" (no picture at all). Subtitles: "asset:subtitles.srt"
// ("one two" from 0 to 1 s, "three" from 1.5 to 2 s, "late" from 60 to 61 s).
class SceneAssets {
 public:
  SceneAssets();
  // The template as `body` has it in {"schema": "1", "name": "t", …}. Every word of a voice takes
  // kWord. Aborts the test on a mistake in it. `aspect`: the job's choice of a variant; `looks`: of
  // a "style" and a "color_scheme".
  Scene Resolve(absl::string_view body,
                const std::string& aspect = "",
                const rendernode::ItemSpec& row = {},
                const std::map<std::string, std::string>& looks = {}) const;

  // "photo", "logo", "broken"; "clip", which is not there, and "asset:clip" in templates.
  std::string Path(absl::string_view name) const;

  static constexpr absl::Duration kWord = absl::Milliseconds(300);

 private:
  const TempDir folder_;
};

// A frame's memory.
class FrameBuffer {
 public:
  // Strides longer than the rows, as an encoder has them. `noise`: what it holds at first.
  FrameBuffer(const Scene& scene, unsigned noise)
      : FrameBuffer(scene.width(), scene.height(), noise) {}
  FrameBuffer(int width, int height, unsigned noise);
  const Nv12View& view() const { return view_; }
  // Same pixels; what lies between rows does not count.
  bool operator==(const FrameBuffer& other) const;

 private:
  std::vector<std::uint8_t> bytes_;
  Nv12View view_;
};

}  // namespace rn
