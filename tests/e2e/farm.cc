#include "tests/e2e/farm.h"

#include <grpcpp/grpcpp.h>
#include <sys/mount.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "base/clock.h"
#include "base/status.h"
#include "proto/admin.grpc.pb.h"

namespace rn {
namespace {

constexpr char kCoordinatorLog[] = "coordinator.log";
constexpr char kNodeLog[] = "node.log";
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
  for (int which = 0; which < options.coordinators; ++which) {
    RETURN_IF_ERROR(farm->StartCoordinator(which));
  }
  for (int node = 0; node < options.nodes; ++node) {
    RETURN_IF_ERROR(CreateDirectories(farm->NodeFolder(node)));
    if (options.node_disk_bytes > 0) {
      ASSIGN_OR_RETURN(farm->nodes_[At(node)].disk,
                       Disk::Mount(farm->NodeFolder(node), options.node_disk_bytes));
    }
    if (options.proxies) {
      ASSIGN_OR_RETURN(farm->nodes_[At(node)].proxy, FaultProxy::Start(farm->node_port()));
    }
    RETURN_IF_ERROR(farm->StartNode(node));
  }
  return farm;
}

absl::StatusOr<std::unique_ptr<Farm::Disk>> Farm::Disk::Mount(const std::filesystem::path& folder,
                                                              std::int64_t bytes) {
  if (mount("none", folder.c_str(), "tmpfs", 0, absl::StrCat("size=", bytes).c_str()) != 0) {
    return ErrnoStatus(errno, absl::StrCat("mounting ", folder.string()));
  }
  return std::unique_ptr<Disk>(new Disk(folder));
}

Farm::Disk::~Disk() {
  umount2(folder_.c_str(), MNT_DETACH);
}

absl::StatusOr<rendernode::NodeStatus> Farm::NodeState(int node) const {
  const auto stub = rendernode::NodeAdmin::NewStub(
      grpc::CreateChannel(absl::StrCat("unix:", (NodeFolder(node) / "admin.sock").string()),
                          grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(5));
  rendernode::NodeStatus state;
  const grpc::Status status = stub->GetStatus(&context, {}, &state);
  if (!status.ok()) {
    return absl::UnavailableError(absl::StrCat(NodeId(node), ": ", status.error_message()));
  }
  return state;
}

void Farm::WriteCoordinatorConfig(int which) {
  const std::string path = folder().string();
  Write(folder() / absl::StrCat("coordinator-", which, ".toml"),
        absl::StrCat("[folders]\nstate = \"",
                     path,
                     "/state-",
                     which,
                     "\"\nartifacts = \"",
                     path,
                     "/artifacts\"\nsheets = \"",
                     path,
                     "/sheets\"\ntemplates = \"",
                     path,
                     "/templates\"\n[http]\nport = ",
                     http_port(which),
                     "\n[nodes]\naddress = \"127.0.0.1:",
                     node_port(which),
                     "\"\nsync_interval = \"",
                     Milliseconds(options_.sync_interval),
                     "\"\nlease_ttl = \"",
                     Milliseconds(options_.lease_ttl),
                     "\"\nreassign_grace = \"",
                     Milliseconds(options_.reassign_grace),
                     "\"\n[retry]\nbackoff_min = \"100ms\"\nbackoff_max = \"1s\"\n",
                     options_.retry_config,
                     "[rate_limit]\nper_second = 1000.0\nburst = 1000\n",
                     "[keys]\n\"",
                     Sha256(kApiKey),
                     "\" = \"e2e jobs:read jobs:write sheets:connect sheets:write\"\n",
                     options_.coordinator_config));
}

void Farm::WriteNodeConfig(int node) {
  const std::string own = NodeFolder(node).string();
  std::vector<std::string> coordinators;
  if (const FaultProxy* proxy = nodes_[At(node)].proxy.get()) {
    coordinators.push_back(absl::StrCat("127.0.0.1:", proxy->port()));
  }
  for (int which = 0; which < options_.coordinators && !options_.proxies; ++which) {
    coordinators.push_back(absl::StrCat("127.0.0.1:", node_port(which)));
  }
  const std::vector<std::string> worker =
      options_.worker.empty() ? std::vector{absl::StrCat(RN_BIN_DIR, "/rendernode-worker")}
                              : options_.worker;
  Write(NodeFolder(node) / "node.toml",
        absl::StrCat("node_id = \"",
                     NodeId(node),
                     "\"\n[folders]\nstate = \"",
                     own,
                     "/state\"\nwork = \"",
                     own,
                     "/work\"\ncache = \"",
                     own,
                     "/cache\"\ndisk_free_min = \"1MiB\"\n",
                     "[admin]\nsocket = \"",
                     own,
                     "/admin.sock\"\n",
                     "[coordinator]\naddress = \"",
                     absl::StrJoin(coordinators, ","),
                     "\"\nretry_min = \"50ms\"\nretry_max = \"500ms\"\n",
                     At(node) < options_.node_wires.size() ? options_.node_wires[At(node)] : "",
                     "[node]\nslots = ",
                     options_.slots,
                     "\nself_fence_margin = \"1s\"\n",
                     options_.limits_config,
                     "[worker]\ncommand = [\"",
                     absl::StrJoin(worker, "\", \""),
                     "\"]\n",
                     "restart_min = \"50ms\"\nrestart_max = \"500ms\"\n",
                     options_.worker_config,
                     "[fetch]\nallow_private = [\"127.0.0.0/8\"]\nallow_files = [\"",
                     SampleImages().string(),
                     "\"]\ntotal_timeout = \"",
                     Milliseconds(options_.fetch_timeout),
                     "\"\n",
                     options_.store.empty()
                         ? absl::StrCat("[store]\nroot = \"", folder().string(), "/artifacts\"\n")
                         : options_.store,
                     options_.node_config));
}

absl::StatusOr<Subprocess> Farm::Run(const std::string& program,
                                     const std::vector<std::string>& args,
                                     const std::filesystem::path& log) {
  std::string script = absl::StrCat("exec ", RN_BIN_DIR, "/", program);
  for (const std::string& arg : args) {
    absl::StrAppend(&script, " '", arg, "'");
  }
  absl::StrAppend(&script, " 2>>'", log.string(), "'");
  return Subprocess::Start({.argv = {"/bin/sh", "-c", script},
                            .environment = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8"},
                            .with_channel = false});
}

absl::Status Farm::StartCoordinator(int which) {
  const std::filesystem::path ports = folder() / absl::StrCat("ports-", which, ".json");
  std::filesystem::remove(ports);
  WriteCoordinatorConfig(which);
  const std::filesystem::path config = folder() / absl::StrCat("coordinator-", which, ".toml");
  ASSIGN_OR_RETURN(Subprocess process,
                   Run("rendernode-coordinator",
                       {"--config", config, "--ports-file", ports},
                       folder() / kCoordinatorLog));
  Coordinator& coordinator = coordinators_[At(which)];
  coordinator.process.emplace(std::move(process));
  if (!WaitUntil(kStartTimeout, [&] { return std::filesystem::exists(ports); })) {
    return absl::DeadlineExceededError(absl::StrCat("no coordinator\n", Logs()));
  }
  ASSIGN_OR_RETURN(const std::string text, ReadFile(ports, kLogBytesMax));
  const auto json = nlohmann::json::parse(text);
  coordinator.http_port = json.at("http").get<int>();
  coordinator.node_port = json.at("nodes").get<int>();
  return absl::OkStatus();
}

absl::Status Farm::StartNode(int node) {
  const std::filesystem::path socket = NodeFolder(node) / "admin.sock";
  std::filesystem::remove(socket);
  WriteNodeConfig(node);
  ASSIGN_OR_RETURN(Subprocess process,
                   Run("rendernoded",
                       {"--config", NodeFolder(node) / "node.toml"},
                       NodeFolder(node) / kNodeLog));
  nodes_[At(node)].process.emplace(std::move(process));
  if (!WaitUntil(kStartTimeout, [&] { return std::filesystem::exists(socket); })) {
    return absl::DeadlineExceededError(absl::StrCat("no node\n", Logs()));
  }
  return absl::OkStatus();
}

absl::StatusOr<ExitStatus> Farm::StopCoordinator(int which) {
  coordinator_process(which).Signal(SIGTERM);
  return coordinator_process(which).Wait(kStopTimeout);
}

absl::StatusOr<ExitStatus> Farm::StopNode(int node) {
  node_process(node).Signal(SIGTERM);
  return node_process(node).Wait(kStopTimeout);
}

std::vector<pid_t> Farm::WorkerPids(int node) const {
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
        parent == node_pid(node) && state != 'Z') {
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
  Write(folder() / "sheets" / "e2e" / (id + ".csv"), csv);
}

BulkClient Farm::client(int coordinator) const {
  return BulkClient(
      {.server = absl::StrCat("http://127.0.0.1:", http_port(coordinator)), .api_key = kApiKey});
}

absl::StatusOr<std::string> Farm::Submit(const std::string& sheet,
                                         const std::string& title,
                                         int coordinator) {
  ASSIGN_OR_RETURN(
      const nlohmann::json job,
      client(coordinator)
          .CreateJob(
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
                      absl::FunctionRef<bool(const nlohmann::json&)> met,
                      int coordinator) const {
  const BulkClient bulk = client(coordinator);
  return WaitUntil(timeout, [&] {
    const auto job = bulk.GetJob(job_id);
    return job.ok() && met(*job);
  });
}

std::filesystem::path Farm::FileOf(const nlohmann::json& artifact) const {
  const std::string url = artifact.at("url").get<std::string>();
  return folder() / url.substr(url.find("/artifacts/") + 1);
}

std::map<std::string, int> Farm::Commits() const {
  std::map<std::string, int> commits;
  const std::string log = CoordinatorLog();
  for (const absl::string_view line : absl::StrSplit(log, '\n')) {
    if (absl::StrContains(line, "item committed") && absl::StrContains(line, "outcome=SUCCEEDED") &&
        absl::StrContains(line, "verdict=COMMITTED")) {
      const auto item = line.substr(line.find("item=") + 5);
      ++commits[std::string(item.substr(0, item.find(' ')))];
    }
  }
  return commits;
}

std::string Farm::CoordinatorLog() const {
  return ReadFile(folder() / kCoordinatorLog, kLogBytesMax).value_or("(none)");
}

std::string Farm::NodeLog(int node) const {
  return ReadFile(NodeFolder(node) / kNodeLog, kLogBytesMax).value_or("(none)");
}

std::string Farm::Logs() const {
  std::string logs = absl::StrCat("== coordinator\n", CoordinatorLog());
  for (int node = 0; node < options_.nodes; ++node) {
    absl::StrAppend(&logs, "== ", NodeId(node), "\n", NodeLog(node));
  }
  return logs;
}

}  // namespace rn
