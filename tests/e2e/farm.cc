#include "tests/e2e/farm.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/clock.h"
#include "base/status.h"

namespace rn {
namespace {

constexpr char kApiKey[] = "e2e-key";
constexpr absl::Duration kStartTimeout = absl::Seconds(30);
constexpr absl::Duration kStopTimeout = absl::Seconds(30);
constexpr absl::Duration kLookInterval = absl::Milliseconds(50);
constexpr std::int64_t kLogBytesMax = 64 << 20;

// Small and quick, yet every stage has something to do.
constexpr char kTemplateJson[] = R"({
  "schema": "1", "name": "short",
  "output": { "width": 640, "height": 360, "fps": 30, "video": { "hardware": "off" }, "sidecar": ["srt"] },
  "variables": {
    "title": { "type": "string", "required": true }, "script": { "type": "string", "required": true },
    "image_url": { "type": "image", "required": true } },
  "scenes": [ { "id": "all", "duration": "auto", "tail": 0.3, "elements": [
    { "type": "image", "source": "{{image_url}}" },
    { "type": "text", "text": "{{title}}", "font_family": "Inter", "y": "20%", "height": "20%", "fill_color": "#ffffff" },
    { "type": "voice", "name": "narration", "text": "{{script}}", "voice": "professional" },
    { "type": "captions", "source": "@narration", "font_family": "Inter", "y": "85%", "height": "20%", "fill_color": "#ffffff" }
  ] } ] })";

std::filesystem::path SourceFolder() {
  return RN_SOURCE_DIR;
}

std::filesystem::path SampleImages() {
  return SourceFolder() / "templates" / "samples" / "images";
}

void Write(const std::filesystem::path& path, const std::string& text) {
  CHECK(WriteFileDurably(path, text).ok());
}

std::string CsvCell(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    quoted += c == '"' ? "\"\"" : std::string(1, c);
  }
  return quoted + "\"";
}

std::string Milliseconds(absl::Duration duration) {
  return absl::StrCat(absl::ToInt64Milliseconds(duration), "ms");
}

}  // namespace

absl::StatusOr<std::unique_ptr<Farm>> Farm::Create(const FarmOptions& options) {
  ASSIGN_OR_RETURN(TempDir folder, TempDir::Create("farm-"));
  std::unique_ptr<Farm> farm(new Farm(options, std::move(folder)));
  for (const char* name : {"sheets", "templates", "artifacts"}) {
    RETURN_IF_ERROR(CreateDirectories(farm->folder() / name));
  }
  if (options.voices.empty()) {
    std::filesystem::copy(SourceFolder() / "templates" / "voices.json",
                          farm->folder() / "templates" / "voices.json");
  } else {
    Write(farm->folder() / "templates" / "voices.json", options.voices);
  }
  Write(farm->folder() / "templates" / absl::StrCat(kTemplate, ".json"), kTemplateJson);
  farm->WriteConfigs(0, 0);
  RETURN_IF_ERROR(farm->StartCoordinator());
  RETURN_IF_ERROR(farm->StartNode());
  return farm;
}

void Farm::WriteConfigs(int http_port, int node_port) {
  const std::string path = folder().string();
  Write(folder() / "coordinator.toml",
        absl::StrCat("[folders]\nstate = \"",
                     path,
                     "/state\"\nartifacts = \"",
                     path,
                     "/artifacts\"\nsheets = \"",
                     path,
                     "/sheets\"\ntemplates = \"",
                     path,
                     "/templates\"\n[http]\nport = ",
                     http_port,
                     "\n[nodes]\naddress = \"127.0.0.1:",
                     node_port,
                     "\"\nsync_interval = \"1s\"\n",
                     "lease_ttl = \"",
                     Milliseconds(options_.lease_ttl),
                     "\"\nreassign_grace = \"",
                     Milliseconds(options_.reassign_grace),
                     "\"\n[retry]\nbackoff_min = \"100ms\"\nbackoff_max = \"1s\"\n",
                     "[rate_limit]\nper_second = 1000.0\nburst = 1000\n",
                     "[keys]\n\"",
                     Sha256(kApiKey),
                     "\" = \"e2e\"\n"));
  Write(folder() / "node.toml",
        absl::StrCat("node_id = \"e2e\"\n[folders]\nstate = \"",
                     path,
                     "/node\"\nwork = \"",
                     path,
                     "/work\"\ncache = \"",
                     path,
                     "/cache\"\ndisk_free_min = \"1MiB\"\n",
                     "[admin]\nsocket = \"",
                     path,
                     "/admin.sock\"\n",
                     "[coordinator]\naddress = \"127.0.0.1:",
                     node_port,
                     "\"\nretry_min = \"50ms\"\nretry_max = \"500ms\"\n",
                     "[node]\nslots = ",
                     options_.slots,
                     "\nself_fence_margin = \"1s\"\n",
                     "[worker]\ncommand = [\"",
                     RN_BIN_DIR,
                     "/rendernode-worker\"]\n",
                     "restart_min = \"50ms\"\nrestart_max = \"500ms\"\n",
                     "[fetch]\nallow_private = [\"127.0.0.0/8\"]\nallow_files = [\"",
                     SampleImages().string(),
                     "\"]\ntotal_timeout = \"",
                     Milliseconds(options_.fetch_timeout),
                     "\"\n",
                     "[store]\nroot = \"",
                     path,
                     "/artifacts\"\n",
                     options_.node_config));
}

absl::StatusOr<Subprocess> Farm::Run(const std::string& program,
                                     const std::vector<std::string>& args) {
  // Appended, so that one log tells of every life of a program.
  std::string script = absl::StrCat("exec ", RN_BIN_DIR, "/", program);
  for (const std::string& arg : args) {
    absl::StrAppend(&script, " '", arg, "'");
  }
  absl::StrAppend(&script, " 2>>'", (folder() / (program + ".log")).string(), "'");
  return Subprocess::Start({.argv = {"/bin/sh", "-c", script},
                            .environment = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8"},
                            .with_channel = false});
}

absl::Status Farm::StartCoordinator() {
  const std::filesystem::path ports = folder() / "ports.json";
  std::filesystem::remove(ports);
  ASSIGN_OR_RETURN(Subprocess process,
                   Run("rendernode-coordinator",
                       {"--config", folder() / "coordinator.toml", "--ports-file", ports}));
  coordinator_.emplace(std::move(process));
  if (!WaitUntil(kStartTimeout, [&] { return std::filesystem::exists(ports); })) {
    return absl::DeadlineExceededError(absl::StrCat("no coordinator\n", Logs()));
  }
  ASSIGN_OR_RETURN(const std::string text, ReadFile(ports, kLogBytesMax));
  const auto json = nlohmann::json::parse(text);
  http_port_ = json.at("http").get<int>();
  node_port_ = json.at("nodes").get<int>();
  WriteConfigs(http_port_, node_port_);
  return absl::OkStatus();
}

absl::Status Farm::StartNode() {
  const std::filesystem::path socket = folder() / "admin.sock";
  std::filesystem::remove(socket);
  ASSIGN_OR_RETURN(Subprocess process, Run("rendernoded", {"--config", folder() / "node.toml"}));
  node_.emplace(std::move(process));
  if (!WaitUntil(kStartTimeout, [&] { return std::filesystem::exists(socket); })) {
    return absl::DeadlineExceededError(absl::StrCat("no node\n", Logs()));
  }
  return absl::OkStatus();
}

absl::StatusOr<ExitStatus> Farm::StopCoordinator() {
  coordinator_->Signal(SIGTERM);
  return coordinator_->Wait(kStopTimeout);
}

absl::StatusOr<ExitStatus> Farm::StopNode() {
  node_->Signal(SIGTERM);
  return node_->Wait(kStopTimeout);
}

std::vector<pid_t> Farm::WorkerPids() const {
  std::vector<pid_t> pids;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    int pid = 0;
    if (!absl::SimpleAtoi(entry.path().filename().string(), &pid)) {
      continue;
    }
    std::ifstream file(entry.path() / "stat");
    std::string stat;
    std::getline(file, stat);
    char state = 0;
    int parent = 0;
    const std::size_t name_end = stat.rfind(')');
    if (name_end != std::string::npos &&
        std::sscanf(stat.c_str() + name_end + 1, " %c %d", &state, &parent) == 2 &&
        parent == node_->pid() && state != 'Z') {
      pids.push_back(pid);
    }
  }
  return pids;
}

void Farm::WriteSheet(const std::string& id, const std::vector<std::array<std::string, 3>>& rows) {
  std::string csv = "title,script,image_url\n";
  for (const auto& [title, script, image] : rows) {
    const std::string url = absl::StrContains(image, "://")
                                ? image
                                : absl::StrCat("file://", (SampleImages() / image).string());
    absl::StrAppend(&csv, CsvCell(title), ",", CsvCell(script), ",", CsvCell(url), "\n");
  }
  Write(folder() / "sheets" / (id + ".csv"), csv);
}

BulkClient Farm::client() const {
  return BulkClient({.server = absl::StrCat("http://127.0.0.1:", http_port_), .api_key = kApiKey});
}

absl::StatusOr<std::string> Farm::Submit(const std::string& sheet, const std::string& title) {
  ASSIGN_OR_RETURN(
      const nlohmann::json job,
      client().CreateJob(
          {{"title", title},
           {"input_source", {{"type", "sheet"}, {"sheet_id", sheet}, {"range", "A1:Z10000"}}},
           {"output", {{"format", "mp4"}, {"output_bucket", "videos"}}},
           {"template", {{"template_id", kTemplate}}}},
          title));
  return job.at("id").get<std::string>();
}

bool Farm::WaitUntil(absl::Duration timeout, absl::FunctionRef<bool()> met) const {
  const Clock& clock = Clock::System();
  for (const absl::Duration end = clock.SinceBoot() + timeout; clock.SinceBoot() < end;) {
    if (met()) {
      return true;
    }
    absl::SleepFor(kLookInterval);
  }
  return met();
}

bool Farm::WaitForJob(const std::string& job_id,
                      absl::Duration timeout,
                      absl::FunctionRef<bool(const nlohmann::json&)> met) const {
  const BulkClient bulk = client();
  return WaitUntil(timeout, [&] {
    const auto job = bulk.GetJob(job_id);
    return job.ok() && met(*job);
  });
}

std::filesystem::path Farm::FileOf(const nlohmann::json& artifact) const {
  const std::string url = artifact.at("url").get<std::string>();
  return folder() / url.substr(url.find("/artifacts/") + 1);
}

std::string Farm::Logs() const {
  std::string logs;
  for (const char* program : {"rendernode-coordinator", "rendernoded"}) {
    const auto text = ReadFile(folder() / absl::StrCat(program, ".log"), kLogBytesMax);
    absl::StrAppend(&logs, "== ", program, "\n", text.value_or("(none)"));
  }
  return logs;
}

}  // namespace rn
