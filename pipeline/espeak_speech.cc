#include "pipeline/espeak_speech.h"

#include <espeak-ng/speak_lib.h>

#include <cmath>
#include <cstring>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/mutex.h"
#include "base/nearest.h"
#include "base/status.h"
#include "pipeline/language_runs.h"
#include "pipeline/script_words.h"
#include "pipeline/speech_audio.h"
#include "pipeline/syscall_filter.h"
#include "proto/item_error.h"

namespace rn {
namespace {

// What espeak_Synth gets: a run's characters, and where in the script each stands.
struct RunText {
  std::vector<gunichar> characters;  // ends with 0
  std::vector<std::size_t> origins;
};

struct VoiceName {
  std::string language;
  std::string variant;  // "+f3", or nothing
};

bool IsFullWidth(gunichar c) {
  return c >= 0xFF01 && c <= 0xFF5E;
}

// espeak-ng's own commands in a text: this character, a number, a letter. It resets them with each
// text. No script has that character: it counts as white space.
constexpr char kCommand = 1;
constexpr int kSayCharacters = 18, kSayWords = 0;  // of its say-as mode

// How espeak-ng is told of a style.
struct Manner {
  int rate = 0, pitch = 0;
  bool spelt = false;
  friend bool operator==(const Manner&, const Manner&) = default;
};

Manner MannerOf(const Prosody& prosody, const ScriptStyle& style) {
  // espeak-ng's scale is an octave down to 0 and an octave up to 100.
  return {static_cast<int>(prosody.words_per_minute),
          static_cast<int>(std::lround(50 + 50 * std::log2(prosody.stressed_pitch))),
          style.spelt};
}

class RunWriter {
 public:
  // Begins in `manner`.
  RunWriter(const Script& script, absl::Span<const Manner> manners, const Manner& manner)
      : script_(script), manners_(manners), manner_(manner) {}

  RunText Write(const LanguageRun& run) && {
    const auto& characters = script_.characters;
    if (manner_.spelt) Switch({manner_.rate, manner_.pitch, false}, manner_, run.begin);
    for (std::size_t i = run.begin; i < run.end; ++i) {
      const ScriptCharacter& character = characters[i];
      gunichar code = character.code;
      if (character.silent) {
        // An emoji parts words; invisible marks inside a word do not.
        if (g_unichar_iszerowidth(code) != 0) continue;
        code = ' ';
      } else if (character.space) {
        code = code == '\n' ? code : ' ';
      } else if (character.letter && IsFullWidth(code)) {
        code -= 0xFF01 - '!';
      }
      if (character.letter && manners_[character.style] != manner_) {
        Switch(manner_, manners_[character.style], i);
        manner_ = manners_[character.style];
      } else if (i > run.begin && Parts(characters[i - 1], character)) {
        Add(' ', i);
      }
      Add(code, i);
    }
    text_.characters.push_back(0);
    return std::move(text_);
  }

 private:
  bool Parts(const ScriptCharacter& before, const ScriptCharacter& character) const {
    if (!before.letter || !character.letter) return false;
    // espeak-ng takes "格2024" apart only after it has counted its characters.
    return IsWrittenWithoutSpaces(before) != IsWrittenWithoutSpaces(character) || manner_.spelt;
  }
  void Switch(const Manner& from, const Manner& to, std::size_t origin) {
    Add(' ', origin);
    if (to.rate != from.rate) Command(to.rate, 'S', origin);
    if (to.pitch != from.pitch) Command(to.pitch, 'P', origin);
    if (to.spelt != from.spelt) Command(to.spelt ? kSayCharacters : kSayWords, 'Y', origin);
    Add(' ', origin);
  }
  void Command(int value, char letter, std::size_t origin) {
    for (const char c : absl::StrCat(std::string(1, kCommand), value, std::string(1, letter))) {
      Add(static_cast<gunichar>(c), origin);
    }
  }
  void Add(gunichar code, std::size_t origin) {
    text_.characters.push_back(code);
    text_.origins.push_back(origin);
  }

  const Script& script_;
  const absl::Span<const Manner> manners_;
  Manner manner_;
  RunText text_;
};

// espeak-ng reads a little past what it has translated, into what the last text left there: without
// this, commas last 20 ms longer after a text with numbers. More words than a clause takes.
void OverwriteLastText() {
  static const std::string& clause = *new std::string([] {
    constexpr int kWords = 100;
    std::string words;
    for (int i = 0; i < kWords; ++i) words += "banana ";
    return words;
  }());
  const void* rest = clause.c_str();
  while (rest != nullptr) espeak_TextToPhonemes(&rest, espeakCHARS_UTF8, /*phonememode=*/0);
}

bool EndsWithPunctuation(const RunText& text) {
  for (auto it = text.characters.rbegin() + 1; it != text.characters.rend(); ++it) {
    if (g_unichar_isspace(*it) == 0) return g_unichar_ispunct(*it) != 0;
  }
  return false;
}

// One espeak_Synth: what its callback reads and fills.
struct Synthesis {
  const RunText& text;
  absl::Duration begin;  // in `speech`
  RawSpeech& speech;
};

// The process's one espeak-ng.
class Library {
 public:
  static Library& Instance() {
    static Library library;
    return library;
  }

  absl::StatusOr<RawSpeech> Synthesize(const Script& script,
                                       const rendernode::Voice& voice,
                                       absl::Span<const Prosody> prosody);

 private:
  absl::Status Start() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ListVoices() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<VoiceName> Parse(const std::string& name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<std::string> LanguageOf(const std::string& bcp47)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::vector<std::string> LanguageNames() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status SpeakRun(const RunText& text,
                        const std::string& voice,
                        const Manner& manner,
                        bool last,
                        RawSpeech& speech) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static int OnAudio(short* samples, int count, espeak_EVENT* events);

  Mutex mutex_;
  int sample_rate_ ABSL_GUARDED_BY(mutex_) = 0;  // 0: not started
  // Every tag that espeak-ng knows to the one that selects the voice ("zh" to "cmn").
  std::map<std::string, std::string> languages_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> variants_ ABSL_GUARDED_BY(mutex_);
};

absl::Status Library::Start() {
  if (sample_rate_ > 0) return absl::OkStatus();
  // It looks for a sound server to play on, though nothing is to be played.
  const UnsaidRefusals expected;
  // Without the flag a missing data folder ends the process.
  const int rate = espeak_Initialize(
      AUDIO_OUTPUT_SYNCHRONOUS, /*buflength=*/0, /*path=*/nullptr, espeakINITIALIZE_DONT_EXIT);
  if (rate <= 0) {
    return absl::FailedPreconditionError(
        "espeak-ng does not start: are its voices installed (Debian package espeak-ng-data)?");
  }
  sample_rate_ = rate;
  espeak_SetSynthCallback(&Library::OnAudio);
  ListVoices();
  return absl::OkStatus();
}

void Library::ListVoices() {
  for (const espeak_VOICE** voice = espeak_ListVoices(nullptr); *voice != nullptr; ++voice) {
    // Pairs of a priority byte and a tag, up to a zero priority.
    const char* tags = (*voice)->languages;
    const std::string first = absl::AsciiStrToLower(tags + 1);
    for (; *tags != 0; tags += std::strlen(tags) + 1) {
      languages_.emplace(absl::AsciiStrToLower(tags + 1), first);
    }
    languages_[first] = first;
  }
  espeak_VOICE variants = {};
  variants.languages = "variant";
  for (const espeak_VOICE** voice = espeak_ListVoices(&variants); *voice != nullptr; ++voice) {
    absl::string_view name = (*voice)->identifier;
    if (absl::ConsumePrefix(&name, "!v/")) variants_.insert(std::string(name));
  }
}

std::vector<std::string> Library::LanguageNames() {
  std::set<std::string> names;
  for (const auto& [tag, name] : languages_) names.insert(name);
  return {names.begin(), names.end()};
}

absl::StatusOr<VoiceName> Library::Parse(const std::string& name) {
  const std::size_t plus = name.find('+');
  const std::string language = name.substr(0, plus);
  const auto known = languages_.find(language);
  if (known == languages_.end()) {
    return absl::InvalidArgumentError(UnknownName("espeak-ng voice", language, LanguageNames()));
  }
  if (plus == std::string::npos) return VoiceName{known->second, ""};
  const std::string variant = name.substr(plus + 1);
  if (variants_.count(variant) == 0) {
    return absl::InvalidArgumentError(
        UnknownName("espeak-ng voice variant", variant, {variants_.begin(), variants_.end()}));
  }
  return VoiceName{known->second, absl::StrCat("+", variant)};
}

absl::StatusOr<std::string> Library::LanguageOf(const std::string& bcp47) {
  // As RFC 4647 looks up: subtags fall off the end until one is known.
  std::string tag = absl::AsciiStrToLower(bcp47);
  while (true) {
    const auto known = languages_.find(tag);
    if (known != languages_.end()) return known->second;
    const std::size_t dash = tag.rfind('-');
    if (dash == std::string::npos) break;
    tag.resize(dash);
  }
  return absl::InvalidArgumentError(UnknownName("language", bcp47, LanguageNames()));
}

int Library::OnAudio(short* samples, int count, espeak_EVENT* events) {
  // Every event carries it, the list's end too.
  auto& [text, begin, speech] = *static_cast<Synthesis*>(events->user_data);
  for (; events->type != espeakEVENT_LIST_TERMINATED; ++events) {
    if (events->type != espeakEVENT_WORD) continue;
    const auto position = static_cast<std::size_t>(events->text_position);  // 1-based
    if (position < 1 || position > text.origins.size()) continue;
    speech.onsets.push_back(
        {text.origins[position - 1], begin + absl::Milliseconds(events->audio_position)});
  }
  if (samples != nullptr) {
    speech.samples.insert(speech.samples.end(), samples, samples + count);
  }
  return 0;
}

absl::Status Library::SpeakRun(const RunText& text,
                               const std::string& voice,
                               const Manner& manner,
                               bool last,
                               RawSpeech& speech) {
  if (espeak_SetVoiceByName(voice.c_str()) != EE_OK) {
    return absl::InternalError(absl::StrCat("espeak-ng does not load its voice ", voice));
  }
  if (espeak_SetParameter(espeakRATE, manner.rate, 0) != EE_OK ||
      espeak_SetParameter(espeakPITCH, manner.pitch, 0) != EE_OK) {
    return absl::InternalError("espeak-ng refuses rate or pitch");
  }
  OverwriteLastText();
  static_assert(sizeof(gunichar) == sizeof(wchar_t));
  unsigned int flags = espeakCHARS_WCHAR;
  if (!last && EndsWithPunctuation(text)) flags |= espeakENDPAUSE;
  Synthesis synthesis{
      text, absl::Seconds(1) * static_cast<double>(speech.samples.size()) / sample_rate_, speech};
  const espeak_ERROR error = espeak_Synth(text.characters.data(),
                                          text.characters.size() * sizeof(gunichar),
                                          /*position=*/0,
                                          POS_CHARACTER,
                                          /*end_position=*/0,
                                          flags,
                                          /*unique_identifier=*/nullptr,
                                          &synthesis);
  if (error != EE_OK) {
    return absl::InternalError(absl::StrCat("espeak-ng fails with ", static_cast<int>(error)));
  }
  return absl::OkStatus();
}

absl::StatusOr<RawSpeech> Library::Synthesize(const Script& script,
                                              const rendernode::Voice& voice,
                                              absl::Span<const Prosody> prosody) {
  MutexLock lock(mutex_);
  RETURN_IF_ERROR(Start());
  ASSIGN_OR_RETURN(const VoiceName name, Parse(voice.voice()));
  std::vector<std::string> preferred;
  if (!voice.language().empty()) {
    ASSIGN_OR_RETURN(std::string language, LanguageOf(voice.language()));
    preferred.push_back(std::move(language));
  }
  preferred.push_back(name.language);
  std::vector<Manner> manners;
  for (std::size_t i = 0; i < prosody.size(); ++i) {
    manners.push_back(MannerOf(prosody[i], script.styles[i]));
  }
  ASSIGN_OR_RETURN(const std::vector<LanguageRun> runs,
                   SplitByLanguage(script.characters, preferred));
  RawSpeech speech{.sample_rate = sample_rate_};
  absl::Duration pause;
  for (const ScriptPiece& piece : PiecesOf(script)) {
    RawSpeech said{.sample_rate = sample_rate_};
    for (LanguageRun run : runs) {
      const bool last = run.end >= piece.end;
      run.begin = std::max(run.begin, piece.begin);
      run.end = std::min(run.end, piece.end);
      while (run.begin < run.end && !script.characters[run.begin].letter) ++run.begin;
      if (run.begin >= run.end) continue;
      const Manner& manner = manners[script.characters[run.begin].style];
      RETURN_IF_ERROR(SpeakRun(RunWriter(script, manners, manner).Write(run),
                               absl::StrCat(run.language, name.variant),
                               manner,
                               last,
                               said));
    }
    AppendPiece(std::move(said), pause, speech);
    pause = piece.pause_after;
  }
  return speech;
}

}  // namespace

absl::StatusOr<Speech> EspeakSpeech::Speak(absl::string_view text, const rendernode::Voice& voice) {
  ASSIGN_OR_RETURN(const Script script, ReadScript(text));
  ASSIGN_OR_RETURN(const std::vector<Prosody> prosody, ProsodyOf(voice, script, espeakRATE_NORMAL));
  absl::StatusOr<RawSpeech> raw = Library::Instance().Synthesize(script, voice, prosody);
  if (!raw.ok()) {
    return WithItemError(raw.status(), rendernode::ITEM_ERROR_AUDIO_GENERATION_FAILED);
  }
  return FinishSpeech(script, *std::move(raw), prosody);
}

}  // namespace rn
