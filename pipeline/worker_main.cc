// rendernode-worker: renders one Order after another for the daemon that started it. Shuts itself
// in first (sandbox.h): reads what is below --read, writes below --write. Ends when fd 3 closes.

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/framing.h"
#include "base/log.h"
#include "hwaccel/device.h"
#include "hwaccel/ffmpeg.h"
#include "pipeline/render.h"
#include "pipeline/sandbox.h"
#include "proto/item_error.h"
#include "proto/worker.pb.h"

namespace rn {
namespace {

constexpr int kChannelFd = 3;
constexpr std::size_t kOrderBytesMax = 288 << 20;  // The longest job spec of a node, and an item.
constexpr absl::Duration kReportInterval = absl::Milliseconds(250);

class Worker {
 public:
  Worker(int encoder_threads, rendernode::Sandbox sandbox, Clock& clock)
      : clock_(clock),
        sandbox_(std::move(sandbox)),
        context_{devices_, speech_, clock, encoder_threads, &shared_} {}

  // Until the daemon closes the channel.
  absl::Status Serve() {
    RETURN_IF_ERROR(SayHello());
    while (true) {
      const absl::StatusOr<std::string> frame = ReadFrame(kChannelFd, kOrderBytesMax);
      if (absl::IsOutOfRange(frame.status())) {
        return absl::OkStatus();
      }
      RETURN_IF_ERROR(frame.status());
      rendernode::Order order;
      if (!order.ParseFromString(*frame)) {
        return absl::InvalidArgumentError("the daemon sent an order that does not parse");
      }
      RETURN_IF_ERROR(Execute(order));
    }
  }

 private:
  absl::Status Send(const rendernode::Report& report) {
    return WriteFrame(kChannelFd, report.SerializeAsString());
  }

  absl::Status SayHello() {
    rendernode::Report report;
    rendernode::Hello& hello = *report.mutable_hello();
    hello.set_pid(static_cast<std::uint32_t>(getpid()));
    if (const auto choice = devices_.Choose(HardwarePolicy::kPreferred); choice.ok()) {
      hello.set_encoder(choice->device->info().encoder);
    }
    for (const std::string& name : speech_.names()) {
      hello.add_speech_engines(name);
    }
    *hello.mutable_sandbox() = sandbox_;
    return Send(report);
  }

  absl::Status Execute(const rendernode::Order& order) {
    const std::map<std::string, std::string> asset_paths(order.asset_paths().begin(),
                                                         order.asset_paths().end());
    const absl::Duration begin = clock_.SinceBoot();
    absl::Duration reported = begin - kReportInterval;
    rendernode::Phase phase = rendernode::PHASE_UNSPECIFIED;
    // A channel that fails here fails again at Done, which reports it.
    const auto result = Render({order.job_spec(),
                                order.item(),
                                asset_paths,
                                order.output_directory(),
                                {order.speech_paths().begin(), order.speech_paths().end()}},
                               context_,
                               [&](const RenderProgress& progress) {
                                 const absl::Duration now = clock_.SinceBoot();
                                 if (progress.phase == phase && now - reported < kReportInterval) {
                                   return;
                                 }
                                 phase = progress.phase;
                                 reported = now;
                                 (void)Send(ProgressReport(order, progress, now - begin));
                               });
    rendernode::Report report;
    rendernode::Done& done = *report.mutable_done();
    done.set_item_id(order.item_id());
    done.set_fence(order.fence());
    if (!result.ok()) {
      SPDLOG_WARN(
          "item failed item={} error={}", order.item_id(), std::string(result.status().message()));
    }
    *done.mutable_result() = result.ok() ? *result : FailedResult(result.status());
    return Send(report);
  }

  static rendernode::Report ProgressReport(const rendernode::Order& order,
                                           const RenderProgress& progress,
                                           absl::Duration elapsed) {
    rendernode::Report report;
    rendernode::Progress& message = *report.mutable_progress();
    message.set_item_id(order.item_id());
    message.set_fence(order.fence());
    message.set_phase(progress.phase);
    message.set_frames_done(static_cast<std::uint32_t>(progress.frames_done));
    message.set_frames_total(static_cast<std::uint32_t>(progress.frames_total));
    if (elapsed > absl::ZeroDuration()) {
      message.set_frames_per_second(static_cast<double>(progress.frames_done) /
                                    absl::ToDoubleSeconds(elapsed));
    }
    return report;
  }

  Clock& clock_;
  const rendernode::Sandbox sandbox_;
  const DeviceList devices_ = DeviceList::Discover();
  SpeechEngines speech_ = SpeechEngines::BuiltIn();
  SharedWork shared_;
  const RenderContext context_;
};

// The other thing that a worker is started for: to say what is to be spoken elsewhere before an
// item can be rendered. What is wrong with the item, its render will say.
absl::Status ListUtterances() {
  ASSIGN_OR_RETURN(const std::string frame, ReadFrame(kChannelFd, kOrderBytesMax));
  rendernode::Order order;
  if (!order.ParseFromString(frame)) {
    return absl::InvalidArgumentError("the daemon sent an order that does not parse");
  }
  const std::map<std::string, std::string> asset_paths(order.asset_paths().begin(),
                                                       order.asset_paths().end());
  rendernode::Report report;
  rendernode::Utterances& utterances = *report.mutable_utterances();
  absl::StatusOr<rendernode::Utterances> listed =
      UtterancesFor({order.job_spec(), order.item(), asset_paths, ""}, SpeechEngines::BuiltIn());
  if (listed.ok()) {
    utterances = *std::move(listed);
  }
  return WriteFrame(kChannelFd, report.SerializeAsString());
}

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "rendernode-worker: %s\n", std::string(status.message()).c_str());
  return 2;
}

int Main(int argc, char** argv) {
  CLI::App app("Renders items for rendernoded; started by it, not by hand.", "rendernode-worker");
  int encoder_threads = 1;
  std::string log_level = "info";
  app.add_option("--encoder-threads", encoder_threads, "libx264 threads")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  bool utterances = false;
  app.add_flag("--utterances", utterances, "say what one order has spoken elsewhere, and end");
  app.add_option("--log-level", log_level, "trace … error")->capture_default_str();
  SandboxOptions options;
  const std::map<std::string, rendernode::Sandbox::Mode> modes = {
      {"off", rendernode::Sandbox::OFF},
      {"best-effort", rendernode::Sandbox::BEST_EFFORT},
      {"required", rendernode::Sandbox::REQUIRED}};
  app.add_option("--sandbox", options.mode, "off, best-effort or required, the default")
      ->transform(CLI::CheckedTransformer(modes));
  app.add_option("--read", options.read_only, "a folder that it may read; may be repeated");
  app.add_option("--write", options.writable, "the folder that it may write to");
  app.add_option("--file-bytes-max", options.file_bytes_max, "of one file that it writes");
  app.add_option("--open-files-max", options.open_files_max, "at once");
  CLI11_PARSE(app, argc, argv);
  if (const absl::Status status = InitLogging("rendernode-worker", log_level); !status.ok()) {
    return Fail(status);
  }
  // espeak-ng's sound library would complain about each, and about servers that it does not reach.
  setenv("HOME", "/", /*overwrite=*/0);
  setenv("PULSE_SERVER", " ", /*overwrite=*/0);
  absl::StatusOr<rendernode::Sandbox> sandbox = EnterSandbox(options);
  if (!sandbox.ok()) return Fail(sandbox.status());
  InitFfmpegLogging();
  if (utterances) {
    const absl::Status status = ListUtterances();
    if (!status.ok()) SPDLOG_ERROR("utterances error={}", std::string(status.message()));
    return status.ok() ? 0 : 1;
  }
  Worker worker(encoder_threads, *std::move(sandbox), Clock::System());
  if (const absl::Status status = worker.Serve(); !status.ok()) {
    SPDLOG_ERROR("worker ends error={}", std::string(status.message()));
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace rn

#if defined(__SANITIZE_ADDRESS__)
// Looking for leaks takes ptrace(2), which the sandbox refuses.
// NOLINTNEXTLINE(bugprone-reserved-identifier): the sanitizer's name for it.
extern "C" const char* __asan_default_options() {
  return "detect_leaks=0";
}
#endif

int main(int argc, char** argv) {
  try {
    return rn::Main(argc, argv);
  } catch (const std::exception& error) {  // A library's: the node starts another worker.
    std::fprintf(stderr, "rendernode-worker: %s\n", error.what());
    return 1;
  }
}
