#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/clock.h"
#include "base/status.h"
#include "ctl/action.h"
#include "ctl/local_job.h"
#include "ctl/local_render.h"
#include "ctl/terminal.h"
#include "ctl/validation.h"
#include "hwaccel/ffmpeg.h"

namespace rn {
namespace {

constexpr int kBarCells = 30;

// "rendering  ██████░░░░  60 %  47 fps  1.6 × real time", redrawn as the frames go by.
class RenderBar {
 public:
  explicit RenderBar(Clock& clock) : clock_(clock) {}

  void Show(const RenderProgress& progress) {
    if (progress.phase != rendernode::RENDERING) {
      live_.Show({"speaking"}, "speaking");
      return;
    }
    if (progress.frames_done == 0) {
      begin_ = clock_.SinceBoot();
    }
    const double done = static_cast<double>(progress.frames_done);
    const double seconds = absl::ToDoubleSeconds(clock_.SinceBoot() - begin_);
    const double fraction =
        progress.frames_total > 0 ? done / static_cast<double>(progress.frames_total) : 0;
    const std::string speed =
        seconds > 0 ? Speed(done / seconds, progress.media_done, seconds) : "";
    live_.Show({absl::StrFormat(
                   "rendering  %s %3.0f %%  %s", Bar(fraction, kBarCells), 100 * fraction, speed)},
               "rendering");
  }

  void Finish() { live_.Finish(); }

 private:
  static std::string Speed(double fps, absl::Duration media, double seconds) {
    return absl::StrFormat(
        "%.0f fps, %.1f × real time", fps, absl::ToDoubleSeconds(media) / seconds);
  }

  Clock& clock_;
  LiveLines live_{stderr};
  absl::Duration begin_;
};

std::string Describe(const rendernode::ItemResult& result) {
  const rendernode::Usage& usage = result.usage();
  std::string text = absl::StrFormat("%s of video in %s: %.0f fps, %.1f × real time, %s (%s)\n",
                                     ShortSeconds(usage.media_s()),
                                     ShortSeconds(usage.wall_s()),
                                     usage.frames() / usage.wall_s(),
                                     usage.media_s() / usage.wall_s(),
                                     usage.encoder(),
                                     usage.encoder_reason());
  for (const rendernode::Artifact& artifact : result.artifacts()) {
    absl::StrAppendFormat(&text, "  %s  %d KiB\n", artifact.path(), artifact.bytes() / 1024);
  }
  return text;
}

absl::Status RenderAndReport(const LocalRenderArgs& args) {
  InitFfmpegLogging();
  Clock& clock = Clock::System();
  RenderBar bar(clock);
  const auto result =
      RenderHere(args, clock, [&](const RenderProgress& progress) { bar.Show(progress); });
  bar.Finish();
  RETURN_IF_ERROR(result.status());
  for (const std::string& warning : result->warnings()) {
    std::fprintf(stderr, "warning: %s\n", warning.c_str());
  }
  std::printf("%s", Describe(*result).c_str());
  return absl::OkStatus();
}

absl::Status ValidateAndReport(const LocalJobArgs& args, const std::string& sheet) {
  ASSIGN_OR_RETURN(const std::string summary, Validate(args, sheet));
  std::printf("%s\n", summary.c_str());
  return absl::OkStatus();
}

void AddJobOptions(CLI::App& command, LocalJobArgs* job) {
  command.add_option("--templates", job->templates, "Folder of templates, voices.json and music/")
      ->envname("RENDERNODE_TEMPLATES")
      ->default_str(kTemplatesFolder);
  command.add_option(
      "--override", job->overrides, "NAME=VALUE: style, voice, background_music, …; repeatable");
  command.add_option("--resolution", job->resolution, "480p … 2160p; default: the template's");
  command.add_option("--aspect", job->aspect_ratio, "16:9, 9:16, 1:1; default: the template's");
}

void AddRender(CLI::App& app, Action* action) {
  auto args = std::make_shared<LocalRenderArgs>();
  CLI::App* render = app.add_subcommand("render", "One row to one video, here and now");
  render->add_option("--template", args->job.template_name, "Its id, or a file")->required();
  render->add_option("--sheet", args->sheet, "CSV file with the row");
  render->add_option("--row", args->row, "Row of the sheet; 1 is its first line")
      ->check(CLI::Range(1, kSheetRowsMax + 1));
  render->add_option("--set", args->values, "NAME=VALUE of a variable; repeatable");
  render->add_option("-o,--output", args->output, "The .mp4; poster and captions go beside it")
      ->required();
  render->add_option("--encoder-threads", args->encoder_threads, "libx264 threads")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  AddJobOptions(*render, &args->job);
  render->callback([=] { *action = [=] { return RenderAndReport(*args); }; });
}

void AddValidate(CLI::App& app, Action* action) {
  CLI::App* group = app.add_subcommand("template", "Templates before they are used");
  group->require_subcommand(1);
  auto args = std::make_shared<LocalJobArgs>();
  auto sheet = std::make_shared<std::string>();
  CLI::App* validate = group->add_subcommand("validate", "Every mistake at once; exit code 2");
  validate->add_option("template", args->template_name, "Its id, or a file")->required();
  validate->add_option("--sheet", *sheet, "CSV file whose rows are to fit it");
  AddJobOptions(*validate, args.get());
  validate->callback([=] { *action = [=] { return ValidateAndReport(*args, *sheet); }; });
}

}  // namespace

void AddRenderCommands(CLI::App& app, Action* action) {
  AddRender(app, action);
  AddValidate(app, action);
}

}  // namespace rn
