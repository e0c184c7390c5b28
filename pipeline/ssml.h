// The part of SSML 1.1 that scripts may use:
//
//   <speak>                    around all of it; its attributes are ignored: the voice decides
//   <p>, <s>                   a paragraph, a sentence: a pause after it
//   <break time="500ms"/>      or strength="none … x-strong"; without either: medium
//   <emphasis level="strong">  strong, moderate (the default), none, reduced
//   <prosody rate= pitch= volume=>  a factor ("1.2"), percent ("90%", "+10%") or a name ("slow");
//                              pitch in semitones too ("+2st"), volume in decibels ("-6dB")
//   <say-as interpret-as=>     characters, spell-out, digits, telephone: one by one; cardinal: as
//   is
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace rn {

// How a part of a script is said: factors of what the voice does by itself.
struct ScriptStyle {
  double rate = 1, pitch = 1, volume = 1;
  int stress = 0;      // 2 strong, 1 moderate, -1 reduced
  bool spelt = false;  // letter by letter, digit by digit

  friend bool operator==(const ScriptStyle&, const ScriptStyle&) = default;
};

struct MarkedScript {
  struct Run {
    std::size_t byte_begin = 0;  // in `text`, up to the next run's
    ScriptStyle style;
  };
  struct Pause {
    std::size_t byte = 0;  // in `text`: before what is written there
    absl::Duration length;
  };
  std::string text;  // what is written: markup gone, white space collapsed
  std::vector<Run> runs;
  std::vector<Pause> pauses;  // one at most at any place, longer than zero
};

inline constexpr absl::Duration kBreakMax = absl::Seconds(10);

// A script is SSML if it begins so.
bool IsSsml(absl::string_view script);

// InvalidArgument: markup that is not well-formed or not of the above; it names what it found, what
// is valid, and the line.
absl::StatusOr<MarkedScript> ReadSsml(absl::string_view ssml);

}  // namespace rn
