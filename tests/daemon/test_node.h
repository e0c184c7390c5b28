// A node in a folder of its own: its configuration, its coordinator, and what is left of it on
// disk. The tests decide whether it runs in this process or as the real program.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "base/file.h"
#include "daemon/journal.h"
#include "daemon/work_folders.h"
#include "tests/daemon/fake_coordinator.h"

namespace rn {

constexpr absl::Duration kPatience = absl::Seconds(60);  // Ends a test that would hang.

// A zombie does nothing any more; in a container it may wait long for somebody to reap it.
inline bool IsRunning(pid_t pid) {
  std::ifstream stat(absl::StrCat("/proc/", pid, "/stat"));
  std::string word;
  stat >> word >> word >> word;
  return pid > 0 && !word.empty() && word != "Z";
}

// True once the process no longer runs; false when `kPatience` was not enough.
inline bool AwaitEnd(pid_t pid) {
  for (absl::Duration waited; waited < kPatience; waited += absl::Milliseconds(2)) {
    if (!IsRunning(pid)) {
      return true;
    }
    usleep(2000);
  }
  return false;
}

class TestNode {
 public:
  explicit TestNode(const std::string& worker = "ok")
      : dir_(*TempDir::Create("node")), coordinator_(std::make_unique<FakeCoordinator>(Address())) {
    config_text_ =
        absl::StrReplaceAll(R"(
node_id = "n1"
[folders]
state = "ROOT/state"
work = "ROOT/work"
cache = "ROOT/cache"
disk_free_min = 0
[admin]
socket = "ROOT/admin.sock"
[coordinator]
address = "unix:ROOT/node.sock"
[store]
root = "ROOT/store"
[node]
slots = 1
drain_timeout = "40s"
[worker]
command = ["BIN/worker-WORKER"]
)",
                            {{"ROOT", root().string()}, {"BIN", RN_BIN_DIR}, {"WORKER", worker}});
  }

  std::filesystem::path root() const { return dir_.path(); }
  std::string Address() const { return "unix:" + (root() / "node.sock").string(); }
  std::string AdminAddress() const { return "unix:" + (root() / "admin.sock").string(); }
  const std::string& config_text() const { return config_text_; }
  FakeCoordinator& coordinator() { return *coordinator_; }

  // A lease of an item without assets.
  rendernode::Lease NewLease(const std::string& item, std::uint64_t fence = 1) {
    rendernode::JobSpec spec;
    spec.set_job_id("job");
    rendernode::Lease lease;
    lease.mutable_ref()->set_item_id(item);
    lease.mutable_ref()->set_fence(fence);
    lease.set_job_id("job");
    lease.set_job_spec_digest(coordinator_->AddSpec(spec.SerializeAsString()));
    lease.set_output_prefix(absl::StrCat("bucket/job/", item, "/", fence, "/"));
    return lease;
  }

  // What the node would find if it started now: it must not be running.
  std::vector<JournalledLease> Journalled() const {
    auto journal = OpenJournal();
    return journal->Load().value();
  }

  // As a node leaves it that dies after its worker is done: the file in the work folder, the result
  // in the journal.
  void LeaveFinishedResult(const rendernode::Lease& lease, const std::string& video) {
    const LeaseKey key = LeaseKey::Of(lease.ref());
    const auto folders = *WorkFolders::Open(root() / "work", {});
    (void)folders->OpenSlot(0);
    (void)folders->Create(0, key);
    EXPECT_TRUE(folders->Finish(0, key).ok());
    const std::filesystem::path path = folders->PathOf(key) / "video.mp4";
    std::ofstream(path) << video;
    rendernode::ItemResult result;
    result.set_outcome(rendernode::SUCCEEDED);
    rendernode::Artifact& artifact = *result.add_artifacts();
    artifact.set_type(rendernode::Artifact::VIDEO);
    artifact.set_path(path.string());
    artifact.set_bytes(video.size());
    artifact.set_sha256(Sha256(video));
    artifact.set_content_type("video/mp4");
    EXPECT_TRUE(CreateDirectories(root() / "state").ok());
    const auto journal = OpenJournal();
    EXPECT_TRUE(journal->PutLeases({lease}).ok());
    EXPECT_TRUE(journal->PutResult(key, result, /*uploaded=*/false).ok());
  }

  // The work folders of leases, finished or in a slot.
  std::size_t WorkFoldersLeft() const {
    const auto in = [](const std::filesystem::path& folder) {
      return std::distance(std::filesystem::directory_iterator(folder), {});
    };
    std::ptrdiff_t left = 0;
    for (const auto& entry : std::filesystem::directory_iterator(root() / "work")) {
      const std::string name = entry.path().filename().string();
      left += name == ".trash" ? 0 : absl::StartsWith(name, ".slot-") ? in(entry.path()) : 1;
    }
    return static_cast<std::size_t>(left);
  }

 private:
  std::unique_ptr<Journal> OpenJournal() const {
    auto journal = Journal::Open(root() / "state" / "journal.sqlite", Clock::System(), "boot");
    EXPECT_TRUE(journal.ok()) << journal.status();
    return *std::move(journal);
  }

  TempDir dir_;
  std::unique_ptr<FakeCoordinator> coordinator_;
  std::string config_text_;
};

}  // namespace rn
