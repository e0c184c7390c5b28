#include "pipeline/flite_speech.h"

#include <flite/flite.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "base/nearest.h"
#include "base/status.h"
#include "pipeline/script_words.h"
#include "pipeline/speech_audio.h"
#include "proto/item_error.h"

// flite1-dev has the voice's library but no header for it.
extern "C" cst_voice* register_cmu_us_slt(const char* voxdir);

namespace rn {
namespace {

constexpr char kVoice[] = "slt";
constexpr double kWordsPerMinute = 165;  // of the voice, unstretched
// flite keeps a whole utterance in memory and takes all of it for one sentence's melody.
constexpr int kUtteranceTokensMax = 100;

struct FliteDeleter {
  void operator()(cst_utterance* utterance) const { delete_utterance(utterance); }
  void operator()(cst_tokenstream* tokens) const { ts_close(tokens); }
};
using UniqueUtterance = std::unique_ptr<cst_utterance, FliteDeleter>;
using UniqueTokenStream = std::unique_ptr<cst_tokenstream, FliteDeleter>;

// ASCII, and the script's character behind each of its bytes.
struct AsciiText {
  std::string text;
  std::vector<std::size_t> origins;
};

// flite takes a lone "a" for the article.
std::string NameOf(absl::string_view letter) {
  return letter == "a" || letter == "A" ? " ay " : absl::StrCat(" ", letter, " ");
}

absl::StatusOr<AsciiText> ToAscii(const Script& script, const ScriptPiece& piece) {
  AsciiText ascii;
  for (std::size_t i = piece.begin; i < piece.end; ++i) {
    const ScriptCharacter& character = script.characters[i];
    std::string spelt = " ";
    if (character.code < 0x80 && !character.space) {
      spelt = static_cast<char>(character.code);
    } else if (character.silent && g_unichar_iszerowidth(character.code) != 0) {
      continue;
    } else if (!character.space && !character.silent) {
      char utf8[7] = {};
      g_unichar_to_utf8(character.code, utf8);
      const std::unique_ptr<char, decltype(&g_free)> plain(g_str_to_ascii(utf8, "C"), &g_free);
      if (plain.get() != absl::string_view("?")) {
        spelt = plain.get();
      } else if (character.letter) {
        return absl::InvalidArgumentError(
            absl::StrCat("flite speaks English alone: it cannot read U+",
                         absl::Hex(character.code, absl::kZeroPad4),
                         " at byte ",
                         character.byte,
                         " of the script; espeak-ng voices can"));
      }
    }
    if (character.letter && script.StyleOf(i).spelt) spelt = NameOf(spelt);
    ascii.text.append(spelt);
    ascii.origins.insert(ascii.origins.end(), spelt.size(), i);
  }
  return ascii;
}

const char* Feature(const cst_voice& voice, const char* name, const char* otherwise) {
  return flite_get_param_string(voice.features, name, otherwise);
}

// On a token: where in the AsciiText it begins.
constexpr char kOrigin[] = "rn_origin";

// Tokens up to a sentence's end, as flite's own text-to-speech loop cuts them, or to where the
// pitch changes: that is an utterance's alone.
class Sentences {
 public:
  Sentences(const AsciiText& text,
            const Script& script,
            absl::Span<const Prosody> prosody,
            const cst_voice& voice)
      : text_(text),
        script_(script),
        prosody_(prosody),
        breaks_(DefaultBreaks(voice)),
        stream_(ts_open_string(
            text.text.c_str(),
            Feature(voice, "text_whitespace", cst_ts_default_whitespacesymbols),
            Feature(voice, "text_singlecharsymbols", cst_ts_default_singlecharsymbols),
            Feature(voice, "text_prepunctuation", cst_ts_default_prepunctuationsymbols),
            Feature(voice, "text_postpunctuation", cst_ts_default_postpunctuationsymbols))) {
    Advance();
  }

  // Null at the end.
  UniqueUtterance Next() {
    if (token_.empty()) return nullptr;
    pitch_ = PitchOf(origin_);
    UniqueUtterance utterance(new_utterance());
    cst_relation* tokens = utt_relation_create(utterance.get(), "Token");
    for (int count = 0; !token_.empty() && count < kUtteranceTokensMax; ++count) {
      if (relation_head(tokens) != nullptr &&
          (breaks_(stream_.get(), token_.c_str(), tokens) != 0 || PitchOf(origin_) != pitch_)) {
        break;
      }
      cst_item* item = relation_append(tokens, nullptr);
      item_set_string(item, "name", token_.c_str());
      item_set_string(item, "whitespace", stream_->whitespace);
      item_set_string(item, "prepunctuation", stream_->prepunctuation);
      item_set_string(item, "punc", stream_->postpunctuation);
      item_set_int(item, kOrigin, static_cast<int>(origin_));
      const double rate = ProsodyAt(origin_).words_per_minute;
      item_set_float(item, "local_duration_stretch", static_cast<float>(kWordsPerMinute / rate));
      Advance();
    }
    return utterance;
  }

  // Of the utterance that Next gave.
  double pitch() const { return pitch_; }

 private:
  const Prosody& ProsodyAt(std::size_t at) const {
    return prosody_[script_.characters[text_.origins[at]].style];
  }
  // Not what stress adds: no utterance of its own for a stressed word.
  double PitchOf(std::size_t at) const { return ProsodyAt(at).pitch; }

  static cst_breakfunc DefaultBreaks(const cst_voice& voice) {
    const cst_val* own = flite_get_param_val(voice.features, "utt_break", nullptr);
    return own == nullptr ? &default_utt_break : val_breakfunc(own);
  }

  void Advance() {
    token_ = ts_eof(stream_.get()) != 0 ? "" : ts_get(stream_.get());
    const std::size_t at = text_.text.find(token_, cursor_);
    if (token_.empty() || at == std::string::npos) return;
    origin_ = at;
    cursor_ = at + token_.size();
  }

  const AsciiText& text_;
  const Script& script_;
  const absl::Span<const Prosody> prosody_;
  cst_breakfunc breaks_;
  UniqueTokenStream stream_;
  std::string token_;
  std::size_t origin_ = 0;  // of the token
  std::size_t cursor_ = 0;
  double pitch_ = 1;
};

// The process's one flite voice.
class Library {
 public:
  static Library& Instance() {
    static Library library;
    return library;
  }

  absl::StatusOr<RawSpeech> Synthesize(const AsciiText& text,
                                       const Script& script,
                                       absl::Span<const Prosody> prosody) {
    MutexLock lock(mutex_);
    if (voice_ == nullptr) {
      flite_init();
      voice_ = register_cmu_us_slt(nullptr);
    }
    RawSpeech speech;
    Sentences sentences(text, script, prosody, *voice_);
    while (UniqueUtterance utterance = sentences.Next()) {
      flite_feat_set_float(voice_->features, "f0_shift", static_cast<float>(sentences.pitch()));
      // Takes the utterance, and deletes it when it fails.
      utterance.reset(flite_do_synth(utterance.release(), voice_, utt_synth_tokens));
      if (utterance == nullptr) return absl::InternalError("flite cannot speak the script");
      Append(*utterance, text, speech);
    }
    return speech;
  }

 private:
  static void Append(const cst_utterance& utterance, const AsciiText& text, RawSpeech& speech) {
    const cst_wave* wave = val_wave(feat_val(utterance.features, "wave"));
    speech.sample_rate = wave->sample_rate;
    const absl::Duration begin =
        absl::Seconds(1) * static_cast<double>(speech.samples.size()) / wave->sample_rate;
    cst_item* token = relation_head(utt_relation(&utterance, "Token"));
    for (; token != nullptr; token = item_next(token)) {
      const auto at = static_cast<std::size_t>(item_feat_int(token, kOrigin));
      cst_item* word = item_daughter(token);
      // A word without sounds has no syllables.
      if (word == nullptr || item_as(word, "SylStructure") == nullptr ||
          item_daughter(item_as(word, "SylStructure")) == nullptr) {
        continue;
      }
      const double from =
          ffeature_float(word, "R:SylStructure.daughter1.daughter1.R:Segment.p.end");
      const double until = ffeature_float(item_last_daughter(token),
                                          "R:SylStructure.daughtern.daughtern.R:Segment.end");
      speech.onsets.push_back(
          {text.origins[at], begin + absl::Seconds(from), begin + absl::Seconds(until)});
    }
    speech.samples.insert(speech.samples.end(), wave->samples, wave->samples + wave->num_samples);
  }

  Mutex mutex_;
  cst_voice* voice_ ABSL_GUARDED_BY(mutex_) = nullptr;
};

bool IsEnglish(const std::string& language) {
  const std::string tag = absl::AsciiStrToLower(language);
  return tag.empty() || tag == "en" || absl::StartsWith(tag, "en-");
}

absl::StatusOr<RawSpeech> Synthesize(const Script& script,
                                     const rendernode::Voice& voice,
                                     absl::Span<const Prosody> prosody) {
  if (voice.voice() != kVoice) {
    return absl::InvalidArgumentError(UnknownName("flite voice", voice.voice(), {kVoice}));
  }
  if (!IsEnglish(voice.language())) {
    return absl::InvalidArgumentError(UnknownName("flite language", voice.language(), {"en-US"}));
  }
  RawSpeech speech;
  absl::Duration pause;
  for (const ScriptPiece& piece : PiecesOf(script)) {
    ASSIGN_OR_RETURN(const AsciiText text, ToAscii(script, piece));
    ASSIGN_OR_RETURN(RawSpeech said, Library::Instance().Synthesize(text, script, prosody));
    AppendPiece(std::move(said), pause, speech);
    pause = piece.pause_after;
  }
  return speech;
}

}  // namespace

absl::StatusOr<Speech> FliteSpeech::Speak(absl::string_view text, const rendernode::Voice& voice) {
  ASSIGN_OR_RETURN(const Script script, ReadScript(text));
  ASSIGN_OR_RETURN(const std::vector<Prosody> prosody, ProsodyOf(voice, script, kWordsPerMinute));
  absl::StatusOr<RawSpeech> raw = Synthesize(script, voice, prosody);
  if (!raw.ok()) {
    return WithItemError(raw.status(), rendernode::ITEM_ERROR_AUDIO_GENERATION_FAILED);
  }
  return FinishSpeech(script, *std::move(raw), prosody);
}

}  // namespace rn
