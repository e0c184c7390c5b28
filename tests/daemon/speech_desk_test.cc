#include "daemon/speech_desk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/bounded_queue.h"
#include "base/file.h"
#include "daemon/wav.h"
#include "proto/item_error.h"
#include "tests/fakes/scripted_server.h"

namespace rn {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int kPatienceMs = 20'000;  // Ends a test that would hang.
constexpr char kPath[] = "/v1/audio/speech";

std::string Wav() {
  return WavOf(std::string(4000, '\x10'), 16000);
}

rendernode::Utterance Say(const std::string& text, const std::string& engine) {
  rendernode::Utterance utterance;
  utterance.set_text(text);
  utterance.set_voice_name("narrator");
  utterance.mutable_voice()->set_engine(engine);
  utterance.mutable_voice()->set_voice("amy");
  utterance.set_key(Sha256(engine + text));
  return utterance;
}

// Engines whose attempts follow each other without a pause worth the name.
class SpeechDeskTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto dir = TempDir::Create("desk");
    ASSERT_TRUE(dir.ok()) << dir.status();
    dir_ = std::make_unique<TempDir>(*std::move(dir));
    ASSERT_TRUE(WriteFileDurably(dir_->path() / "sound.wav", Wav()).ok());
    options_.cache.folder = dir_->path() / "cache";
  }

  SpeechEngineOptions& Add(const std::string& name, const std::string& kind) {
    SpeechEngineOptions engine{.name = name, .kind = kind};
    engine.retry = {absl::Milliseconds(1), absl::Milliseconds(2)};
    engine.url = server_.Url(kPath);
    engine.model = "tts-1";
    options_.engines.push_back(engine);
    return options_.engines.back();
  }
  // A shell script in `folder()`; the voice is $1.
  SpeechEngineOptions& AddScript(const std::string& script) {
    SpeechEngineOptions& engine = Add("piper", "command");
    engine.command = {
        "/bin/sh", "-c", absl::StrCat("cd ", folder(), "; ", script), "piper", "{voice}"};
    return engine;
  }
  std::string folder() const { return dir_->path().string(); }

  void Start() {
    desk_.reset();
    auto desk = SpeechDesk::Create(options_, Clock::System(), [] { return 0.5; });
    ASSERT_TRUE(desk.ok()) << desk.status();
    desk_ = *std::move(desk);
  }

  absl::StatusOr<SpeechCache::Pin> Speak(const rendernode::Utterance& utterance) {
    if (desk_ == nullptr) Start();
    return desk_->Speak(utterance, {});
  }

  void ExpectFailed(const rendernode::Utterance& utterance,
                    absl::StatusCode code,
                    const std::string& message) {
    const auto speech = Speak(utterance);
    ASSERT_FALSE(speech.ok());
    EXPECT_EQ(speech.status().code(), code) << speech.status();
    EXPECT_EQ(ItemErrorOf(speech.status()), rendernode::ITEM_ERROR_AUDIO_GENERATION_FAILED);
    EXPECT_THAT(
        std::string(speech.status().message()),
        AllOf(HasSubstr(absl::StrCat(
                  "voice \"narrator\", speech engine \"", utterance.voice().engine(), "\": ")),
              HasSubstr(message)));
  }

  std::string Text(const std::string& name) {
    return ReadFile(dir_->path() / name, 1 << 20).value_or("");
  }

  SpeechOptions options_;
  ScriptedServer server_;
  std::unique_ptr<TempDir> dir_;
  std::unique_ptr<SpeechDesk> desk_;
};

// ---------------------------------------------------------------- commands

TEST_F(SpeechDeskTest, ACommandGetsTheTextAndTheVoiceAndGivesItsSound) {
  AddScript("cat > heard; echo \"$1\" > voice; cat sound.wav");
  const auto speech = Speak(Say("Grüße; $(reboot)", "piper"));
  ASSERT_TRUE(speech.ok()) << speech.status();
  EXPECT_EQ(*ReadFile(speech->path(), 1 << 20), Wav());
  EXPECT_EQ(Text("heard"), "Grüße; $(reboot)\n");
  EXPECT_EQ(Text("voice"), "amy\n");
}

TEST_F(SpeechDeskTest, RawSamplesBecomeAWavFile) {
  SpeechEngineOptions& engine = AddScript("printf '\\001\\002\\003\\004'");
  engine.output = "raw";
  engine.sample_rate = 16000;
  const auto speech = Speak(Say("Hi", "piper"));
  ASSERT_TRUE(speech.ok()) << speech.status();
  EXPECT_EQ(*ReadFile(speech->path(), 1000), WavOf("\1\2\3\4", 16000));
}

TEST_F(SpeechDeskTest, WhatWasSpokenIsNotSpokenAgainUnlessTheEngineChanged) {
  AddScript("echo x >> runs; cat sound.wav");
  ASSERT_TRUE(Speak(Say("Hi", "piper")).ok());
  ASSERT_TRUE(Speak(Say("Hi", "piper")).ok());
  Start();
  ASSERT_TRUE(Speak(Say("Hi", "piper")).ok());
  EXPECT_EQ(Text("runs"), "x\n");
  options_.engines[0].version = "2";
  Start();
  ASSERT_TRUE(Speak(Say("Hi", "piper")).ok());
  EXPECT_EQ(Text("runs"), "x\nx\n");
}

TEST_F(SpeechDeskTest, ACommandThatFailsOnceIsTriedAgain) {
  AddScript(
      "if test -e tried; then cat sound.wav; else touch tried; echo no model >&2; exit 3; fi");
  EXPECT_TRUE(Speak(Say("Hi", "piper")).ok());
}

TEST_F(SpeechDeskTest, ACommandThatAlwaysFailsSaysWhatItSaid) {
  AddScript("echo x >> runs; echo 'no model for amy' >&2; exit 3");
  ExpectFailed(Say("Hi", "piper"),
               absl::StatusCode::kUnavailable,
               "ended with exit code 3: no model for amy (3 attempts)");
  EXPECT_EQ(Text("runs"), "x\nx\nx\n");
}

TEST_F(SpeechDeskTest, ACommandThatHangsIsKilledWithItsChildren) {
  SpeechEngineOptions& engine = AddScript("sleep 1000 & echo $! > child; wait");
  engine.timeout = absl::Milliseconds(300);
  engine.attempts_max = 1;
  ExpectFailed(Say("Hi", "piper"),
               absl::StatusCode::kDeadlineExceeded,
               "not done within the limit of 300ms");
  pid_t child = 0;
  ASSERT_TRUE(absl::SimpleAtoi(Text("child"), &child));
  // Killed is not yet gone: that is the kernel's to do, and takes its time on a busy machine.
  const UniqueFd left(static_cast<int>(syscall(SYS_pidfd_open, child, 0)));
  pollfd gone = {left.get(), POLLIN, 0};
  EXPECT_TRUE(!left.valid() || poll(&gone, 1, kPatienceMs) == 1);
}

TEST_F(SpeechDeskTest, ACommandThatSaysTooMuchIsStopped) {
  AddScript("cat /dev/zero").bytes_max = 100'000;
  ExpectFailed(
      Say("Hi", "piper"), absl::StatusCode::kOutOfRange, "more than the limit of 100000 bytes");
}

TEST_F(SpeechDeskTest, OutputThatIsNoSoundIsRefusedAndNotKept) {
  AddScript("echo x >> runs; echo Usage: piper");
  ExpectFailed(Say("Hi", "piper"), absl::StatusCode::kInternal, "begins with \"Usage: piper");
  ExpectFailed(Say("Hi", "piper"), absl::StatusCode::kInternal, "no WAV file");
  EXPECT_EQ(Text("runs"), "x\nx\n");
}

TEST_F(SpeechDeskTest, ACommandThatDoesNotExistIsNamed) {
  Add("piper", "command").command = {"/nowhere/piper"};
  ExpectFailed(Say("Hi", "piper"), absl::StatusCode::kFailedPrecondition, "/nowhere/piper");
}

TEST_F(SpeechDeskTest, ACommandWithoutAPlaceForItRefusesARate) {
  AddScript("cat sound.wav");
  rendernode::Utterance fast = Say("Hi", "piper");
  fast.mutable_voice()->set_rate(1.5);
  ExpectFailed(fast, absl::StatusCode::kInvalidArgument, "{rate} or {length_scale}");
  options_.engines[0].command.push_back("{length_scale}");
  options_.engines[0].command[2] = absl::StrCat("cd ", folder(), "; echo $2 > rate; cat sound.wav");
  Start();
  EXPECT_TRUE(Speak(fast).ok());
  EXPECT_EQ(Text("rate"), "0.666667\n");
}

TEST_F(SpeechDeskTest, AStopEndsACommand) {
  AddScript("echo ready > begun; sleep 1000");
  Start();
  std::stop_source stop;
  std::thread caller([&] {
    EXPECT_TRUE(absl::IsCancelled(desk_->Speak(Say("Hi", "piper"), stop.get_token()).status()));
  });
  while (Text("begun").empty()) std::this_thread::yield();
  stop.request_stop();
  caller.join();
}

// ---------------------------------------------------------------- servers

TEST_F(SpeechDeskTest, AServerGetsTheApisRequestWithTheKey) {
  ASSERT_TRUE(WriteFileDurably(dir_->path() / "key", "sk-secret\n").ok());
  Add("cloud", "http").api_key_file = dir_->path() / "key";
  ScriptedRequest asked;
  server_.On(kPath, [&](ScriptedPeer& peer, const ScriptedRequest& request) {
    asked = request;
    peer.Reply(200, Wav());
  });
  rendernode::Utterance utterance = Say("Say \"hi\"", "cloud");
  utterance.mutable_voice()->set_rate(1.25);
  const auto speech = Speak(utterance);
  ASSERT_TRUE(speech.ok()) << speech.status();
  EXPECT_EQ(*ReadFile(speech->path(), 1 << 20), Wav());
  EXPECT_EQ(asked.headers["authorization"], "Bearer sk-secret");
  EXPECT_EQ(nlohmann::json::parse(asked.body),
            nlohmann::json({{"model", "tts-1"},
                            {"voice", "amy"},
                            {"input", "Say \"hi\""},
                            {"response_format", "wav"},
                            {"speed", 1.25}}));
  ASSERT_TRUE(Speak(utterance).ok());
  EXPECT_EQ(server_.Asked(kPath), 1);
}

TEST_F(SpeechDeskTest, AServerThatIsBusyIsAskedAgain) {
  Add("cloud", "http");
  server_.On(kPath, [&](ScriptedPeer& peer, const ScriptedRequest&) {
    switch (server_.Asked(kPath)) {
      case 1:
        return peer.Reply(429, "slow down");
      case 2:
        return peer.Reply(503, "warming up");
      default:
        return peer.Reply(200, Wav());
    }
  });
  EXPECT_TRUE(Speak(Say("Hi", "cloud")).ok());
  EXPECT_EQ(server_.Asked(kPath), 3);
}

TEST_F(SpeechDeskTest, AServerThatRefusesIsNotAskedAgainAndTheKeyIsNotShown) {
  ASSERT_TRUE(WriteFileDurably(dir_->path() / "key", "sk-secret").ok());
  Add("cloud", "http").api_key_file = dir_->path() / "key";
  server_.OnReply(kPath, "who are you?", 401);
  ExpectFailed(Say("Hi", "cloud"), absl::StatusCode::kPermissionDenied, "answered 401");
  EXPECT_EQ(server_.Asked(kPath), 1);
  EXPECT_THAT(Speak(Say("Hi", "cloud")).status().ToString(), Not(HasSubstr("sk-secret")));
}

TEST_F(SpeechDeskTest, AServerThatHangsIsGivenUp) {
  SpeechEngineOptions& engine = Add("cloud", "http");
  engine.timeout = absl::Milliseconds(300);
  engine.attempts_max = 2;
  server_.On(kPath, [](ScriptedPeer& peer, const ScriptedRequest&) { peer.WaitUntilClosed(); });
  ExpectFailed(Say("Hi", "cloud"), absl::StatusCode::kDeadlineExceeded, "(2 attempts)");
}

TEST_F(SpeechDeskTest, AServersGarbageAndTooMuchAreRefused) {
  Add("cloud", "http").bytes_max = 1000;
  server_.OnReply(kPath, "<html>welcome</html>");
  ExpectFailed(Say("Hi", "cloud"), absl::StatusCode::kInternal, "begins with \"<html>welcome");
  server_.OnReply(kPath, WavOf(std::string(2000, 'x'), 16000));
  ExpectFailed(Say("Hi", "cloud"), absl::StatusCode::kOutOfRange, "limit of 1000 bytes");
  server_.OnReply(kPath, WavOf("", 16000));
  ExpectFailed(Say("Hi", "cloud"), absl::StatusCode::kInternal, "without sound");
}

TEST_F(SpeechDeskTest, AServerIsNotAskedForWhatItDoesNotKnow) {
  Add("cloud", "http");
  rendernode::Utterance high = Say("Hi", "cloud");
  high.mutable_voice()->set_pitch(1.2);
  ExpectFailed(high, absl::StatusCode::kInvalidArgument, "pitch");
  rendernode::Utterance hasty = Say("Hi", "cloud");
  hasty.mutable_voice()->set_words_per_minute(180);
  ExpectFailed(hasty, absl::StatusCode::kInvalidArgument, "it takes rate");
  EXPECT_EQ(server_.Asked(kPath), 0);
}

// ---------------------------------------------------------------- both

TEST_F(SpeechDeskTest, AnEngineThatTheNodeLacksIsNamedWithThoseItHas) {
  Add("cloud", "http");
  ExpectFailed(Say("Hi", "piper"),
               absl::StatusCode::kFailedPrecondition,
               "this node does not have it; it has espeak-ng, flite, cloud");
}

TEST_F(SpeechDeskTest, NoMoreUtterancesAtOnceThanTheEngineTakes) {
  Add("cloud", "http").concurrency = 1;
  BoundedQueue<bool> begun(10), go(10);
  server_.On(kPath, [&](ScriptedPeer& peer, const ScriptedRequest&) {
    begun.Push(true);
    go.Pop();
    peer.Reply(200, Wav());
  });
  Start();
  std::thread one([&] { EXPECT_TRUE(desk_->Speak(Say("One", "cloud"), {}).ok()); });
  begun.Pop();
  std::thread two([&] { EXPECT_TRUE(desk_->Speak(Say("Two", "cloud"), {}).ok()); });
  EXPECT_FALSE(begun.PopFor(absl::Milliseconds(100)).has_value());
  go.Push(true);
  begun.Pop();
  go.Push(true);
  one.join();
  two.join();
}

}  // namespace
}  // namespace rn
