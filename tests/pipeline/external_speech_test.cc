#include "pipeline/external_speech.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "proto/item_error.h"
#include "tests/pipeline/sound.h"

namespace rn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

rendernode::Voice Piper() {
  rendernode::Voice voice;
  voice.set_engine("piper");
  voice.set_voice("amy");
  return voice;
}

std::vector<rendernode::Utterance> Utterances(const std::string& script,
                                              const rendernode::Voice& voice = Piper()) {
  auto utterances = UtterancesOf(script, voice);
  EXPECT_TRUE(utterances.ok()) << utterances.status();
  return utterances.ok() ? *std::move(utterances) : std::vector<rendernode::Utterance>();
}

std::vector<std::string> Texts(const std::vector<rendernode::Utterance>& utterances) {
  std::vector<std::string> texts;
  for (const auto& utterance : utterances) texts.push_back(utterance.text());
  return texts;
}

class ExternalSpeechTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto dir = TempDir::Create("external");
    ASSERT_TRUE(dir.ok()) << dir.status();
    dir_ = std::make_unique<TempDir>(*std::move(dir));
  }

  // The script, each utterance of which an engine said as `sound`.
  absl::StatusOr<Speech> Speak(const std::string& script,
                               const AudioBuffer& sound,
                               const rendernode::Voice& voice = Piper()) {
    std::map<std::string, std::string> paths;
    for (const auto& utterance : Utterances(script, voice)) {
      const auto path = dir_->path() / utterance.key();
      EXPECT_TRUE(WriteFileDurably(path, WavBytes(sound)).ok());
      paths[utterance.key()] = path.string();
    }
    return SpeakFromFiles(script, voice, paths);
  }

  std::unique_ptr<TempDir> dir_;
};

// Tones for clauses, silence between and around them.
AudioBuffer Clauses(const std::vector<double>& seconds) {
  AudioBuffer sound = Silence(absl::Milliseconds(300));
  const auto add = [&](const AudioBuffer& more) {
    sound.samples.insert(sound.samples.end(), more.samples.begin(), more.samples.end());
  };
  for (const double length : seconds) {
    add(Sine(absl::Seconds(length), 300, 0.5));
    add(Silence(absl::Milliseconds(400)));
  }
  return sound;
}

TEST_F(ExternalSpeechTest, AnEngineGetsPlainTextBetweenPauses) {
  EXPECT_THAT(Texts(Utterances("Hello 🎉 there,\n you.")), ElementsAre("Hello there, you."));
  EXPECT_THAT(
      Texts(Utterances("<speak>Fish &amp; <emphasis>chips</emphasis>.<break time=\"1s\"/> Code "
                       "<say-as interpret-as=\"characters\">A4</say-as>!</speak>")),
      ElementsAre("Fish & chips.", "Code A 4!"));
}

TEST_F(ExternalSpeechTest, TheKeyIsOfTextAndVoiceButNotOfItsVolume) {
  rendernode::Voice loud = Piper(), fast = Piper();
  loud.set_volume(2);
  fast.set_rate(1.5);
  const std::string key = Utterances("Hi")[0].key();
  EXPECT_EQ(Utterances("Hi", loud)[0].key(), key);
  EXPECT_NE(Utterances("Hi", fast)[0].key(), key);
  EXPECT_NE(Utterances("Ho")[0].key(), key);
  EXPECT_NEAR(
      Utterances("<speak><prosody rate=\"0.5\">Hi</prosody></speak>", fast)[0].voice().rate(),
      0.75,
      1e-9);
}

TEST_F(ExternalSpeechTest, WordsAreSpreadWhereThereIsSoundAndMarkedEstimated) {
  const auto speech = Speak("One three, extraordinary.", Clauses({1.0, 2.0}));
  ASSERT_TRUE(speech.ok()) << speech.status();
  EXPECT_TRUE(speech->words_estimated);
  EXPECT_THAT(speech->warnings, ElementsAre(HasSubstr("word times are estimated")));
  ASSERT_THAT(speech->words, SizeIs(3));
  // Silence around is gone; the second clause begins where the second tone does.
  EXPECT_NEAR(absl::ToDoubleSeconds(speech->audio.length()), 3.4, 0.05);
  EXPECT_NEAR(absl::ToDoubleSeconds(speech->words[0].begin), 0, 0.03);
  EXPECT_NEAR(absl::ToDoubleSeconds(speech->words[1].begin), 1.0 * 5 / 12, 0.05);
  EXPECT_NEAR(absl::ToDoubleSeconds(speech->words[1].end), 1.0, 0.05);
  EXPECT_NEAR(absl::ToDoubleSeconds(speech->words[2].begin), 1.4, 0.05);
  EXPECT_NEAR(absl::ToDoubleSeconds(speech->words[2].end), 3.4, 0.05);
}

TEST_F(ExternalSpeechTest, WithOtherGapsThanTheTextHasWordsKeepToTheSound) {
  const auto speech = Speak("Four words are here", Clauses({0.5, 0.5, 0.5}));
  ASSERT_TRUE(speech.ok()) << speech.status();
  ASSERT_THAT(speech->words, SizeIs(4));
  absl::Duration last;
  for (const SpokenWord& word : speech->words) {
    EXPECT_GE(word.begin, last);
    EXPECT_GT(word.end, word.begin);
    last = word.end;
  }
  EXPECT_NEAR(absl::ToDoubleSeconds(last), 2.3, 0.05);
}

TEST_F(ExternalSpeechTest, PausesOfTheScriptAreKept) {
  const auto speech =
      Speak("<speak>One<break time=\"700ms\"/>two</speak>", Sine(absl::Seconds(0.5), 300, 0.5));
  ASSERT_TRUE(speech.ok()) << speech.status();
  ASSERT_THAT(speech->words, SizeIs(2));
  EXPECT_NEAR(absl::ToDoubleSeconds(speech->words[1].begin - speech->words[0].end), 0.7, 0.05);
}

TEST_F(ExternalSpeechTest, WhatTheEngineCannotDoIsAWarning) {
  const auto speech = Speak("<speak>It is <emphasis>really</emphasis> good</speak>",
                            Sine(absl::Seconds(1), 300, 0.5));
  ASSERT_TRUE(speech.ok()) << speech.status();
  EXPECT_THAT(speech->warnings,
              ElementsAre(HasSubstr("estimated"), HasSubstr("cannot stress words")));
}

TEST_F(ExternalSpeechTest, SoundThatIsNotThereOrCannotBeReadFails) {
  const auto missing = SpeakFromFiles("Hi", Piper(), {});
  EXPECT_TRUE(absl::IsNotFound(missing.status()));
  EXPECT_EQ(ItemErrorOf(missing.status()), rendernode::ITEM_ERROR_AUDIO_GENERATION_FAILED);
  EXPECT_THAT(std::string(missing.status().message()), HasSubstr("\"piper\""));
  const auto silent = Speak("Hi", Silence(absl::Seconds(1)));
  EXPECT_EQ(ItemErrorOf(silent.status()), rendernode::ITEM_ERROR_AUDIO_GENERATION_FAILED);
  EXPECT_THAT(std::string(silent.status().message()), HasSubstr("made no sound"));
  const auto path = dir_->path() / "garbage";
  ASSERT_TRUE(WriteFileDurably(path, "RIFF....WAVEgarbage").ok());
  const auto garbage = SpeakFromFiles("Hi", Piper(), {{Utterances("Hi")[0].key(), path.string()}});
  EXPECT_EQ(ItemErrorOf(garbage.status()), rendernode::ITEM_ERROR_AUDIO_GENERATION_FAILED);
}

}  // namespace
}  // namespace rn
