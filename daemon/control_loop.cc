#include "daemon/control_loop.h"

#include <spdlog/spdlog.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <random>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/certificate.h"
#include "base/file.h"
#include "base/log.h"
#include "base/status.h"
#include "daemon/config_reload.h"
#include "daemon/item_log.h"

namespace rn {
namespace {

constexpr absl::Duration kDiskCheckSpacing = absl::Seconds(1);
constexpr absl::Duration kAnswerTimeout = absl::Seconds(5);
// Timers stand still in suspend, leases do not: on waking nobody waits for the rest of a long one.
constexpr absl::Duration kLookInterval = absl::Seconds(5);
constexpr std::size_t kJournalWritesMax = 4096;  // Waiting for the disk.
constexpr char kBootIdFile[] = "/proc/sys/kernel/random/boot_id";
constexpr std::int64_t kBootIdBytesMax = 100;

absl::Status TooManyWrites() {
  return absl::ResourceExhaustedError(
      absl::StrCat("the disk is too slow: ", kJournalWritesMax, " writes are waiting for it"));
}

RandomSource Jitter() {
  return [engine = std::mt19937_64(std::random_device()())]() mutable {
    return std::uniform_real_distribution<double>(0, 1)(engine);
  };
}

absl::StatusOr<double> BytesFreeOn(const std::filesystem::path& folder) {
  struct statvfs room {};
  if (statvfs(folder.c_str(), &room) != 0) {
    return ErrnoStatus(errno, folder.string());
  }
  return static_cast<double>(room.f_bavail) * static_cast<double>(room.f_frsize);
}

// The message is the same as long as the trouble is: the coordinator hears of every change.
absl::Status RoomOn(const std::filesystem::path& folder, std::int64_t bytes_min) {
  ASSIGN_OR_RETURN(const double free, BytesFreeOn(folder));
  if (free < static_cast<double>(bytes_min)) {
    return absl::ResourceExhaustedError(absl::StrCat("disk of ",
                                                     folder.string(),
                                                     " has less than folders.disk_free_min = ",
                                                     bytes_min,
                                                     " bytes free"));
  }
  return absl::OkStatus();
}

}  // namespace

ControlLoop::ControlLoop(const DaemonConfig& config, Clock& clock)
    : clock_(clock),
      messages_(static_cast<std::size_t>(config.events_max)),
      config_(config),
      metrics_(clock) {}

absl::StatusOr<std::unique_ptr<ControlLoop>> ControlLoop::Create(const DaemonConfig& config,
                                                                 const std::string& version,
                                                                 Clock& clock) {
  auto loop = std::unique_ptr<ControlLoop>(new ControlLoop(config, clock));
  RETURN_IF_ERROR(loop->Open(version));
  return loop;
}

ControlLoop::~ControlLoop() {
  messages_.Close();
  if (lease_client_ != nullptr) {
    lease_client_->Stop();  // A fetch may be waiting for a job spec.
  }
}

// The journal's lock comes first: what follows must not disturb another daemon's work.
absl::Status ControlLoop::Open(const std::string& version) {
  const auto post = [this](Event event) { Post(std::move(event)); };
  ASSIGN_OR_RETURN(std::vector<JournalledLease> journalled, OpenJournal(version));
  std::set<LeaseKey> results;
  for (const JournalledLease& lease : journalled) {
    NoteForLog(lease.lease);
    if (lease.result.has_value() && !lease.uploaded) {
      results.insert(LeaseKey::Of(lease.lease.ref()));
    }
  }
  ASSIGN_OR_RETURN(work_folders_, WorkFolders::Open(config_.work_folder, results));
  ASSIGN_OR_RETURN(worker_cgroups_, WorkerCgroups::Open(config_.worker.cgroup));
  SPDLOG_INFO("workers' control groups groups=\"{}\"", worker_cgroups_->summary());
  ASSIGN_OR_RETURN(lease_client_, LeaseClient::Create(config_.lease, clock_, post));
  ASSIGN_OR_RETURN(
      fetcher_,
      ItemFetcher::Create(
          config_.fetch,
          [this](const std::string& digest) { return lease_client_->GetJobSpec(digest); },
          clock_,
          post));
  ASSIGN_OR_RETURN(store_, OpenStore());
  ASSIGN_OR_RETURN(store_keeper_,
                   StoreKeeper::Create(config_.store_keeper, *store_, clock_, Jitter(), post));
  uploader_ = std::make_unique<Uploader>(config_.upload, *store_, post);
  StartSupervisors();
  node_ = std::make_unique<Node>(config_.node, identity_, std::move(journalled), clock_, Jitter());
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<ObjectStore>> ControlLoop::OpenStore() const {
  if (config_.s3_store.has_value()) {
    return S3ObjectStore::Open(*config_.s3_store, clock_);
  }
  return FileObjectStore::Open(config_.store);
}

// One for each slot there ever was: a slot that is given up keeps its thread, which waits.
void ControlLoop::StartSupervisors() {
  while (static_cast<std::int64_t>(workers_.size()) < config_.node.workers.slots) {
    workers_.push_back(
        std::make_unique<WorkerProcess>(static_cast<int>(workers_.size()),
                                        config_.worker,
                                        *work_folders_,
                                        *worker_cgroups_,
                                        clock_,
                                        [this](Event event) { Post(std::move(event)); }));
  }
}

// A damaged journal costs the results that it held and no more: the coordinator sees another
// journal's id, and leases what we no longer know to somebody else.
absl::StatusOr<std::vector<JournalledLease>> ControlLoop::OpenJournal(const std::string& version) {
  RETURN_IF_ERROR(CreateDirectories(config_.state_folder));
  ASSIGN_OR_RETURN(const std::string boot_id_line, ReadFile(kBootIdFile, kBootIdBytesMax));
  const std::string boot_id(absl::StripSuffix(boot_id_line, "\n"));
  const std::filesystem::path path = config_.state_folder / "journal.sqlite";
  std::unique_ptr<Journal> journal;
  std::vector<JournalledLease> journalled;
  const auto open = [&]() -> absl::Status {
    ASSIGN_OR_RETURN(journal, Journal::Open(path, clock_, boot_id));
    ASSIGN_OR_RETURN(journalled, journal->Load());
    return absl::OkStatus();
  };
  absl::Status status = open();
  if (absl::IsDataLoss(status)) {
    journal.reset();
    ASSIGN_OR_RETURN(const std::filesystem::path aside, Journal::SetAside(path, clock_.Now()));
    warnings_.push_back(absl::StrCat("the journal was damaged and is now ",
                                     aside.string(),
                                     "; what it held is lost here and will be rendered again: ",
                                     status.message()));
    SPDLOG_ERROR("journal set aside path={} error=\"{}\"", aside.string(), status.ToString());
    status = open();
  }
  if (absl::IsUnavailable(status)) {
    return Annotate(status, "another rendernoded runs on the same folders.state");
  }
  RETURN_IF_ERROR(status);
  ASSIGN_OR_RETURN(const std::uint64_t incarnation, journal->RaiseIncarnation());
  identity_ = {.node_id = config_.node_id,
               .boot_id = boot_id,
               .incarnation = incarnation,
               .version = version,
               .journal_id = journal->id()};
  SPDLOG_INFO("journal opened journal={} incarnation={} leases={}",
              journal->id(),
              incarnation,
              journalled.size());
  journal_ = std::make_unique<JournalWriter>(
      std::move(journal), kJournalWritesMax, [this](Event event) { Post(std::move(event)); });
  return journalled;
}

void ControlLoop::Run() {
  Handle(Tick{});
  Handle(StoreChecked{absl::UnavailableError("has not answered yet")});
  service_manager_.Ready();
  Beat();
  while (!exited_) {
    std::optional<Message> message = NextMessage();
    if (!message.has_value()) {
      Handle(Tick{});
    } else if (const auto* question = std::get_if<Question>(&*message)) {
      (*question)();
    } else if (auto* next = std::get_if<NextConfig>(&*message)) {
      Handle(std::move(*next));
    } else {
      Handle(std::get<Event>(*message));
    }
    if (clock_.SinceBoot() >= beat_at_) {
      Beat();
    }
  }
  service_manager_.Stopping();
  messages_.Close();
  while (const std::optional<Message> rest = messages_.Pop()) {
    if (const auto* question = std::get_if<Question>(&*rest)) {
      (*question)();
    }
  }
}

// Nothing: it is time to look at the clock.
std::optional<ControlLoop::Message> ControlLoop::NextMessage() {
  if (!own_.empty()) {
    Message message = std::move(own_.front());
    own_.pop_front();
    return message;
  }
  const absl::Duration until = std::min(node_->WakeAt(), beat_at_);
  return messages_.PopFor(
      std::clamp(until - clock_.SinceBoot(), absl::ZeroDuration(), kLookInterval));
}

void ControlLoop::Handle(const Event& event) {
  metrics_.Saw(event);
  for (Command& command : node_->Handle(event)) {
    metrics_.Asked(command);
    NoteForLog(command);
    std::visit([this](auto& what) { Do(std::move(what)); }, command);
  }
  if (clock_.SinceBoot() >= disks_checked_at_ + kDiskCheckSpacing) {
    CheckDisks();
  }
}

void ControlLoop::Reload(absl::StatusOr<DaemonConfig> next) {
  messages_.Push(NextConfig{std::move(next)});
}

void ControlLoop::Handle(NextConfig next) {
  service_manager_.Reloading(clock_.Awake());
  const absl::Status status = Apply(next.config);
  reload_error_ = std::string(status.message());
  if (status.ok()) {
    SPDLOG_INFO("configuration reloaded");
  } else {
    SPDLOG_ERROR("configuration not reloaded error=\"{}\"", reload_error_);
  }
  service_manager_.Ready();
  Handle(Tick{});
}

// What may fail comes first.
absl::Status ControlLoop::Apply(const absl::StatusOr<DaemonConfig>& next) {
  RETURN_IF_ERROR(next.status());
  RETURN_IF_ERROR(CheckReloadable(config_, *next));
  RETURN_IF_ERROR(fetcher_->SetLimits(next->fetch.limits, next->worker));
  config_ = *next;
  SetLogLevel(config_.log_level);
  lease_client_->SetRpcTimeout(config_.lease.rpc_timeout);
  for (const auto& worker : workers_) {
    worker->SetCommand(config_.worker);
  }
  StartSupervisors();
  node_->SetLimits(config_.node);
  CheckDisks();
  return absl::OkStatus();
}

void ControlLoop::CheckDisks() {
  disks_checked_at_ = clock_.SinceBoot();
  Handle(DiskChecked{DiskRoom()});
}

absl::Status ControlLoop::DiskRoom() const {
  RETURN_IF_ERROR(RoomOn(config_.work_folder, config_.disk_free_bytes_min));
  return RoomOn(config_.state_folder, config_.disk_free_bytes_min);
}

void ControlLoop::Beat() {
  beat_at_ = clock_.SinceBoot() + service_manager_.interval();
  service_manager_.Beat(Compose());
}

void ControlLoop::Post(Event event) {
  messages_.Push(std::move(event));
}

template <typename Value>
absl::StatusOr<Value> ControlLoop::Ask(std::function<absl::StatusOr<Value>()> answer) {
  const auto answered = std::make_shared<BoundedQueue<absl::StatusOr<Value>>>(/*capacity=*/1);
  if (!messages_.Push(Question([=] { answered->TryPush(answer()); }))) {
    return absl::UnavailableError("the node is shutting down");
  }
  std::optional<absl::StatusOr<Value>> value = answered->PopFor(kAnswerTimeout);
  if (!value.has_value()) {
    return messages_.closed()
               ? absl::UnavailableError("the node is shutting down")
               : absl::DeadlineExceededError("the node's control thread does not answer");
  }
  return *std::move(value);
}

absl::StatusOr<rendernode::NodeStatus> ControlLoop::Status() {
  return Ask<rendernode::NodeStatus>([this] { return Compose(); });
}

absl::StatusOr<std::map<std::string, std::string>> ControlLoop::ConfigValues() {
  return Ask<std::map<std::string, std::string>>([this] { return config_.values; });
}

absl::StatusOr<rendernode::CollectGarbageResponse> ControlLoop::CollectGarbage() {
  ASSIGN_OR_RETURN(auto response,
                   Ask<rendernode::CollectGarbageResponse>([this] { return TidyWorkFolders(); }));
  ASSIGN_OR_RETURN(const std::int64_t bytes, fetcher_->Purge());
  SPDLOG_INFO(
      "garbage collected cache_bytes={} work_folders={}", bytes, response.work_folders_removed());
  response.set_cache_bytes_freed(static_cast<std::uint64_t>(bytes));
  return response;
}

absl::StatusOr<rendernode::CollectGarbageResponse> ControlLoop::TidyWorkFolders() {
  const rendernode::NodeStatus status = node_->Status();
  std::set<LeaseKey> held;
  for (const rendernode::HeldItem& item : status.items()) {
    held.insert({item.item_id(), item.fence()});
  }
  ASSIGN_OR_RETURN(const int folders, work_folders_->DiscardAllBut(held));
  rendernode::CollectGarbageResponse response;
  response.set_work_folders_removed(static_cast<std::uint32_t>(folders));
  return response;
}

rendernode::NodeStatus ControlLoop::Compose() const {
  rendernode::NodeStatus status = node_->Status();
  status.set_cache_bytes(static_cast<std::uint64_t>(fetcher_->bytes()));
  status.set_worker_cgroups(worker_cgroups_->summary());
  status.set_cache_max_bytes(static_cast<std::uint64_t>(fetcher_->bytes_max()));
  status.set_reload_error(reload_error_);
  *status.mutable_warnings() = {warnings_.begin(), warnings_.end()};
  status.set_coordinator(config_.lease.coordinator);
  status.set_store(config_.s3_store.has_value() ? absl::StrCat("s3://", config_.s3_store->bucket)
                                                : config_.store.root.string());
  status.set_events_waiting(static_cast<std::uint32_t>(messages_.size()));
  status.set_disk_free_bytes(
      static_cast<std::uint64_t>(BytesFreeOn(config_.work_folder).value_or(0)));
  status.set_disk_free_min_bytes(static_cast<std::uint64_t>(config_.disk_free_bytes_min));
  if (!config_.lease.security.cert_file.empty()) {
    const auto certificate = ReadCertificate(config_.lease.security.cert_file);
    status.set_certificate_expires_s(certificate.ok() ? absl::ToUnixSeconds(certificate->not_after)
                                                      : 0);
  }
  for (rendernode::SlotStatus& slot : *status.mutable_slots()) {
    if (slot.worker_pid() != 0) {
      const absl::StatusOr<std::int64_t> bytes =
          ResidentBytes(static_cast<pid_t>(slot.worker_pid()));
      slot.set_rss_bytes(static_cast<std::uint64_t>(bytes.value_or(0)));
    }
  }
  return status;
}

void ControlLoop::Do(JournalLeases command) {
  LeasesJournalled refused{.status = TooManyWrites()};
  for (const rendernode::Lease& lease : command.leases) {
    refused.keys.push_back(LeaseKey::Of(lease.ref()));
  }
  if (!journal_->Do(std::move(command))) {
    own_.push_back(std::move(refused));
  }
}

// One that is not counted is one try more.
void ControlLoop::Do(JournalStart command) {
  if (!journal_->Do(std::move(command))) {
    SPDLOG_WARN("start not counted error=\"{}\"", TooManyWrites().ToString());
  }
}

void ControlLoop::Do(JournalResult command) {
  ResultJournalled refused{command.key, TooManyWrites()};
  if (!journal_->Do(std::move(command))) {
    own_.push_back(std::move(refused));
  }
}

// One that is remembered too long is committed again after a restart, and found a duplicate.
void ControlLoop::Do(JournalForget command) {
  if (!journal_->Do(std::move(command))) {
    SPDLOG_WARN("lease not forgotten error=\"{}\"", TooManyWrites().ToString());
  }
}

// The Node waits for the worker's end or its report: without an order, its end it is.
void ControlLoop::Do(const RenderItem& command) {
  const LeaseKey key = LeaseKey::Of(command.lease.ref());
  absl::StatusOr<PreparedItem> prepared = fetcher_->Prepared(key);
  if (!prepared.ok()) {
    return WorkerAt(command.slot)
        .Kill(absl::StrCat("the item's files are gone: ", prepared.status().message()));
  }
  WorkerAt(command.slot)
      .Render({.key = key,
               .item = command.lease.item(),
               .job_spec = std::move(prepared->job_spec),
               .asset_paths = std::move(prepared->asset_paths),
               .speech_paths = std::move(prepared->speech_paths)});
}

void ControlLoop::Do(const Discard& command) {
  fetcher_->Do(command);
  uploader_->Do(command);
  work_folders_->Discard(command.key);
}

}  // namespace rn
