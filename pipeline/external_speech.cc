#include "pipeline/external_speech.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/file.h"
#include "base/status.h"
#include "pipeline/audio_mix.h"
#include "pipeline/script_words.h"
#include "pipeline/speech_audio.h"
#include "proto/item_error.h"

namespace rn {
namespace {

// Only to check factors against the range: what it is to an engine is the engine's business.
constexpr double kNominalWordsPerMinute = 165;
constexpr absl::Duration kGapMin = absl::Milliseconds(180);  // Shorter is a stop consonant.
constexpr int kQuietOfPeak = 100;                            // −40 dB

struct Asked {
  rendernode::Utterance utterance;
  ScriptPiece piece;
  bool mixed = false;  // rate, pitch or stress change inside
};

// As an engine reads it: spelt letters apart, no signs that are not read aloud.
std::string TextOf(const Script& script, const ScriptPiece& piece) {
  std::string text;
  for (std::size_t i = piece.begin; i < piece.end; ++i) {
    const ScriptCharacter& character = script.characters[i];
    if (character.silent || character.space) {
      if (character.silent && g_unichar_iszerowidth(character.code) != 0) continue;
      if (!text.empty() && text.back() != ' ') text.push_back(' ');
      continue;
    }
    const bool spelt = character.letter && script.StyleOf(i).spelt;
    if (spelt && !text.empty() && text.back() != ' ') text.push_back(' ');
    text.append(script.text, character.byte, character.bytes);
  }
  return std::string(absl::StripAsciiWhitespace(text));
}

std::string KeyOf(const std::string& text, const rendernode::Voice& voice) {
  const std::string fields = absl::StrCat(voice.engine(),
                                          "\n",
                                          voice.voice(),
                                          "\n",
                                          voice.language(),
                                          "\n",
                                          voice.words_per_minute(),
                                          "\n",
                                          voice.rate(),
                                          "\n",
                                          voice.pitch(),
                                          "\n");
  return Sha256(absl::StrCat(fields, text));
}

std::vector<Asked> Ask(const Script& script, const rendernode::Voice& voice) {
  std::vector<Asked> all;
  for (const ScriptPiece& piece : PiecesOf(script)) {
    Asked asked{.piece = piece};
    const ScriptStyle* first = nullptr;
    for (std::size_t i = piece.begin; i < piece.end; ++i) {
      if (!script.characters[i].letter) continue;
      const ScriptStyle& style = script.StyleOf(i);
      if (first == nullptr) first = &style;
      asked.mixed = asked.mixed || style.stress != 0 || style.rate != first->rate ||
                    style.pitch != first->pitch;
    }
    rendernode::Utterance& utterance = asked.utterance;
    *utterance.mutable_voice() = voice;
    utterance.mutable_voice()->clear_volume();
    const auto times = [](double set, double factor) { return (set == 0 ? 1 : set) * factor; };
    utterance.mutable_voice()->set_rate(times(voice.rate(), first->rate));
    utterance.mutable_voice()->set_pitch(times(voice.pitch(), first->pitch));
    utterance.set_text(TextOf(script, piece));
    utterance.set_key(KeyOf(utterance.text(), utterance.voice()));
    all.push_back(std::move(asked));
  }
  return all;
}

absl::StatusOr<RawSpeech> ReadSound(const std::string& path) {
  absl::StatusOr<AudioBuffer> sound = DecodeAudioFile(path, kUtteranceMax);
  if (!sound.ok()) return Annotate(sound.status(), "the engine's sound");
  RawSpeech raw{.sample_rate = kSampleRate};
  raw.samples.reserve(static_cast<std::size_t>(sound->frames()));
  for (std::size_t i = 0; i + 1 < sound->samples.size(); i += kChannels) {
    const float mono = (sound->samples[i] + sound->samples[i + 1]) / 2;
    const float clamped = std::isfinite(mono) ? std::clamp(mono, -1.0F, 1.0F) : 0.0F;
    raw.samples.push_back(static_cast<std::int16_t>(std::lround(clamped * 32767)));
  }
  return raw;
}

struct SampleRun {
  std::size_t begin = 0, end = 0;
};

// Where there is sound, without gaps of kGapMin and more.
std::vector<SampleRun> SoundsOf(const RawSpeech& raw) {
  int peak = 0;
  for (const std::int16_t sample : raw.samples) peak = std::max(peak, std::abs(int{sample}));
  const int threshold = peak / kQuietOfPeak;
  const auto gap_min = static_cast<std::size_t>(absl::ToDoubleSeconds(kGapMin) * raw.sample_rate);
  std::vector<SampleRun> sounds;
  for (std::size_t i = 0; i < raw.samples.size(); ++i) {
    if (std::abs(int{raw.samples[i]}) <= threshold) continue;
    if (sounds.empty() || i - sounds.back().end >= gap_min) sounds.push_back({i, i});
    sounds.back().end = i + 1;
  }
  return sounds;
}

struct WeighedWord {
  std::size_t character = 0;
  double weight = 0;
  bool ends_clause = false;
};

// How long words last against each other: by their letters; a digit is a word of its own.
std::vector<WeighedWord> Weigh(const Script& script, const ScriptPiece& piece) {
  constexpr double kOfAnyWord = 2, kOfADigit = 4, kOfAnIdeograph = 3.5;
  std::vector<WeighedWord> words;
  bool inside = false;
  for (std::size_t i = piece.begin; i < piece.end; ++i) {
    const ScriptCharacter& character = script.characters[i];
    if (character.space) inside = false;
    if (character.letter) {
      const bool unspaced = IsWrittenWithoutSpaces(character);
      if (!inside || unspaced) words.push_back({i, unspaced ? 0 : kOfAnyWord});
      inside = !unspaced;
      const bool said_alone = g_unichar_isdigit(character.code) != 0 || script.StyleOf(i).spelt;
      words.back().weight += unspaced ? kOfAnIdeograph : said_alone ? kOfADigit : 1;
    } else if (!words.empty() &&
               absl::StrContains(".,;:!?…。，、；：！？",
                                 script.text.substr(character.byte, character.bytes))) {
      words.back().ends_clause = true;
    }
  }
  return words;
}

// Puts `words` on the time in which there is sound, in proportion.
void Spread(absl::Span<const WeighedWord> words,
            absl::Span<const SampleRun> sounds,
            RawSpeech& raw) {
  double total = 0, length = 0;
  for (const WeighedWord& word : words) total += word.weight;
  for (const SampleRun& sound : sounds) length += static_cast<double>(sound.end - sound.begin);
  double before = 0;
  for (const WeighedWord& word : words) {
    double at = length * before / total;
    std::size_t i = 0;
    while (i + 1 < sounds.size() && at >= static_cast<double>(sounds[i].end - sounds[i].begin)) {
      at -= static_cast<double>(sounds[i].end - sounds[i].begin);
      ++i;
    }
    raw.onsets.push_back(
        {word.character,
         absl::Seconds((static_cast<double>(sounds[i].begin) + at) / raw.sample_rate)});
    before += word.weight;
  }
}

// Where the sound has as many gaps as the text has commas and stops, they are the same.
void EstimateOnsets(const Script& script, const ScriptPiece& piece, RawSpeech& raw) {
  const std::vector<SampleRun> sounds = SoundsOf(raw);
  const std::vector<WeighedWord> words = Weigh(script, piece);
  if (sounds.empty() || words.empty()) return;
  std::vector<std::size_t> ends;  // of clauses
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i].ends_clause || i + 1 == words.size()) ends.push_back(i + 1);
  }
  const auto all = absl::MakeConstSpan(words);
  if (ends.size() != sounds.size()) return Spread(all, sounds, raw);
  std::size_t begin = 0;
  for (std::size_t i = 0; i < ends.size(); ++i) {
    Spread(all.subspan(begin, ends[i] - begin), {sounds[i]}, raw);
    begin = ends[i];
  }
}

}  // namespace

absl::StatusOr<std::vector<rendernode::Utterance>> UtterancesOf(absl::string_view text,
                                                                const rendernode::Voice& voice) {
  ASSIGN_OR_RETURN(const Script script, ReadScript(text));
  RETURN_IF_ERROR(ProsodyOf(voice, script, kNominalWordsPerMinute).status());
  std::vector<rendernode::Utterance> utterances;
  for (Asked& asked : Ask(script, voice)) utterances.push_back(std::move(asked.utterance));
  return utterances;
}

absl::StatusOr<Speech> SpeakFromFiles(absl::string_view text,
                                      const rendernode::Voice& voice,
                                      const std::map<std::string, std::string>& paths) {
  ASSIGN_OR_RETURN(const Script script, ReadScript(text));
  ASSIGN_OR_RETURN(const std::vector<Prosody> prosody,
                   ProsodyOf(voice, script, kNominalWordsPerMinute));
  RawSpeech speech;
  absl::Duration pause;
  bool mixed = false;
  for (const Asked& asked : Ask(script, voice)) {
    mixed = mixed || asked.mixed;
    const auto path = paths.find(asked.utterance.key());
    if (path == paths.end()) {
      return WithItemError(
          absl::NotFoundError(absl::StrCat("the speech engine \"",
                                           voice.engine(),
                                           "\" is not in this process and spoke nothing before")),
          rendernode::ITEM_ERROR_AUDIO_GENERATION_FAILED);
    }
    absl::StatusOr<RawSpeech> sound = ReadSound(path->second);
    if (!sound.ok()) {
      return WithItemError(sound.status(), rendernode::ITEM_ERROR_AUDIO_GENERATION_FAILED);
    }
    EstimateOnsets(script, asked.piece, *sound);
    AppendPiece(*std::move(sound), pause, speech);
    pause = asked.piece.pause_after;
  }
  ASSIGN_OR_RETURN(Speech finished, FinishSpeech(script, std::move(speech), prosody));
  finished.words_estimated = true;
  finished.warnings.push_back(absl::StrCat(
      "word times are estimated: the speech engine \"", voice.engine(), "\" gives none"));
  if (mixed) {
    finished.warnings.push_back(
        absl::StrCat("the speech engine \"",
                     voice.engine(),
                     "\" cannot stress words or change rate and pitch between two pauses: they are "
                     "said as what is before them"));
  }
  return finished;
}

}  // namespace rn
