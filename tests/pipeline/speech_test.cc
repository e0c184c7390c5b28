#include "pipeline/speech.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "catalog/voices.h"
#include "proto/item_error.h"

namespace rn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr absl::Duration kTolerance = absl::Milliseconds(80);  // captions against sound
constexpr double kQuietDb = -42;                               // speech is at about -20

rendernode::Voice Voice(const std::string& engine, const std::string& name) {
  rendernode::Voice voice;
  voice.set_engine(engine);
  voice.set_voice(name);
  return voice;
}

rendernode::Voice English() {
  return Voice("espeak-ng", "en-us+f3");
}

absl::StatusOr<Speech> Speak(absl::string_view script, const rendernode::Voice& voice = English()) {
  static auto& engines = *new SpeechEngines(SpeechEngines::BuiltIn());  // as a worker keeps them
  return engines.Speak(script, voice);
}

Speech MustSpeak(absl::string_view script, const rendernode::Voice& voice = English()) {
  auto speech = Speak(script, voice);
  EXPECT_TRUE(speech.ok()) << speech.status();
  return speech.ok() ? *std::move(speech) : Speech();
}

std::vector<std::string> Texts(const Speech& speech) {
  std::vector<std::string> texts;
  for (const SpokenWord& word : speech.words) texts.push_back(word.text);
  return texts;
}

// RMS in dBFS; -120 where there is nothing.
double LevelDb(const Speech& speech, absl::Duration begin, absl::Duration end) {
  double sum = 1e-12;
  std::size_t count = 1;
  for (auto i = ToSampleFrames(begin); i < ToSampleFrames(end); ++i) {
    if (i < 0 || i >= speech.audio.frames()) continue;
    const double sample = speech.audio.At(i);
    sum += sample * sample;
    ++count;
  }
  return 10 * std::log10(sum / static_cast<double>(count));
}

// Where sound begins at or after `from`, to 5 ms.
absl::Duration SoundAfter(const Speech& speech, absl::Duration from) {
  constexpr absl::Duration kStep = absl::Milliseconds(5);
  while (from < speech.audio.length() && LevelDb(speech, from, from + kStep) < kQuietDb) {
    from += kStep;
  }
  return from;
}

// Pitch by autocorrelation of the loudest 100 ms.
double PitchHz(const Speech& speech) {
  constexpr absl::Duration kWindow = absl::Milliseconds(100);
  absl::Duration loudest;
  for (absl::Duration t; t + kWindow < speech.audio.length(); t += kWindow / 2) {
    if (LevelDb(speech, t, t + kWindow) > LevelDb(speech, loudest, loudest + kWindow)) loudest = t;
  }
  const std::int64_t begin = ToSampleFrames(loudest);
  const std::int64_t size = ToSampleFrames(kWindow);
  std::int64_t best_lag = 0;
  double best = 0;
  for (std::int64_t lag = kSampleRate / 500; lag < kSampleRate / 60; ++lag) {
    double sum = 0;
    for (std::int64_t i = 0; i + lag < size; ++i) {
      sum += double{speech.audio.At(begin + i)} * double{speech.audio.At(begin + i + lag)};
    }
    sum /= static_cast<double>(size - lag);
    if (sum > best * 1.05) {  // the shortest of equal lags: not an octave below
      best = sum;
      best_lag = lag;
    }
  }
  return best_lag == 0 ? 0 : double{kSampleRate} / static_cast<double>(best_lag);
}

// What captions rely on, whatever the script, voice and engine.
void ExpectWellFormed(const Speech& speech, const std::string& script) {
  ASSERT_FALSE(speech.words.empty());
  std::string left = script;  // what no word took
  std::size_t byte = 0;
  absl::Duration time;
  for (const SpokenWord& word : speech.words) {
    EXPECT_GE(word.byte_begin, byte) << word.text;
    EXPECT_EQ(word.text, script.substr(word.byte_begin, word.byte_end - word.byte_begin));
    EXPECT_GE(word.begin, time) << word.text;
    EXPECT_GT(word.end, word.begin) << word.text;
    left.replace(word.byte_begin, word.text.size(), word.text.size(), ' ');
    byte = word.byte_end;
    time = word.end;
  }
  EXPECT_EQ(left.find_first_not_of(" \t\r\n"), std::string::npos) << left;
  EXPECT_LE(speech.words.front().begin, absl::Milliseconds(20));
  EXPECT_LE(speech.words.back().end, speech.audio.length());
  EXPECT_GE(speech.words.back().end, speech.audio.length() - kTolerance);
  EXPECT_LE(SoundAfter(speech, absl::ZeroDuration()), absl::Milliseconds(60));  // a soft consonant
}

// Breath and hiss are random, and with them where a last "s" falls silent; beginnings are not.
void ExpectSameTimes(const Speech& a, const Speech& b) {
  constexpr absl::Duration kSame = absl::Milliseconds(5), kSameEnd = absl::Milliseconds(30);
  ASSERT_EQ(a.words.size(), b.words.size());
  for (std::size_t i = 0; i < a.words.size(); ++i) {
    EXPECT_LE(absl::AbsDuration(a.words[i].begin - b.words[i].begin), kSame) << a.words[i].text;
    EXPECT_LE(absl::AbsDuration(a.words[i].end - b.words[i].end), kSameEnd) << a.words[i].text;
  }
  EXPECT_LE(absl::AbsDuration(a.audio.length() - b.audio.length()), kSameEnd);
}

void ExpectRefused(const absl::StatusOr<Speech>& speech, const std::string& message) {
  ASSERT_FALSE(speech.ok());
  EXPECT_EQ(speech.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(speech.status().message()), HasSubstr(message));
  EXPECT_EQ(ItemErrorOf(speech.status()), rendernode::ITEM_ERROR_AUDIO_GENERATION_FAILED);
}

// ---------------------------------------------------------------- both engines

class EveryEngine : public ::testing::TestWithParam<const char*> {
 protected:
  rendernode::Voice voice() const {
    const std::string engine = GetParam();
    return Voice(engine, engine == "flite" ? "slt" : "en-us+f3");
  }
};

INSTANTIATE_TEST_SUITE_P(Engines, EveryEngine, ::testing::Values("espeak-ng", "flite"), [](auto p) {
  return std::string(p.param) == "flite" ? "Flite" : "EspeakNg";
});

TEST_P(EveryEngine, SoundsInsideWordsAndIsSilentBetweenSentences) {
  const std::string script =
      "Meet the new garden chair, made for rain. Order yours today! Delivery is free.";
  const Speech speech = MustSpeak(script, voice());
  ExpectWellFormed(speech, script);
  ASSERT_EQ(speech.words.size(), 14u);
  for (const SpokenWord& word : speech.words) {
    EXPECT_GT(LevelDb(speech, word.begin, word.end), -35) << word.text;
  }
  for (const std::size_t last : {7u, 10u}) {
    const absl::Duration end = speech.words[last].end;
    const absl::Duration next = speech.words[last + 1].begin;
    EXPECT_GT(next - end, absl::Milliseconds(80)) << speech.words[last].text;
    EXPECT_LT(LevelDb(speech, end + absl::Milliseconds(40), next - absl::Milliseconds(10)),
              kQuietDb);
    const absl::Duration heard = SoundAfter(speech, end + absl::Milliseconds(60));
    EXPECT_LE(absl::AbsDuration(heard - next), kTolerance) << speech.words[last + 1].text;
  }
}

TEST_P(EveryEngine, TextOfAWordIncludesThePunctuationAndEmojiThatTouchIt) {
  const std::string script = "🎉 \"Wow\", (really)! It's 50% off — today😀 of the best…";
  const Speech speech = MustSpeak(script, voice());
  ExpectWellFormed(speech, script);
  EXPECT_THAT(
      Texts(speech),
      ElementsAre(
          "🎉 \"Wow\",", "(really)!", "It's", "50%", "off —", "today😀", "of", "the", "best…"));
}

TEST_P(EveryEngine, SpeaksNumbersAndHyphensAsOneWrittenWord) {
  const std::string script = "In 2024, 1,234,567 well-known shops: $5.50 or 3.5% at 9:30 on 24/7";
  const Speech speech = MustSpeak(script, voice());
  ExpectWellFormed(speech, script);
  EXPECT_THAT(Texts(speech),
              ElementsAre("In",
                          "2024,",
                          "1,234,567",
                          "well-known",
                          "shops:",
                          "$5.50",
                          "or",
                          "3.5%",
                          "at",
                          "9:30",
                          "on",
                          "24/7"));
}

TEST_P(EveryEngine, FasterRateIsShorterAndPitchIsHeard) {
  const std::string script = "Everyone loves a really good long walk along the river";
  rendernode::Voice slow = voice(), fast = voice(), high = voice();
  slow.set_words_per_minute(120);
  fast.set_words_per_minute(240);
  high.set_pitch(1.4);
  const Speech slowly = MustSpeak(script, slow), quickly = MustSpeak(script, fast);
  EXPECT_NEAR(absl::FDivDuration(slowly.audio.length(), quickly.audio.length()), 2.0, 0.3);
  EXPECT_NEAR(10 / absl::ToDoubleMinutes(slowly.audio.length()), 120, 40);
  EXPECT_NEAR(PitchHz(MustSpeak(script, high)) / PitchHz(MustSpeak(script, voice())), 1.4, 0.25);
}

TEST_P(EveryEngine, VolumeIsAFactor) {
  rendernode::Voice soft = voice();
  soft.set_volume(0.5);
  const Speech full = MustSpeak("Hello there.", voice()), half = MustSpeak("Hello there.", soft);
  EXPECT_NEAR(
      LevelDb(half, {}, half.audio.length()) - LevelDb(full, {}, full.audio.length()), -6.02, 0.1);
}

TEST_P(EveryEngine, SameScriptTwiceIsTheSameSpeech) {
  const Speech first = MustSpeak("Twice the same, please.", voice());
  MustSpeak("42 times", voice());
  const Speech second = MustSpeak("Twice the same, please.", voice());
  ExpectSameTimes(first, second);
}

TEST_P(EveryEngine, SpeaksAnEndlessSentenceAndAnEndlessWord) {
  std::string sentence, word(300, 'a');
  for (int i = 0; i < 150; ++i) sentence += "banana ";
  ExpectWellFormed(MustSpeak(sentence, voice()), sentence);
  ExpectWellFormed(MustSpeak(word, voice()), word);
}

TEST_P(EveryEngine, ControlCharactersAreSpacesAndInvisibleMarksAreNotHeard) {
  const std::string script("One\0two\x01three\x7f\n\n\tfo\xC2\xADur \xE2\x80\x8F!\xEF\xBB\xBF", 31);
  const Speech speech = MustSpeak(script, voice());
  EXPECT_THAT(absl::StrJoin(Texts(speech), "|"), HasSubstr("One|two|three|fo\xC2\xADur"));
  EXPECT_EQ(speech.words.size(), 4u);
}

TEST_P(EveryEngine, RefusesWhatCannotBeSpoken) {
  ExpectRefused(Speak("", voice()), "the script is empty");
  ExpectRefused(Speak(" \n\t ", voice()), "no letter or digit");
  ExpectRefused(Speak("🎉🎉 …", voice()), "no letter or digit");
  ExpectRefused(Speak("caf\xE9 au lait", voice()), "not UTF-8 at byte 3");
  ExpectRefused(Speak("cut off \xE4\xBD", voice()), "not UTF-8 at byte 8");
  ExpectRefused(Speak(std::string(SpeechEngines::kScriptBytesMax + 1, 'a'), voice()),
                "has 20001 bytes; at most 20000");
}

// ---------------------------------------------------------------- SSML

TEST_P(EveryEngine, CaptionsOfSsmlAreItsTextAndItsWordsAreWhereTheyAreHeard) {
  const Speech speech = MustSpeak(
      "<speak>Bread &amp; butter, <emphasis level=\"strong\">fresh</emphasis> today."
      "<break time=\"800ms\"/> Order <prosody rate=\"80%\">right now</prosody>!</speak>",
      voice());
  ExpectWellFormed(speech, "Bread & butter, fresh today. Order right now!");
  for (const SpokenWord& word : speech.words) {
    EXPECT_GT(LevelDb(speech, word.begin, word.end), -38) << word.text;
  }
}

TEST_P(EveryEngine, ABreakIsSilentForItsTime) {
  const Speech speech = MustSpeak(
      "<speak><break time=\"2s\"/>One moment <break time=\"900ms\"/> please."
      "<break time=\"1500ms\"/> Thanks. <break time=\"2s\"/></speak>",
      voice());
  ASSERT_EQ(speech.words.size(), 4u);
  EXPECT_LE(speech.words.front().begin, absl::Milliseconds(20));
  const auto gap = [&](std::size_t i) { return speech.words[i + 1].begin - speech.words[i].end; };
  EXPECT_NEAR(absl::ToDoubleMilliseconds(gap(1)), 900, 80);
  EXPECT_NEAR(absl::ToDoubleMilliseconds(gap(2)), 1500, 80);
  EXPECT_LT(speech.audio.length() - speech.words.back().end, absl::Milliseconds(40));
}

TEST_P(EveryEngine, EmphasisIsLouderAndSlower) {
  const Speech plain = MustSpeak("We have a really good offer.", voice());
  const Speech stressed = MustSpeak(
      "<speak>We have a <emphasis level=\"strong\">really</emphasis> good offer.</speak>", voice());
  ASSERT_EQ(stressed.words.size(), 6u);
  const SpokenWord &before = plain.words[3], &after = stressed.words[3];
  EXPECT_EQ(after.text, "really");
  EXPECT_GT(after.end - after.begin, 1.1 * (before.end - before.begin));
  // Against the words around it: the level of all is one factor away from that of the plain script.
  const auto over_first = [](const Speech& speech, const SpokenWord& word) {
    return LevelDb(speech, word.begin, word.end) -
           LevelDb(speech, speech.words[1].begin, speech.words[1].end);
  };
  EXPECT_NEAR(over_first(stressed, after) - over_first(plain, before), 3.5, 2.0);
  EXPECT_NEAR(LevelDb(stressed, stressed.words[1].begin, stressed.words[1].end) -
                  LevelDb(plain, plain.words[1].begin, plain.words[1].end),
              0,
              1.5);
}

TEST_P(EveryEngine, ProsodyOfAPartIsHeardInThatPart) {
  const auto speak = [&](const std::string& prosody) {
    return MustSpeak(
        "<speak>one two three four. <prosody " + prosody + ">one two three four.</prosody></speak>",
        voice());
  };
  const Speech slow = speak("rate=\"0.6\""), soft = speak("rate=\"0.6\" volume=\"0.5\"");
  ASSERT_EQ(slow.words.size(), 8u);
  ASSERT_EQ(soft.words.size(), 8u);
  const auto span = [&](std::size_t i) { return slow.words[i + 2].end - slow.words[i].begin; };
  EXPECT_GT(absl::FDivDuration(span(4), span(0)), 1.3);
  const auto second_over_first = [](const Speech& speech) {
    return LevelDb(speech, speech.words[4].begin, speech.words[6].end) -
           LevelDb(speech, speech.words[0].begin, speech.words[2].end);
  };
  EXPECT_NEAR(second_over_first(soft) - second_over_first(slow), -6.02, 0.6);
}

TEST_P(EveryEngine, PitchOfAllOfAScriptIsThatOfAVoice) {
  const std::string script = "Everyone loves a really good long walk along the river";
  rendernode::Voice high = voice();
  high.set_pitch(1.4);
  const double by_voice = PitchHz(MustSpeak(script, high));
  const double by_script =
      PitchHz(MustSpeak("<speak><prosody pitch=\"1.4\">" + script + "</prosody></speak>", voice()));
  EXPECT_NEAR(by_script / by_voice, 1, 0.05);
}

TEST_P(EveryEngine, SaysAsCharactersOrDigitsOneByOne) {
  const auto length = [&](const std::string& script) {
    return MustSpeak(script, voice()).audio.length();
  };
  EXPECT_GT(length("<speak><say-as interpret-as=\"characters\">BANANA</say-as></speak>"),
            1.5 * length("<speak>banana</speak>"));
  const Speech speech = MustSpeak(
      "<speak>Code <say-as interpret-as=\"digits\">1999</say-as>, plan "
      "<say-as interpret-as=\"spell-out\">aB-2</say-as> now.</speak>",
      voice());
  ExpectWellFormed(speech, "Code 1999, plan aB-2 now.");
  EXPECT_THAT(Texts(speech), ElementsAre("Code", "1999,", "plan", "aB-2", "now."));
  EXPECT_GT(speech.words[1].end - speech.words[1].begin, absl::Milliseconds(900));
  // The letter, not the article.
  EXPECT_GT(length("<speak>Plan <say-as interpret-as=\"characters\">A</say-as> is here</speak>"),
            length("Plan A is here") + absl::Milliseconds(30));
}

TEST_P(EveryEngine, WrongSsmlIsAnErrorOfTheScript) {
  ExpectRefused(Speak("<speak>Hi <blink>there</blink></speak>", voice()),
                "the script is wrong: SSML, line 1: unknown tag \"blink\"");
  ExpectRefused(Speak("<speak><break/></speak>", voice()), "no letter or digit");
}

TEST_P(EveryEngine, RateIsAFactorOfTheVoices) {
  rendernode::Voice brisk = voice();
  brisk.set_rate(1.5);
  const std::string script = "Everyone loves a really good long walk along the river";
  EXPECT_NEAR(absl::FDivDuration(MustSpeak(script, voice()).audio.length(),
                                 MustSpeak(script, brisk).audio.length()),
              1.5,
              0.25);
  brisk.set_words_per_minute(400);
  ExpectRefused(Speak("Hi", brisk), "words_per_minute is 600; valid: 80 to 450");
}

TEST_P(EveryEngine, RefusesProsodyOutOfRange) {
  rendernode::Voice hasty = voice(), squeaky = voice(), negative = voice(), undefined = voice();
  hasty.set_words_per_minute(1000);
  squeaky.set_pitch(5);
  negative.set_volume(-1);
  undefined.set_pitch(std::nan(""));
  ExpectRefused(Speak("Hi", hasty), "words_per_minute is 1000; valid: 80 to 450");
  ExpectRefused(Speak("Hi", squeaky), "pitch is 5; valid: 0.5 to 2");
  ExpectRefused(Speak("Hi", negative), "volume is -1; valid: 0 to 4");
  ExpectRefused(Speak("Hi", undefined), "pitch is nan");
}

// ---------------------------------------------------------------- names

TEST(SpeechTest, UnknownNamesSayWhatIsMeant) {
  ExpectRefused(Speak("Hi", Voice("espeakng", "en-us")), "did you mean \"espeak-ng\"?");
  ExpectRefused(Speak("Hi", Voice("espeak-ng", "en-uss")), "did you mean \"en-us\"?");
  ExpectRefused(Speak("Hi", Voice("espeak-ng", "")), "unknown espeak-ng voice \"\"");
  ExpectRefused(Speak("Hi", Voice("espeak-ng", "en-us+ff3")), "did you mean \"f3\"?");
  ExpectRefused(Speak("Hi", Voice("flite", "slr")), "did you mean \"slt\"?");
  rendernode::Voice klingon = English();
  klingon.set_language("xx-XX");
  ExpectRefused(Speak("Hi", klingon), "unknown language \"xx-XX\"");
}

TEST(SpeechTest, TwoSetsOfEnginesShareTheLibraries) {
  SpeechEngines one = SpeechEngines::BuiltIn(), other = SpeechEngines::BuiltIn();
  EXPECT_THAT(one.names(), ElementsAre("espeak-ng", "flite"));
  const auto first = one.Speak("Hello", English());
  const auto second = other.Speak("Hello", English());
  ASSERT_TRUE(first.ok() && second.ok());
  ExpectSameTimes(*first, *second);
}

// ---------------------------------------------------------------- languages

TEST(SpeechTest, SpeaksAScriptOfFiveThousandCharacters) {
  std::string script;
  for (int i = 1; script.size() < 5000; ++i) {
    absl::StrAppend(&script, "Number ", i, " is a longer sentence, spoken in full and in order. ");
  }
  const Speech speech = MustSpeak(script);
  ExpectWellFormed(speech, script);
  EXPECT_GT(speech.audio.length(), absl::Minutes(4));
  EXPECT_THAT(speech.words[12].text, "Number");
  EXPECT_GT(LevelDb(speech, speech.words.back().begin, speech.words.back().end), -35);
}

TEST(SpeechTest, ChineseIsSpokenCharacterByCharacter) {
  const std::string script = "你好，世界。《新品》价格1,250元！";
  const Speech speech = MustSpeak(script);
  ExpectWellFormed(speech, script);
  EXPECT_THAT(Texts(speech),
              ElementsAre("你", "好，", "世", "界。", "《新", "品》", "价", "格", "1,250", "元！"));
  // A pause after the full stop, and sound right where the next word begins.
  EXPECT_GT(speech.words[4].begin - speech.words[3].end, absl::Milliseconds(80));
  EXPECT_LE(SoundAfter(speech, speech.words[4].begin) - speech.words[4].begin, kTolerance);
}

TEST(SpeechTest, EachWritingSystemIsSpokenInItsLanguage) {
  for (const std::string script : {"مرحبا بالعالم، هذا منتج جديد.",
                                   "שלום עולם, זה מוצר חדש.",
                                   "これはあたらしいペーパーです。",
                                   "안녕하세요 세계. 새로운 제품입니다.",
                                   "Привет, мир! Новый стул.",
                                   "Γεια σου κόσμε.",
                                   "नमस्ते दुनिया।",
                                   "สวัสดีชาวโลก",
                                   "The new 椅子 is here, habibi مرحبا 2024, שלום!"}) {
    const Speech speech = MustSpeak(script);
    ExpectWellFormed(speech, script);
    EXPECT_GT(LevelDb(speech, {}, speech.audio.length()), -30) << script;
    EXPECT_LT(speech.audio.length(), absl::Seconds(10)) << script;  // not spelt letter by letter
  }
}

TEST(SpeechTest, LanguageOfTheVoiceDecidesAmongThoseOfOneWritingSystem) {
  rendernode::Voice ukrainian = English(), german = English();
  ukrainian.set_language("uk-UA");
  german.set_language("de-DE");
  EXPECT_NE(MustSpeak("Добрий день", ukrainian).audio.length(),
            MustSpeak("Добрий день").audio.length());
  const std::string thanks = "Vielen Dank für Ihre Bestellung bei uns in Nürnberg";
  const absl::Duration spoken = MustSpeak(thanks, german).audio.length();
  const absl::Duration native = MustSpeak(thanks, Voice("espeak-ng", "de+f3")).audio.length();
  const absl::Duration foreign = MustSpeak(thanks).audio.length();
  EXPECT_LT(absl::AbsDuration(spoken - native), absl::AbsDuration(spoken - foreign) / 4);
}

TEST(SpeechTest, EmojiAreNotReadAloud) {
  ExpectSameTimes(MustSpeak("Big sale 🎉🎉"), MustSpeak("Big sale"));
  ExpectSameTimes(MustSpeak("We ❤️ it 👨‍👩‍👧👍🏽"), MustSpeak("We it"));
}

TEST(SpeechTest, WritingThatNoVoiceReadsIsNamed) {
  ExpectRefused(Speak("これは新しい"), "U+65b0 at byte 9: espeak-ng reads Japanese in kana only");
  ExpectRefused(Speak("Hi ཀ"), "U+0f40 at byte 3: no voice of espeak-ng reads");
  ExpectRefused(Speak("你好", Voice("flite", "slt")), "flite speaks English alone");
  rendernode::Voice french = Voice("flite", "slt");
  french.set_language("fr-FR");
  ExpectRefused(Speak("Bonjour", french), "unknown flite language \"fr-FR\"");
}

// ---------------------------------------------------------------- the voices that we ship

TEST(SpeechTest, EveryShippedVoiceSpeaksEveryWritingSystemAtAnEasyPace) {
  std::ifstream file(RN_SOURCE_DIR "/templates/voices.json");
  const std::string json{std::istreambuf_iterator<char>(file), {}};
  const auto voices = ReadVoices(json);
  ASSERT_TRUE(voices.ok()) << voices.status();
  std::set<std::string> names;
  std::set<std::pair<absl::Duration, int>> manners;  // pace, pitch to 5 Hz
  const std::string script =
      "Meet the new garden chair, made for rain and sun. Order yours today at our store.";
  for (const auto& [name, voice] : *voices) {
    SCOPED_TRACE(name);
    names.insert(name);
    const Speech speech = MustSpeak(script, voice);
    ExpectWellFormed(speech, script);
    const double per_minute =
        static_cast<double>(speech.words.size()) / absl::ToDoubleMinutes(speech.audio.length());
    EXPECT_GT(per_minute, 120);
    EXPECT_LT(per_minute, 215);
    manners.emplace(absl::Trunc(speech.audio.length(), absl::Milliseconds(20)),
                    static_cast<int>(PitchHz(speech) / 5));
    for (const std::string other : {"你好，这是新产品。", "مرحبا بالعالم", "שלום עולם"}) {
      ExpectWellFormed(MustSpeak(other, voice), other);
    }
  }
  EXPECT_THAT(names,
              ElementsAre("clear_male",
                          "energetic_female",
                          "female",
                          "male",
                          "natural",
                          "professional",
                          "professional_female"));
  EXPECT_EQ(manners.size(), names.size());  // no two alike
}

}  // namespace
}  // namespace rn
