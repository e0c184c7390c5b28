#include "daemon/worker_process.h"

#include <fcntl.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "base/disk_full.h"
#include "base/framing.h"
#include "base/status.h"
#include "daemon/line_log.h"
#include "proto/item_error.h"

namespace rn {
namespace {
namespace fs = std::filesystem;

constexpr std::size_t kReadBytes = 64 << 10;
// From the channel's end to the process's: an ordinary exit closes the one just before the other.
constexpr absl::Duration kExitGrace = absl::Seconds(1);
constexpr char kOomScoreAdjust[] = "500";
constexpr char kRequired[] = "required";

bool IsInside(const fs::path& path, const fs::path& folder) {
  const auto mismatch = std::mismatch(folder.begin(), folder.end(), path.begin(), path.end());
  return mismatch.first == folder.end() && mismatch.second != path.end();
}

absl::Status Lie(const std::string& path, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("its artifact \"", path, "\" ", what));
}

// The file's path below `folder`, which is canonical.
absl::StatusOr<fs::path> CheckArtifact(const rendernode::Artifact& artifact,
                                       const fs::path& ordered,
                                       const fs::path& folder) {
  const fs::path said = artifact.path();
  std::error_code error;
  const fs::path path =
      fs::canonical(folder / (said.is_absolute() ? said.lexically_relative(ordered) : said), error);
  if (error) {
    return Lie(artifact.path(), error.message());
  }
  if (!IsInside(path, folder)) {
    return Lie(artifact.path(), "is outside the output directory");
  }
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) {
    return Lie(artifact.path(), "is not a file");
  }
  if (static_cast<std::uint64_t>(info.st_size) != artifact.bytes()) {
    return Lie(artifact.path(),
               absl::StrCat("has ", info.st_size, " bytes, not ", artifact.bytes()));
  }
  return path.lexically_relative(folder);
}

rendernode::Order ToProto(const RenderOrder& order, const fs::path& folder) {
  rendernode::Order message;
  message.set_item_id(order.key.item_id);
  message.set_fence(order.key.fence);
  if (order.job_spec != nullptr) {
    *message.mutable_job_spec() = *order.job_spec;
  }
  *message.mutable_item() = order.item;
  message.mutable_asset_paths()->insert(order.asset_paths.begin(), order.asset_paths.end());
  message.mutable_speech_paths()->insert(order.speech_paths.begin(), order.speech_paths.end());
  message.set_output_directory(folder.string());
  return message;
}

}  // namespace

absl::StatusOr<std::int64_t> ResidentBytes(pid_t pid) {
  std::ifstream statm(absl::StrCat("/proc/", pid, "/statm"));
  std::int64_t total = 0;
  std::int64_t resident = 0;
  if (!(statm >> total >> resident)) {
    return absl::NotFoundError(absl::StrCat("no process ", pid));
  }
  return resident * sysconf(_SC_PAGESIZE);
}

std::vector<std::string> WorkerArgv(const WorkerCommand& command, const fs::path& writable) {
  std::vector<std::string> argv = command.argv;
  argv.push_back(absl::StrCat("--sandbox=", command.sandbox));
  argv.push_back(absl::StrCat("--file-bytes-max=", command.file_bytes_max));
  argv.push_back(absl::StrCat("--open-files-max=", command.open_files_max));
  for (const fs::path& folder : command.read_only) {
    argv.push_back(absl::StrCat("--read=", folder.string()));
  }
  if (!writable.empty()) {
    argv.push_back(absl::StrCat("--write=", writable.string()));
  }
  return argv;
}

absl::StatusOr<rendernode::ItemResult> CheckArtifacts(rendernode::ItemResult result,
                                                      const fs::path& ordered,
                                                      const fs::path& folder,
                                                      std::int64_t artifacts_max) {
  if (result.outcome() != rendernode::SUCCEEDED) {
    return result;
  }
  if (result.artifacts_size() > artifacts_max) {
    return absl::InvalidArgumentError(absl::StrCat(
        "it claims ", result.artifacts_size(), " artifacts; the limit is ", artifacts_max));
  }
  std::error_code error;
  const fs::path inside = fs::canonical(folder, error);
  if (error) {
    return ErrnoStatus(error.value(), folder.string());
  }
  for (rendernode::Artifact& artifact : *result.mutable_artifacts()) {
    ASSIGN_OR_RETURN(const fs::path path, CheckArtifact(artifact, ordered, inside));
    artifact.set_path((folder / path).string());
  }
  return result;
}

// The process, its channel, its output and our wishes, waited for together. Every error is the
// reason for which the worker ends.
class WorkerProcess::Child {
 public:
  // `cgroup` may be null.
  Child(Subprocess process, std::unique_ptr<WorkerCgroup> cgroup, WorkerProcess& owner);

  absl::StatusOr<rendernode::Hello> AwaitHello();
  absl::StatusOr<RenderOrder> AwaitOrder();
  void Send(const rendernode::Order& order);
  // Passes progress on meanwhile.
  absl::StatusOr<rendernode::Done> AwaitDone(const LeaseKey& key);

  // Kills and reaps what is left. Returns what an operator should read.
  std::string Bury(const absl::Status& end);

 private:
  absl::StatusOr<std::optional<rendernode::Report>> TakeReport();
  absl::StatusOr<rendernode::Report> NextReport();
  void PassOn(const rendernode::Progress& progress);
  absl::Status WaitForSomething();
  absl::Status ObeyWishes();
  absl::Status ReadChannel();
  absl::Status WriteChannel();
  void ReadOutput();
  void LogLine(absl::string_view line) const;
  absl::Status CheckMemory();
  absl::Status CheckFlood(std::size_t bytes);
  int PollTimeoutMs() const;

  WorkerProcess& owner_;
  Subprocess process_;
  const std::unique_ptr<WorkerCgroup> cgroup_;
  const std::int64_t oom_kills_before_;
  FrameParser parser_;
  LineLog log_;
  std::string outgoing_;  // The rest of an order.
  bool said_hello_ = false;
  bool working_ = false;
  std::optional<LeaseKey> item_;  // That it works on.
  bool ended_by_itself_ = false;
  std::optional<absl::Duration> closed_at_;  // The channel, by the worker.
  bool output_open_ = true;

  absl::Duration second_began_ = -absl::InfiniteDuration();
  std::int64_t bytes_this_second_ = 0;
  absl::Duration memory_check_at_ = -absl::InfiniteDuration();
  rendernode::Phase phase_ = rendernode::PHASE_UNSPECIFIED;
  absl::Duration passed_on_at_ = -absl::InfiniteDuration();
};

WorkerProcess::Child::Child(Subprocess process,
                            std::unique_ptr<WorkerCgroup> cgroup,
                            WorkerProcess& owner)
    : owner_(owner),
      process_(std::move(process)),
      cgroup_(std::move(cgroup)),
      oom_kills_before_(cgroup_ == nullptr ? 0 : cgroup_->OutOfMemoryKills()),
      parser_(static_cast<std::size_t>(owner.command_.report_bytes_max)),
      log_({.lines_per_second_max = owner.command_.log_lines_per_second_max,
            .line_bytes_max = owner.command_.log_line_bytes_max},
           owner.clock_,
           [this](absl::string_view line) { LogLine(line); }) {
  fcntl(process_.channel(), F_SETFL, O_NONBLOCK);
  // A worker that outgrows the machine between two checks dies before anybody else does.
  std::ofstream(absl::StrCat("/proc/", process_.pid(), "/oom_score_adj")) << kOomScoreAdjust;
}

absl::StatusOr<rendernode::Hello> WorkerProcess::Child::AwaitHello() {
  ASSIGN_OR_RETURN(rendernode::Report report, NextReport());
  if (!report.has_hello()) {
    return absl::InvalidArgumentError("its first word was not Hello");
  }
  const rendernode::Sandbox& sandbox = report.hello().sandbox();
  const std::string gaps = absl::StrJoin(sandbox.gaps(), "; ");
  if (owner_.command_.sandbox == kRequired &&
      (!sandbox.system_calls_filtered() || sandbox.landlock_abi() == 0)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "worker.sandbox is required, and it is not in one", gaps.empty() ? "" : ": ", gaps));
  }
  if (!gaps.empty()) {
    SPDLOG_WARN("worker's sandbox has gaps slot={} gaps=\"{}\"", owner_.slot_, gaps);
  }
  said_hello_ = true;
  report.mutable_hello()->set_pid(static_cast<std::uint32_t>(process_.pid()));
  return report.hello();
}

absl::StatusOr<RenderOrder> WorkerProcess::Child::AwaitOrder() {
  while (true) {
    {
      MutexLock lock(owner_.mutex_);
      if (owner_.wishes_.order.has_value()) {
        return *std::exchange(owner_.wishes_.order, std::nullopt);
      }
    }
    ASSIGN_OR_RETURN(const auto report, TakeReport());
    // Progress of the item just done may still have been under way.
    if (report.has_value() && !report->has_progress()) {
      return absl::InvalidArgumentError("it reported without an order");
    }
    if (!report.has_value()) {
      RETURN_IF_ERROR(WaitForSomething());
    }
  }
}

void WorkerProcess::Child::Send(const rendernode::Order& order) {
  outgoing_ = ToFrame(order.SerializeAsString());
  working_ = true;
  ReadOutput();  // What it said before that was about no item.
  item_ = LeaseKey{order.item_id(), order.fence()};
}

// The item comes before what the worker says: nothing in there can pass for another one.
void WorkerProcess::Child::LogLine(absl::string_view line) const {
  if (!item_.has_value()) {
    SPDLOG_INFO(
        "worker says slot={} pid={} line=\"{}\"", owner_.slot_, process_.pid(), std::string(line));
    return;
  }
  SPDLOG_INFO("worker says slot={} pid={} item={} fence={} line=\"{}\"",
              owner_.slot_,
              process_.pid(),
              item_->item_id,
              item_->fence,
              std::string(line));
}

absl::StatusOr<rendernode::Done> WorkerProcess::Child::AwaitDone(const LeaseKey& key) {
  phase_ = rendernode::PHASE_UNSPECIFIED;
  while (true) {
    ASSIGN_OR_RETURN(const rendernode::Report report, NextReport());
    LeaseKey said;
    switch (report.kind_case()) {
      case rendernode::Report::kHello:
        return absl::InvalidArgumentError("it said Hello a second time");
      case rendernode::Report::kProgress:
        said = {report.progress().item_id(), report.progress().fence()};
        break;
      case rendernode::Report::kDone:
        said = {report.done().item_id(), report.done().fence()};
        break;
      case rendernode::Report::kUtterances:
        return absl::InvalidArgumentError("it said its utterances, and was asked for a render");
      case rendernode::Report::KIND_NOT_SET:
        return absl::InvalidArgumentError("it sent a report of no known kind");
    }
    if (said != key) {
      return absl::InvalidArgumentError(absl::StrCat(
          "it reported on item \"", said.item_id, "\" at fence ", said.fence, ", not on its own"));
    }
    if (report.has_done()) {
      ReadOutput();  // What it said before that was about this item.
      item_.reset();
      working_ = false;
      return report.done();
    }
    PassOn(report.progress());
  }
}

void WorkerProcess::Child::PassOn(const rendernode::Progress& progress) {
  const absl::Duration now = owner_.clock_.Awake();
  if (progress.phase() == phase_ && now - passed_on_at_ < owner_.command_.progress_spacing &&
      progress.frames_done() != progress.frames_total()) {
    return;
  }
  phase_ = progress.phase();
  passed_on_at_ = now;
  owner_.post_(WorkerProgressed{owner_.slot_, progress});
}

absl::StatusOr<std::optional<rendernode::Report>> WorkerProcess::Child::TakeReport() {
  ASSIGN_OR_RETURN(const std::optional<std::string> frame, parser_.Next());
  if (!frame.has_value()) {
    return std::nullopt;
  }
  rendernode::Report report;
  if (!report.ParseFromString(*frame)) {
    return absl::InvalidArgumentError("it sent a report that cannot be read");
  }
  return report;
}

absl::StatusOr<rendernode::Report> WorkerProcess::Child::NextReport() {
  while (true) {
    ASSIGN_OR_RETURN(std::optional<rendernode::Report> report, TakeReport());
    if (report.has_value()) {
      return *std::move(report);
    }
    RETURN_IF_ERROR(WaitForSomething());
  }
}

// What the worker said before it ended counts: the channel is read to its end first. `wake_` is
// emptied only between a wait and the next look at the wishes: none is slept through.
absl::Status WorkerProcess::Child::WaitForSomething() {
  RETURN_IF_ERROR(ObeyWishes());
  const short channel_events = static_cast<short>(POLLIN | (outgoing_.empty() ? 0 : POLLOUT));
  std::array<pollfd, 4> fds = {{{closed_at_.has_value() ? -1 : process_.channel(), channel_events},
                                {output_open_ ? process_.output() : -1, POLLIN},
                                {owner_.wake_.get(), POLLIN},
                                {process_.pidfd(), POLLIN}}};
  const auto& [channel, output, wake, ended] = fds;
  if (poll(fds.data(), fds.size(), PollTimeoutMs()) < 0 && errno != EINTR) {
    return ErrnoStatus(errno, "poll");
  }
  if (output.revents != 0) {
    ReadOutput();
  }
  if (wake.revents != 0) {
    std::uint64_t wakes = 0;
    (void)!read(owner_.wake_.get(), &wakes, sizeof(wakes));
  }
  RETURN_IF_ERROR(ObeyWishes());
  RETURN_IF_ERROR(CheckMemory());
  if ((channel.revents & POLLOUT) != 0) {
    RETURN_IF_ERROR(WriteChannel());
  }
  if ((channel.revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
    return ReadChannel();
  }
  if (ended.revents != 0) {
    ended_by_itself_ = true;
    return absl::UnavailableError("it ended");
  }
  if (closed_at_.has_value() && owner_.clock_.Awake() - *closed_at_ >= kExitGrace) {
    return absl::DataLossError("it closed its channel and lived on");
  }
  return absl::OkStatus();
}

int WorkerProcess::Child::PollTimeoutMs() const {
  if (closed_at_.has_value()) {
    return static_cast<int>(absl::ToInt64Milliseconds(kExitGrace));
  }
  return working_
             ? static_cast<int>(absl::ToInt64Milliseconds(owner_.command_.memory_check_interval))
             : -1;
}

absl::Status WorkerProcess::Child::ObeyWishes() {
  MutexLock lock(owner_.mutex_);
  if (owner_.wishes_.stop) {
    return absl::CancelledError("the daemon ends");
  }
  if (owner_.wishes_.kill.has_value()) {
    return absl::CancelledError(*std::exchange(owner_.wishes_.kill, std::nullopt));
  }
  return absl::OkStatus();
}

absl::Status WorkerProcess::Child::ReadChannel() {
  std::array<char, kReadBytes> bytes;
  const ssize_t got = recv(process_.channel(), bytes.data(), bytes.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
    return absl::OkStatus();
  }
  if (got <= 0) {
    closed_at_ = owner_.clock_.Awake();
    return absl::OkStatus();
  }
  parser_.Append({bytes.data(), static_cast<std::size_t>(got)});
  return CheckFlood(static_cast<std::size_t>(got));
}

absl::Status WorkerProcess::Child::CheckFlood(std::size_t bytes) {
  const absl::Duration now = owner_.clock_.Awake();
  if (now - second_began_ >= absl::Seconds(1)) {
    second_began_ = now;
    bytes_this_second_ = 0;
  }
  bytes_this_second_ += static_cast<std::int64_t>(bytes);
  if (bytes_this_second_ > owner_.command_.report_bytes_per_second_max) {
    return absl::ResourceExhaustedError(absl::StrCat("it reported more than ",
                                                     owner_.command_.report_bytes_per_second_max,
                                                     " bytes in a second"));
  }
  return absl::OkStatus();
}

absl::Status WorkerProcess::Child::WriteChannel() {
  const ssize_t put = send(process_.channel(), outgoing_.data(), outgoing_.size(), MSG_NOSIGNAL);
  if (put > 0) {
    outgoing_.erase(0, static_cast<std::size_t>(put));
  } else if (put < 0 && errno != EAGAIN && errno != EINTR) {
    outgoing_.clear();  // It closed its end; what it read last is said by ReadChannel().
  }
  return absl::OkStatus();
}

void WorkerProcess::Child::ReadOutput() {
  std::array<char, kReadBytes> bytes;
  const ssize_t got = read(process_.output(), bytes.data(), bytes.size());
  if (got > 0) {
    log_.Append({bytes.data(), static_cast<std::size_t>(got)});
  } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
    output_open_ = false;
  }
}

absl::Status WorkerProcess::Child::CheckMemory() {
  const absl::Duration now = owner_.clock_.Awake();
  if (!working_ || now < memory_check_at_) {
    return absl::OkStatus();
  }
  memory_check_at_ = now + owner_.command_.memory_check_interval;
  const absl::StatusOr<std::int64_t> resident = ResidentBytes(process_.pid());
  if (resident.ok() && *resident > owner_.command_.memory_bytes_max) {
    return absl::ResourceExhaustedError(absl::StrCat("it uses ",
                                                     *resident,
                                                     " bytes of memory; the limit is ",
                                                     owner_.command_.memory_bytes_max));
  }
  return absl::OkStatus();
}

std::string WorkerProcess::Child::Bury(const absl::Status& end) {
  process_.Kill();
  if (const absl::Status status = cgroup_ == nullptr ? absl::OkStatus() : cgroup_->Kill();
      !status.ok()) {
    SPDLOG_ERROR("worker's group not killed slot={} error=\"{}\"", owner_.slot_, status.ToString());
  }
  const absl::StatusOr<ExitStatus> exit = process_.Wait(absl::InfiniteDuration());
  // One pipe's worth at most: a grandchild that fled could write for ever.
  ReadOutput();
  log_.Finish();
  std::string message =
      ended_by_itself_ && exit.ok() ? exit->ToString() : absl::StrCat("killed: ", end.message());
  if (cgroup_ != nullptr && cgroup_->OutOfMemoryKills() > oom_kills_before_) {
    absl::StrAppend(&message, ", for it used more memory than worker.memory_max");
  }
  if (!said_hello_ && !absl::IsInvalidArgument(end)) {
    absl::StrAppend(&message, ", before it said Hello");
  }
  if (ended_by_itself_ && !log_.last().empty()) {
    absl::StrAppend(&message, "; its last words: ", log_.last());
  }
  return message;
}

WorkerProcess::WorkerProcess(int slot,
                             WorkerCommand command,
                             WorkFolders& folders,
                             const WorkerCgroups& cgroups,
                             Clock& clock,
                             std::function<void(Event)> post)
    : slot_(slot),
      folders_(folders),
      cgroups_(cgroups),
      clock_(clock),
      post_(std::move(post)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      command_(std::move(command)) {
  CHECK(wake_.valid());
  thread_ = std::thread([this] { Supervise(); });
}

WorkerProcess::~WorkerProcess() {
  {
    MutexLock lock(mutex_);
    wishes_.stop = true;
  }
  Wake();
  thread_.join();
}

// A wish left over from the worker before is void.
void WorkerProcess::Start() {
  {
    MutexLock lock(mutex_);
    wishes_.start = true;
    wishes_.kill.reset();
    wishes_.order.reset();
  }
  Wake();
}

void WorkerProcess::SetCommand(WorkerCommand command) {
  MutexLock lock(mutex_);
  wishes_.command = std::move(command);
}

void WorkerProcess::Render(RenderOrder order) {
  {
    MutexLock lock(mutex_);
    wishes_.order = std::move(order);
  }
  Wake();
}

void WorkerProcess::Kill(std::string why) {
  {
    MutexLock lock(mutex_);
    wishes_.kill = std::move(why);
  }
  Wake();
}

void WorkerProcess::Wake() {
  const std::uint64_t one = 1;
  (void)!write(wake_.get(), &one, sizeof(one));  // Fails only when it is about to wake anyway.
}

void WorkerProcess::Supervise() {
  while (AwaitStart()) {
    std::string message = Live();
    SPDLOG_INFO("worker gone slot={} cause=\"{}\"", slot_, message);
    post_(WorkerGone{slot_, std::move(message)});
  }
}

// False: never again.
bool WorkerProcess::AwaitStart() {
  while (true) {
    {
      MutexLock lock(mutex_);
      if (wishes_.stop) {
        return false;
      }
      if (std::exchange(wishes_.start, false)) {
        if (wishes_.command.has_value()) {
          command_ = *std::exchange(wishes_.command, std::nullopt);
        }
        return true;
      }
    }
    pollfd wake = {wake_.get(), POLLIN, 0};
    if (poll(&wake, 1, -1) > 0) {
      std::uint64_t wakes = 0;
      (void)!read(wake_.get(), &wakes, sizeof(wakes));
    }
  }
}

// From start to grave. Returns what it died of.
std::string WorkerProcess::Live() {
  absl::StatusOr<std::unique_ptr<WorkerCgroup>> cgroup = cgroups_.Create(
      slot_, {.memory_bytes_max = command_.memory_bytes_max, .tasks_max = command_.tasks_max});
  absl::StatusOr<Subprocess> process =
      cgroup.ok() ? StartProcess(cgroup->get()) : absl::StatusOr<Subprocess>(cgroup.status());
  if (!process.ok()) {
    return absl::StrCat("could not be started: ", process.status().message());
  }
  SPDLOG_INFO("worker started slot={} pid={}", slot_, process->pid());
  std::string message;
  {
    Child child(*std::move(process), *std::move(cgroup), *this);
    message = child.Bury(Serve(child));
  }
  folders_.Clear(slot_);
  return message;
}

absl::StatusOr<Subprocess> WorkerProcess::StartProcess(WorkerCgroup* cgroup) {
  ASSIGN_OR_RETURN(const fs::path folder, folders_.OpenSlot(slot_));
  ASSIGN_OR_RETURN(Subprocess process,
                   Subprocess::Start({.argv = WorkerArgv(command_, folder),
                                      .environment = command_.environment,
                                      .with_output = true}));
  if (cgroup != nullptr) {
    RETURN_IF_ERROR(cgroup->Add(process.pid()));
  }
  return process;
}

// Never OK: the reason for which the worker ends.
absl::Status WorkerProcess::Serve(Child& child) {
  ASSIGN_OR_RETURN(rendernode::Hello hello, child.AwaitHello());
  post_(WorkerReady{slot_, std::move(hello)});
  while (true) {
    ASSIGN_OR_RETURN(const RenderOrder order, child.AwaitOrder());
    RETURN_IF_ERROR(RenderOne(order, child));
  }
}

absl::Status WorkerProcess::RenderOne(const RenderOrder& order, Child& child) {
  absl::StatusOr<fs::path> created = folders_.Create(slot_, order.key);
  if (IsDiskFull(created.status())) {  // No fault of the worker's: it crashed on nothing.
    rendernode::Done full;
    full.set_item_id(order.key.item_id);
    full.set_fence(order.key.fence);
    *full.mutable_result() = FailedResult(created.status());
    post_(WorkerDone{slot_, std::move(full)});
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const fs::path folder, std::move(created));
  child.Send(ToProto(order, folder));
  ASSIGN_OR_RETURN(rendernode::Done done, child.AwaitDone(order.key));
  if (done.result().outcome() == rendernode::SUCCEEDED) {
    // Out of the worker's reach first: what is checked then stays as it is.
    RETURN_IF_ERROR(folders_.Finish(slot_, order.key));
    ASSIGN_OR_RETURN(*done.mutable_result(),
                     CheckArtifacts(std::move(*done.mutable_result()),
                                    folder,
                                    folders_.PathOf(order.key),
                                    command_.artifacts_max));
  } else {
    folders_.Clear(slot_);
  }
  post_(WorkerDone{slot_, std::move(done)});
  return absl::OkStatus();
}

}  // namespace rn
