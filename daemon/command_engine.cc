#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/nearest.h"
#include "base/status.h"
#include "base/subprocess.h"
#include "daemon/speech_engine.h"
#include "daemon/wav.h"

namespace rn {
namespace {

constexpr std::size_t kComplaintMax = 300;  // bytes of stderr in a message: its end
constexpr absl::Duration kPollMax = absl::Seconds(1);

double OrOne(double factor) {
  return factor == 0 ? 1 : factor;
}

// `text` ends with at most the last kComplaintMax bytes of what the program said.
void Keep(absl::string_view bytes, std::string& text) {
  text.append(bytes.data(), bytes.size());
  if (text.size() > kComplaintMax) text.erase(0, text.size() - kComplaintMax);
}

enum class ReadEnd { kOpen, kClosed };

// All that is there now.
template <typename Take>
ReadEnd Drain(int fd, Take take) {
  std::array<char, 64 << 10> block;
  while (true) {
    const ssize_t got = fd < 0 ? 0 : read(fd, block.data(), block.size());
    if (got > 0) {
      take(absl::string_view(block.data(), static_cast<std::size_t>(got)));
    } else if (got < 0 && errno == EINTR) {
      continue;
    } else {
      return got < 0 && errno == EAGAIN ? ReadEnd::kOpen : ReadEnd::kClosed;
    }
  }
}

// One run of the program.
class Run {
 public:
  Run(const SpeechEngineOptions& options, Clock& clock) : options_(options), clock_(clock) {}

  // What it wrote to stdout.
  absl::StatusOr<std::string> Do(std::vector<std::string> argv,
                                 absl::string_view text,
                                 const std::stop_token& stop) {
    const absl::Duration deadline = clock_.Awake() + options_.timeout;
    auto started = Subprocess::Start({.argv = std::move(argv),
                                      .environment = options_.environment,
                                      .working_directory = "/",
                                      .channel_as_stdio = true,
                                      .with_output = true});
    if (!started.ok()) return absl::FailedPreconditionError(started.status().message());
    Subprocess process = *std::move(started);
    const std::stop_callback kill(stop, [&] { process.Kill(); });
    // A script fits the socket's buffer; a program that reads nothing must not hold us.
    (void)send(process.channel(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    shutdown(process.channel(), SHUT_WR);
    const int flags = fcntl(process.channel(), F_GETFL);
    fcntl(process.channel(), F_SETFL, flags | O_NONBLOCK);
    RETURN_IF_ERROR(ReadAll(process, deadline, stop));
    ASSIGN_OR_RETURN(const ExitStatus ended, process.Wait(absl::InfiniteDuration()));
    if (ended.exit_code != 0) {
      return absl::UnavailableError(absl::StrCat("ended with ",
                                                 ended.ToString(),
                                                 complaint_.empty() ? "" : ": ",
                                                 absl::StripAsciiWhitespace(complaint_)));
    }
    return std::move(sound_);
  }

 private:
  absl::Status ReadAll(Subprocess& process, absl::Duration deadline, const std::stop_token& stop) {
    bool ended = false;
    while (!ended) {
      const absl::Duration left = deadline - clock_.Awake();
      if (stop.stop_requested()) return absl::CancelledError("stopped");
      if (left <= absl::ZeroDuration()) {
        return absl::DeadlineExceededError(
            absl::StrCat("not done within the limit of ", absl::FormatDuration(options_.timeout)));
      }
      pollfd ready[] = {{process.channel(), POLLIN, 0},
                        {process.output(), POLLIN, 0},
                        {process.pidfd(), POLLIN, 0}};
      // A closed end would be ready for ever.
      if (sound_ended_) ready[0].fd = -1;
      if (complaint_ended_) ready[1].fd = -1;
      const auto wait = absl::ToInt64Milliseconds(std::min(left, kPollMax)) + 1;
      (void)poll(ready, std::size(ready), static_cast<int>(wait));
      ended = (ready[2].revents & POLLIN) != 0;
      sound_ended_ = Drain(process.channel(), [&](absl::string_view bytes) {
                       if (sound_.size() <= static_cast<std::size_t>(options_.bytes_max)) {
                         sound_.append(bytes.data(), bytes.size());
                       }
                     }) == ReadEnd::kClosed;
      complaint_ended_ = Drain(process.output(), [&](absl::string_view bytes) {
                           Keep(bytes, complaint_);
                         }) == ReadEnd::kClosed;
      if (sound_.size() > static_cast<std::size_t>(options_.bytes_max)) {
        return absl::OutOfRangeError(
            absl::StrCat("more than the limit of ", options_.bytes_max, " bytes"));
      }
    }
    return absl::OkStatus();
  }

  const SpeechEngineOptions& options_;
  Clock& clock_;
  std::string sound_, complaint_;
  bool sound_ended_ = false, complaint_ended_ = false;
};

class CommandEngine final : public ExternalEngine {
 public:
  CommandEngine(const SpeechEngineOptions& options, Clock& clock)
      : options_(options), clock_(clock) {}

  absl::Status Speak(const rendernode::Utterance& utterance,
                     const std::filesystem::path& to,
                     const std::stop_token& stop) override {
    ASSIGN_OR_RETURN(std::vector<std::string> argv, ArgumentsFor(utterance.voice()));
    ASSIGN_OR_RETURN(std::string sound,
                     Run(options_, clock_).Do(std::move(argv), utterance.text() + "\n", stop));
    if (options_.output == "raw" && sound.size() > 1) {
      sound = WavOf(sound, options_.sample_rate);
    }
    if (const absl::Status status = CheckWav(sound); !status.ok()) {
      return absl::InternalError(absl::StrCat("its output is ", status.message()));
    }
    return WriteFileDurably(to, sound);
  }

 private:
  absl::StatusOr<std::vector<std::string>> ArgumentsFor(const rendernode::Voice& voice) const {
    std::vector<std::string> argv = options_.command;
    const auto put = [&](absl::string_view name, const std::string& value) {
      bool there = false;
      for (std::string& argument : argv) {
        there = absl::StrReplaceAll({{name, value}}, &argument) > 0 || there;
      }
      return there;
    };
    const auto refuse = [&](absl::string_view what, absl::string_view name) {
      return absl::InvalidArgumentError(
          absl::StrCat("the voice sets ", what, ", but the engine's command has no ", name));
    };
    // The voice last: what is a name to people must not be read as a placeholder.
    const double rate = OrOne(voice.rate());
    const bool takes_rate = put("{rate}", absl::StrCat(rate));
    const bool takes_scale = put("{length_scale}", absl::StrCat(1 / rate));
    if (rate != 1 && !takes_rate && !takes_scale) {
      return refuse("a rate", "{rate} or {length_scale}");
    }
    if (!put("{pitch}", absl::StrCat(OrOne(voice.pitch()))) && OrOne(voice.pitch()) != 1) {
      return refuse("a pitch", "{pitch}");
    }
    if (!put("{words_per_minute}", absl::StrCat(voice.words_per_minute())) &&
        voice.words_per_minute() != 0) {
      return refuse("words_per_minute", "{words_per_minute}");
    }
    put("{language}", voice.language());
    put("{voice}", voice.voice());
    return argv;
  }

  const SpeechEngineOptions options_;
  Clock& clock_;
};

}  // namespace

absl::Status CheckCommand(const std::vector<std::string>& command) {
  static const auto& valid = *new std::vector<std::string>{
      "{voice}", "{language}", "{rate}", "{length_scale}", "{pitch}", "{words_per_minute}"};
  for (const std::string& argument : command) {
    for (std::size_t at = argument.find('{'); at != std::string::npos;
         at = argument.find('{', at + 1)) {
      const std::size_t end = argument.find_first_not_of("abcdefghijklmnopqrstuvwxyz_", at + 1);
      if (end == std::string::npos || end == at + 1 || argument[end] != '}') continue;
      const std::string name = argument.substr(at, end + 1 - at);
      if (std::find(valid.begin(), valid.end(), name) == valid.end()) {
        return absl::InvalidArgumentError(UnknownName("placeholder", name, valid));
      }
    }
  }
  return absl::OkStatus();
}

std::unique_ptr<ExternalEngine> MakeCommandEngine(const SpeechEngineOptions& options,
                                                  Clock& clock) {
  return std::make_unique<CommandEngine>(options, clock);
}

}  // namespace rn
