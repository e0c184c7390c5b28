#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/status.h"
#include "base/ulid.h"
#include "ctl/action.h"
#include "ctl/bulk_client.h"
#include "ctl/job_report.h"
#include "ctl/terminal.h"

namespace rn {
namespace {

using nlohmann::json;

constexpr absl::Duration kPollInterval = absl::Milliseconds(500);
constexpr std::int64_t kJobFileBytesMax = 1 << 20;
constexpr std::int64_t kSheetFileBytesMax = 256 << 20;  // Coordinators take less, and say so.
constexpr int kBarCells = 30;

struct ServerArgs {
  std::string server, key;
};

struct SubmitArgs {
  std::string file;
  std::string title = "rendernodectl";
  std::string sheet, range = "A1:Z10001";
  std::string template_id;
  std::vector<std::string> overrides;  // "style=modern"
  std::string resolution = "1080p", bucket = "videos", priority = "normal";
  std::string idempotency_key;
  bool watch = false;
};

struct UploadArgs {
  std::string file;
  std::string sheet;
};

struct WatchArgs {
  std::string job_id;
  std::string folder;
  std::string summary;
  bool watch = false;
};

BulkClient ClientOf(const ServerArgs& args) {
  return BulkClient({.server = args.server, .api_key = args.key});
}

std::string Text(const json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || !found->is_string() ? "" : found->get<std::string>();
}

bool Ended(const json& job) {
  const std::string state = Text(job, "state");
  return state == "completed" || state == "failed" || state == "canceled";
}

absl::StatusOr<json> BodyFromFile(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kJobFileBytesMax));
  json body = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!body.is_object()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": not a JSON object"));
  }
  return body;
}

absl::StatusOr<json> BodyFromArgs(const SubmitArgs& args) {
  if (args.sheet.empty() || args.template_id.empty()) {
    return absl::InvalidArgumentError(
        "say what to render: --sheet and --template, or --file with a whole request");
  }
  json overrides = json::object();
  for (const std::string& override : args.overrides) {
    const std::size_t equals = override.find('=');
    if (equals == std::string::npos) {
      return absl::InvalidArgumentError(
          absl::StrCat("--set ", override, ": write NAME=VALUE, as in --set style=modern"));
    }
    overrides[override.substr(0, equals)] = override.substr(equals + 1);
  }
  return json{
      {"title", args.title},
      {"priority", args.priority},
      {"input_source", {{"type", "sheet"}, {"sheet_id", args.sheet}, {"range", args.range}}},
      {"output",
       {{"format", "mp4"},
        {"video_codec", "h264"},
        {"audio_codec", "aac"},
        {"resolution", args.resolution},
        {"output_bucket", args.bucket}}},
      {"template", {{"template_id", args.template_id}, {"overrides", overrides}}}};
}

std::vector<std::string> Screen(const json& job, const std::vector<VideoLine>& videos) {
  const double percent = job.value("percent_complete", 0.0);
  std::vector<std::string> screen = {absl::StrFormat("%s  %s  %s %3.0f %%  %d of %d, %d failed",
                                                     Text(job, "id"),
                                                     Text(job, "state"),
                                                     Bar(percent / 100, kBarCells),
                                                     percent,
                                                     job.value("items_completed", 0),
                                                     job.value("items_total", 0),
                                                     job.value("items_failed", 0))};
  for (const VideoLine& video : videos) {
    if (!video.phase.empty()) {
      screen.push_back(absl::StrFormat("  row %-5d %-10s %s %3.0f %%",
                                       video.row,
                                       video.phase,
                                       Bar(video.percent / 100, kBarCells / 2),
                                       video.percent));
    }
  }
  return screen;
}

absl::Status Watch(const ServerArgs& server, const std::string& job_id) {
  const BulkClient client = ClientOf(server);
  LiveLines live(stdout);
  while (true) {
    ASSIGN_OR_RETURN(const json job, client.GetJob(job_id));
    ASSIGN_OR_RETURN(const json videos, client.ListVideos(job_id));
    const std::vector<std::string> screen = Screen(job, VideoLines(videos));
    live.Show(screen, screen.front());
    if (Ended(job)) {
      live.Finish();
      return absl::OkStatus();
    }
    absl::SleepFor(kPollInterval);
  }
}

absl::Status WatchAndReport(const ServerArgs& server, const std::string& job_id) {
  RETURN_IF_ERROR(Watch(server, job_id));
  ASSIGN_OR_RETURN(const json videos, ClientOf(server).ListVideos(job_id));
  std::printf("\n%s", ReportTable(VideoLines(videos)).c_str());
  return absl::OkStatus();
}

absl::Status Submit(const ServerArgs& server, const SubmitArgs& args) {
  ASSIGN_OR_RETURN(const json body,
                   args.file.empty() ? BodyFromArgs(args) : BodyFromFile(args.file));
  const std::string key =
      args.idempotency_key.empty() ? NewUlid(Clock::System().Now()) : args.idempotency_key;
  ASSIGN_OR_RETURN(const json job, ClientOf(server).CreateJob(body, key));
  const std::string id = Text(job, "id");
  std::printf("%s\n", id.c_str());
  std::fflush(stdout);
  return args.watch ? WatchAndReport(server, id) : absl::OkStatus();
}

absl::StatusOr<std::string> SheetType(const std::string& file) {
  const std::string extension =
      absl::AsciiStrToLower(std::filesystem::path(file).extension().string());
  if (extension == ".csv") {
    return "text/csv";
  }
  if (extension == ".xlsx") {
    return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
  }
  return absl::InvalidArgumentError(
      absl::StrCat(file, ": a sheet is a .csv or an .xlsx file; save it as one of them"));
}

// By an id of ours, so that it is there once, however often it is sent.
absl::Status Upload(const ServerArgs& server, const UploadArgs& args) {
  ASSIGN_OR_RETURN(const std::string type, SheetType(args.file));
  const std::string id =
      args.sheet.empty() ? absl::StrCat("file_", NewUlid(Clock::System().Now())) : args.sheet;
  if (!std::all_of(id.begin(), id.end(), [](char c) {
        return absl::ascii_isalnum(c) || c == '-' || c == '_';
      })) {
    return absl::InvalidArgumentError(
        absl::StrCat("--id ", id, ": an id is letters, digits, \"-\" and \"_\""));
  }
  ASSIGN_OR_RETURN(std::string bytes, ReadFile(args.file, kSheetFileBytesMax));
  ASSIGN_OR_RETURN(const json sheet,
                   ClientOf(server).Ask({.method = "PUT",
                                         .url = absl::StrCat("/sheets/", id),
                                         .headers = {absl::StrCat("Content-Type: ", type)},
                                         .body = std::move(bytes)}));
  std::printf("%s\n", Text(sheet, "sheet_id").c_str());
  return absl::OkStatus();
}

absl::Status DownloadJob(const ServerArgs& server, const WatchArgs& args) {
  if (args.watch) {
    RETURN_IF_ERROR(Watch(server, args.job_id));
  }
  ASSIGN_OR_RETURN(const json videos, ClientOf(server).ListVideos(args.job_id));
  std::vector<VideoLine> lines = VideoLines(videos);
  RETURN_IF_ERROR(DownloadVideos(videos, server.server, args.folder, &lines));
  if (!args.summary.empty()) {
    RETURN_IF_ERROR(WriteFileDurably(args.summary, Summary(lines).dump(2) + "\n"));
  }
  std::printf("%s", ReportTable(lines).c_str());
  return absl::OkStatus();
}

absl::Status Cancel(const ServerArgs& server, const std::string& job_id) {
  ASSIGN_OR_RETURN(const json job, ClientOf(server).CancelJob(job_id));
  std::printf("%s  %s\n", job_id.c_str(), Text(job, "state").c_str());
  return absl::OkStatus();
}

void AddSubmit(CLI::App& job, const std::shared_ptr<ServerArgs>& server, Action* action) {
  CLI::App* submit = job.add_subcommand("submit", "Post a bulk job; prints its id");
  auto args = std::make_shared<SubmitArgs>();
  submit->add_option("--file", args->file, "The whole request as JSON, instead of the rest");
  submit->add_option("--title", args->title)->capture_default_str();
  submit->add_option("--sheet", args->sheet, "Sheet id");
  submit->add_option("--range", args->range, "A1:Z100")->capture_default_str();
  submit->add_option("--template", args->template_id, "Template id: tpl_promotional");
  submit->add_option("--set", args->overrides, "Override NAME=VALUE; repeatable");
  submit->add_option("--resolution", args->resolution)->capture_default_str();
  submit->add_option("--bucket", args->bucket, "Output bucket")->capture_default_str();
  submit->add_option("--priority", args->priority, "low, normal or high")->capture_default_str();
  submit->add_option("--idempotency-key", args->idempotency_key, "Default: a new one");
  submit->add_flag("--watch", args->watch, "Stay until the job has ended");
  submit->callback([=] { *action = [=] { return Submit(*server, *args); }; });
}

void AddUpload(CLI::App& job, const std::shared_ptr<ServerArgs>& server, Action* action) {
  CLI::App* upload =
      job.add_subcommand("upload", "Send a sheet for jobs to read; prints its id, for --sheet");
  auto args = std::make_shared<UploadArgs>();
  upload->add_option("file", args->file, "rows.csv or rows.xlsx")->required();
  upload->add_option("--id", args->sheet, "Replaces the sheet of that id; default: a new one");
  upload->callback([=] { *action = [=] { return Upload(*server, *args); }; });
}

}  // namespace

void AddJobCommands(CLI::App& app, Action* action) {
  CLI::App* job = app.add_subcommand("job", "Bulk jobs of a coordinator");
  job->require_subcommand(1);
  auto server = std::make_shared<ServerArgs>();
  job->add_option("--server", server->server, "http://host:port of the coordinator")
      ->envname("RENDERNODE_SERVER")
      ->required();
  job->add_option("--key", server->key, "API key")->envname("RENDERNODE_API_KEY")->required();
  AddUpload(*job, server, action);
  AddSubmit(*job, server, action);
  auto args = std::make_shared<WatchArgs>();
  CLI::App* watch = job->add_subcommand("watch", "Live progress, then a table");
  watch->add_option("job", args->job_id, "job_…")->required();
  watch->callback([=] { *action = [=] { return WatchAndReport(*server, args->job_id); }; });
  CLI::App* download = job->add_subcommand("download", "Fetch a job's videos, posters, captions");
  download->add_option("job", args->job_id, "job_…")->required();
  download->add_option("-o,--output", args->folder, "Folder")->required();
  download->add_option("--summary", args->summary, "Also write this JSON file");
  download->add_flag("--watch", args->watch, "Live progress first, until the job has ended");
  download->callback([=] { *action = [=] { return DownloadJob(*server, *args); }; });
  CLI::App* cancel = job->add_subcommand("cancel", "Stop a job; finished videos stay");
  cancel->add_option("job", args->job_id, "job_…")->required();
  cancel->callback([=] { *action = [=] { return Cancel(*server, args->job_id); }; });
}

}  // namespace rn
