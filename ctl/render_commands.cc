#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/clock.h"
#include "base/status.h"
#include "ctl/action.h"
#include "ctl/local_job.h"
#include "ctl/local_render.h"
#include "ctl/preview.h"
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

absl::Status PreviewAndReport(const PreviewArgs& args) {
  InitFfmpegLogging();
  ASSIGN_OR_RETURN(const Preview preview, PreviewTemplate(args));
  for (const std::string& warning : preview.warnings) {
    std::fprintf(stderr, "warning: %s\n", warning.c_str());
  }
  if (!preview.made_up.empty()) {
    std::printf("made up: %s (--set NAME=VALUE, or a row: --sheet, --row)\n",
                absl::StrJoin(preview.made_up, ", ").c_str());
  }
  std::printf("%d frames\n  %s\n",
              static_cast<int>(preview.files.size()) - 1,
              preview.files.back().c_str());
  return absl::OkStatus();
}

void AddRowOptions(CLI::App& command, LocalRowArgs* row) {
  command.add_option("--sheet", row->sheet, "CSV file with the row");
  command.add_option("--row", row->row, "Row of the sheet; 1 is its first line")
      ->check(CLI::Range(1, kSheetRowsMax + 1));
  command.add_option("--set", row->values, "NAME=VALUE of a variable; repeatable");
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
  AddRowOptions(*render, args.get());
  render->add_option("-o,--output", args->output, "The .mp4; poster and captions go beside it")
      ->required();
  render->add_option("--encoder-threads", args->encoder_threads, "libx264 threads")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  AddJobOptions(*render, &args->job);
  render->callback([=] { *action = [=] { return RenderAndReport(*args); }; });
}

void AddPreview(CLI::App& group, Action* action) {
  auto args = std::make_shared<PreviewArgs>();
  CLI::App* preview =
      group.add_subcommand("preview", "Frames as pictures, and a sheet of them all");
  preview->add_option("template", args->job.template_name, "Its id, or a file")->required();
  preview->add_option("-o,--out", args->folder, "Folder for the pictures")->required();
  AddRowOptions(*preview, args.get());
  preview->add_option("--at", args->seconds, "Seconds of a frame to show; repeatable");
  preview
      ->add_option(
          "--frames", args->frames, "Frames, spread over the video, where no --at is given")
      ->check(CLI::Range(1, kPreviewFramesMax))
      ->capture_default_str();
  preview->add_option("--columns", args->columns, "Of the contact sheet")
      ->check(CLI::Range(1, 20))
      ->capture_default_str();
  preview->add_option("--format", args->format, "png or jpg")->capture_default_str();
  AddJobOptions(*preview, &args->job);
  preview->callback([=] { *action = [=] { return PreviewAndReport(*args); }; });
}

void AddValidate(CLI::App& group, Action* action) {
  auto args = std::make_shared<LocalJobArgs>();
  auto sheet = std::make_shared<std::string>();
  CLI::App* validate = group.add_subcommand("validate", "Every mistake at once; exit code 2");
  validate->add_option("template", args->template_name, "Its id, or a file")->required();
  validate->add_option("--sheet", *sheet, "CSV file whose rows are to fit it");
  AddJobOptions(*validate, args.get());
  validate->callback([=] { *action = [=] { return ValidateAndReport(*args, *sheet); }; });
}

}  // namespace

void AddRenderCommands(CLI::App& app, Action* action) {
  AddRender(app, action);
  CLI::App* group = app.add_subcommand("template", "Templates before they are used");
  group->require_subcommand(1);
  AddValidate(*group, action);
  AddPreview(*group, action);
}

}  // namespace rn
