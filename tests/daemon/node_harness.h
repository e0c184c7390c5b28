// A Node under a clock of our own. Each command reads as a line: "fetch a/1", "sync want=3 …".
#pragma once

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/disk_full.h"
#include "daemon/node.h"
#include "proto/item_error.h"
#include "tests/fakes/fake_clock.h"

namespace rn {
using rendernode::CommitItemResponse;
using rendernode::ItemResult;

inline std::string Name(const rendernode::LeaseRef& ref) {
  return absl::StrCat(ref.item_id(), "/", ref.fence());
}

inline std::string Name(const LeaseKey& key) {
  return absl::StrCat(key.item_id, "/", key.fence);
}

inline std::string Name(const ItemResult& result) {
  return result.outcome() == rendernode::SUCCEEDED || result.outcome() == rendernode::INTERRUPTED
             ? rendernode::Outcome_Name(result.outcome())
             : ItemErrorName(result.error_code());
}

// A command as the line a test compares.
struct Line {
  std::string operator()(const OpenSession& open) const {
    std::string line = "open";
    for (const auto& held : open.request.held()) {
      absl::StrAppend(&line, " ", Name(held.ref()), held.has_uncommitted() ? "=done" : "");
    }
    return line;
  }
  std::string operator()(const Sync& sync) const {
    std::string line = absl::StrCat("sync want=", sync.request.want());
    for (const auto& held : sync.request.held()) {
      absl::StrAppend(&line, " ", Name(held.ref()));
    }
    for (const auto& ref : sync.request.released()) {
      absl::StrAppend(&line, " -", Name(ref));
    }
    if (sync.request.state() != rendernode::READY) {
      absl::StrAppend(&line, " ", rendernode::NodeState_Name(sync.request.state()));
    }
    return line;
  }
  std::string operator()(const CutSync&) const { return "cut"; }
  std::string operator()(const CloseSession&) const { return "close"; }
  std::string operator()(const Commit& commit) const {
    return absl::StrCat("commit ", Name(commit.request.ref()), " ", Name(commit.request.result()));
  }
  std::string operator()(const JournalLeases& journal) const {
    return absl::StrCat("journal ",
                        absl::StrJoin(journal.leases, " ", [](std::string* out, const auto& lease) {
                          out->append(Name(lease.ref()));
                        }));
  }
  std::string operator()(const JournalStart&) const { return ""; }  // Seen in `started_`.
  std::string operator()(const JournalResult& journal) const {
    return absl::StrCat("journal ",
                        Name(journal.key),
                        journal.uploaded ? " result " : " output ",
                        Name(journal.result));
  }
  std::string operator()(const JournalForget& forget) const {
    return absl::StrCat("forget ", Name(forget.keys.at(0)));
  }
  std::string operator()(const FetchItem& fetch) const {
    return absl::StrCat("fetch ", Name(fetch.lease.ref()));
  }
  std::string operator()(const RenderItem& render) const {
    return absl::StrCat("render ", Name(render.lease.ref()), " in ", render.slot);
  }
  std::string operator()(const UploadItem& upload) const {
    return absl::StrCat("upload ", Name(upload.lease.ref()));
  }
  std::string operator()(const Discard& discard) const {
    return absl::StrCat("discard ", Name(discard.key));
  }
  std::string operator()(const RemoveAttempt& remove) const {
    return absl::StrCat("remove ", remove.prefix);
  }
  std::string operator()(const StartWorker& start) const {
    return absl::StrCat("start ", start.slot);
  }
  std::string operator()(const KillWorker& kill) const { return absl::StrCat("kill ", kill.slot); }
  std::string operator()(const Exit&) const { return "exit"; }
};

inline NodeLimits LimitsForTests() {
  NodeLimits limits;
  limits.workers.slots = 1;
  limits.workers.items_per_worker = 3;
  limits.prefetch = 1;
  limits.drain_timeout = absl::Seconds(60);
  return limits;
}

inline ItemResult Success() {
  ItemResult result;
  result.set_outcome(rendernode::SUCCEEDED);
  result.add_artifacts()->set_path("/work/video.mp4");
  return result;
}

inline ItemResult Failure(rendernode::ItemErrorCode code) {
  ItemResult result;
  result.set_outcome(rendernode::FAILED);
  result.set_error_code(code);
  return result;
}

class NodeTest : public ::testing::Test {
 protected:
  using Lines = std::vector<std::string>;

  void Create(std::vector<JournalledLease> journalled = {}) {
    node_ = std::make_unique<Node>(
        limits_, NodeIdentity{"node", "boot", 1, "test"}, std::move(journalled), clock_, [] {
          return 0.0;
        });
  }

  Lines Say(const Event& event) {
    Lines lines;
    for (const Command& command : node_->Handle(event)) {
      if (std::string line = std::visit(Line(), command); !line.empty()) {
        lines.push_back(std::move(line));
      }
      if (const auto* start = std::get_if<JournalStart>(&command)) {
        started_.push_back(Name(start->key));
      }
      if (const auto* sync = std::get_if<Sync>(&command)) {
        last_sync_ = sync->request;
        sync_sent_at_ = clock_.SinceBoot();
      }
      if (const auto* commit = std::get_if<Commit>(&command)) {
        last_result_ = commit->request.result();
      }
      if (const auto* open = std::get_if<OpenSession>(&command)) {
        last_open_ = open->request;
      }
    }
    return lines;
  }

  Lines After(absl::Duration passed) {
    clock_.Advance(passed);
    return Say(Tick{});
  }

  // Up to the first Sync: worker up, session open.
  void Connect(const rendernode::OpenSessionResponse& response = Opened()) {
    Say(Tick{});
    for (int slot = 0; slot < limits_.workers.slots; ++slot) {
      Say(Ready(slot));
    }
    Say(SessionOpened{response, clock_.SinceBoot()});
  }

  static rendernode::OpenSessionResponse Opened() {
    rendernode::OpenSessionResponse response;
    response.set_session("s1");
    response.mutable_timing()->set_sync_ms(5000);
    response.mutable_timing()->set_lease_ttl_ms(30000);
    return response;
  }

  static WorkerReady Ready(int slot) {
    WorkerReady ready{.slot = slot};
    ready.hello.set_encoder("libx264");
    return ready;
  }

  static rendernode::Lease LeaseOf(const std::string& item, std::uint64_t fence = 1) {
    rendernode::Lease lease;
    lease.mutable_ref()->set_item_id(item);
    lease.mutable_ref()->set_fence(fence);
    return lease;
  }

  // The coordinator's reply to the Sync under way: everything held is renewed.
  SyncAnswered Reply(const std::vector<rendernode::Lease>& grants = {},
                     const std::vector<LeaseKey>& cancel = {}) const {
    SyncAnswered answer{.sent_at = sync_sent_at_};
    for (const auto& held : last_sync_.held()) {
      *answer.response.add_renewed() = held.ref();
    }
    for (const auto& lease : grants) {
      *answer.response.add_grant() = lease;
    }
    for (const LeaseKey& key : cancel) {
      *answer.response.add_cancel() = key.ToProto();
    }
    return answer;
  }

  static WorkerDone Done(const LeaseKey& key, const ItemResult& result, int slot = 0) {
    WorkerDone done{.slot = slot};
    done.done.set_item_id(key.item_id);
    done.done.set_fence(key.fence);
    *done.done.mutable_result() = result;
    return done;
  }

  static WorkerProgressed Progress(const LeaseKey& key, std::uint32_t frames) {
    WorkerProgressed progressed;
    progressed.progress.set_item_id(key.item_id);
    progressed.progress.set_fence(key.fence);
    progressed.progress.set_phase(rendernode::RENDERING);
    progressed.progress.set_frames_done(frames);
    progressed.progress.set_frames_total(100);
    return progressed;
  }

  static LeasesJournalled Journalled(const std::vector<LeaseKey>& keys) {
    return {keys, absl::OkStatus()};
  }
  static ResultJournalled Journalled(const LeaseKey& key) { return {key, absl::OkStatus()}; }

  // From a grant to each stage of its way.
  void Grant(const LeaseKey& key) {
    Say(Reply({LeaseOf(key.item_id, key.fence)}));
    Say(Journalled(std::vector<LeaseKey>{key}));
  }
  void GrantAndRender(const LeaseKey& key) {
    Grant(key);
    Say(Fetched{key});
  }
  void FinishRender(const LeaseKey& key) {
    Say(Done(key, Success()));
    Say(Journalled(key));
  }
  void FinishUpload(const LeaseKey& key) {
    Say(Uploaded{key, Success()});
    Say(Journalled(key));
  }

  NodeLimits limits_ = LimitsForTests();
  FakeClock clock_;
  std::unique_ptr<Node> node_;
  rendernode::SyncRequest last_sync_;
  rendernode::OpenSessionRequest last_open_;
  absl::Duration sync_sent_at_;
  ItemResult last_result_;
  Lines started_;  // Work on these began.
};

inline const LeaseKey kA = {"a", 1};
inline const LeaseKey kB = {"b", 1};
inline const LeaseKey kC = {"c", 1};

}  // namespace rn
