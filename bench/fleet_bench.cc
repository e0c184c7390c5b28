// A thousand nodes and one coordinator, the real program: how soon it answers them while they all
// report progress, how fast it hands out and takes back, what it needs for that, and how they come
// back at once after it was killed. The nodes are played here, over real gRPC connections. With
// --store=both all of that with each store, one after the other, and the ratios.
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/bounded_queue.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"
#include "bench/process_memory.h"
#include "bench/program.h"
#include "bench/report.h"
#include "proto/node.grpc.pb.h"
#include "tests/e2e/farm.h"
#include "tests/fakes/postgres_server.h"

ABSL_FLAG(int, nodes, 1000, "nodes of the farm");
ABSL_FLAG(std::string, store, "sqlite", "sqlite, postgres, or both");
ABSL_FLAG(absl::Duration, steady, absl::Seconds(20), "how long all report progress");
ABSL_FLAG(absl::Duration, period, absl::Seconds(1), "between two Syncs of a node then");

namespace rn {
namespace {

constexpr int kNodesPerChannel = 100;  // Within the server's limit of streams.
constexpr std::uint32_t kLeasesPerNode = 4;
constexpr double kSyncTargetMs = 250;
constexpr absl::Duration kPatience = absl::Minutes(2);
constexpr absl::Duration kRetry = absl::Milliseconds(100);

using Stub = rendernode::NodeService::Stub;

absl::Duration Now() {
  return Clock::System().SinceBoot();
}

// A call under way; deletes itself when it is answered.
template <typename Request, typename Response>
struct Call {
  grpc::ClientContext context;
  Request request;
  Response response;
  absl::Duration began = Now();
};

// What a node says, one call at a time. `done` runs on a thread of gRPC's.
class SimulatedNode {
 public:
  using Done = std::function<void(const grpc::Status& status, absl::Duration took)>;

  SimulatedNode(std::shared_ptr<Stub> stub, int index)
      : stub_(std::move(stub)), node_id_(absl::StrCat("fleet-", index)) {}

  void Open(Done done) {
    auto* call = new Call<rendernode::OpenSessionRequest, rendernode::OpenSessionResponse>;
    call->request.set_node_id(node_id_);
    call->request.set_journal_id(node_id_);
    call->request.set_incarnation(1);
    call->request.set_protocol_min(1);
    call->request.set_protocol_max(1);
    for (const rendernode::LeaseRef& ref : held_) {
      *call->request.add_held()->mutable_ref() = ref;
    }
    stub_->async()->OpenSession(&call->context,
                                &call->request,
                                &call->response,
                                [this, call, done = std::move(done)](const grpc::Status& status) {
                                  session_ = call->response.session();
                                  adopted_ = call->response.adopt_size();
                                  seq_ = 0;
                                  Finish(call, status, done);
                                });
  }

  void Sync(std::uint32_t want, bool wait, Done done) {
    auto* call = new Call<rendernode::SyncRequest, rendernode::SyncResponse>;
    call->request.set_session(session_);
    call->request.set_seq(++seq_);
    call->request.set_state(rendernode::READY);
    call->request.set_want(want);
    call->request.set_wait(wait);
    for (const rendernode::LeaseRef& ref : held_) {
      rendernode::HeldLease* held = call->request.add_held();
      *held->mutable_ref() = ref;
      held->set_phase(rendernode::RENDERING);
      held->set_progress_permille(static_cast<std::uint32_t>(seq_ % 1000));
    }
    stub_->async()->Sync(&call->context,
                         &call->request,
                         &call->response,
                         [this, call, done = std::move(done)](const grpc::Status& status) {
                           for (const rendernode::Lease& lease : call->response.grant()) {
                             held_.push_back(lease.ref());
                           }
                           Finish(call, status, done);
                         });
  }

  // The last that it holds.
  void Commit(Done done) {
    auto* call = new Call<rendernode::CommitItemRequest, rendernode::CommitItemResponse>;
    call->request.set_session(session_);
    *call->request.mutable_ref() = held_.back();
    call->request.mutable_result()->set_outcome(rendernode::SUCCEEDED);
    held_.pop_back();
    stub_->async()->CommitItem(
        &call->context,
        &call->request,
        &call->response,
        [call, done = std::move(done)](const grpc::Status& status) { Finish(call, status, done); });
  }

  std::size_t held() const { return held_.size(); }
  int adopted() const { return adopted_; }

 private:
  template <typename AnyCall>
  static void Finish(AnyCall* call, const grpc::Status& status, const Done& done) {
    const absl::Duration took = Now() - call->began;
    delete call;
    done(status, took);
  }

  const std::shared_ptr<Stub> stub_;
  const std::string node_id_;
  std::string session_;
  std::uint64_t seq_ = 0;
  std::vector<rendernode::LeaseRef> held_;
  int adopted_ = 0;
};

class Fleet {
 public:
  static absl::StatusOr<std::unique_ptr<Fleet>> Start(int nodes, const std::string& store_config) {
    ASSIGN_OR_RETURN(auto farm,
                     Farm::Create({.nodes = 0,
                                   .sync_interval = absl::Seconds(5),
                                   .lease_ttl = absl::Seconds(30),
                                   .reassign_grace = absl::Seconds(10),
                                   .coordinator_config = store_config}));
    return std::unique_ptr<Fleet>(new Fleet(std::move(farm), nodes));
  }

  Farm& farm() { return *farm_; }
  std::size_t size() const { return nodes_.size(); }
  std::size_t held() const {  // Leases, by all of them.
    std::size_t held = 0;
    for (const auto& node : nodes_) {
      held += node->held();
    }
    return held;
  }
  SimulatedNode& node(std::size_t index) { return *nodes_[index]; }
  double ResidentMib() { return rn::ResidentMib(farm_->coordinator_process().pid()); }

  using MakeCall = std::function<void(SimulatedNode& node, SimulatedNode::Done done)>;

  // Every node that holds less than `below` makes the call, all at once; again where it was
  // Unavailable. Milliseconds of each.
  absl::StatusOr<std::vector<double>> AllAtOnce(const MakeCall& start,
                                                std::size_t below = SIZE_MAX) {
    std::vector<double> milliseconds;
    std::vector<std::size_t> left;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (nodes_[i]->held() < below) {
        left.push_back(i);
      }
    }
    for (const absl::Duration end = Now() + kPatience; !left.empty();) {
      for (const std::size_t index : left) {
        start(*nodes_[index], [this, index](const grpc::Status& status, absl::Duration took) {
          answers_.Push({index, status, took});
        });
      }
      const std::size_t asked = left.size();
      left.clear();
      for (std::size_t i = 0; i < asked; ++i) {
        const auto answer = answers_.PopFor(kPatience);
        if (!answer.has_value() || Now() > end) {
          return absl::DeadlineExceededError("a node was not answered");
        }
        if (answer->status.ok()) {
          milliseconds.push_back(absl::ToDoubleMilliseconds(answer->took));
        } else if (answer->status.error_code() == grpc::StatusCode::UNAVAILABLE) {
          left.push_back(answer->index);
        } else {
          return absl::InternalError(answer->status.error_message());
        }
      }
      if (!left.empty()) {
        absl::SleepFor(kRetry);
      }
    }
    return milliseconds;
  }

  // Each node makes a Sync each period, whatever became of the others'. Milliseconds of each.
  absl::StatusOr<std::vector<double>> Steady(absl::Duration period, absl::Duration time) {
    std::vector<double> milliseconds;
    std::vector<bool> asking(nodes_.size(), false);
    std::size_t under_way = 0;
    const auto take = [&](absl::Duration wait) -> absl::Status {
      while (const auto answer = answers_.PopFor(wait)) {
        if (!answer->status.ok()) {
          return absl::InternalError(answer->status.error_message());
        }
        asking[answer->index] = false;
        --under_way;
        milliseconds.push_back(absl::ToDoubleMilliseconds(answer->took));
        wait = absl::ZeroDuration();
      }
      return absl::OkStatus();
    };
    const absl::Duration began = Now();
    for (std::int64_t turn = 0;; ++turn) {
      const std::size_t index = static_cast<std::size_t>(turn) % nodes_.size();
      const absl::Duration due = period * turn / static_cast<std::int64_t>(nodes_.size());
      if (due >= time) {
        break;
      }
      while (Now() - began < due) {
        RETURN_IF_ERROR(take(std::max(absl::ZeroDuration(), due - (Now() - began))));
      }
      if (asking[index]) {
        ++skipped_;  // Its answer takes longer than the period.
        continue;
      }
      asking[index] = true;
      ++under_way;
      nodes_[index]->Sync(0, false, [this, index](const grpc::Status& status, absl::Duration took) {
        answers_.Push({index, status, took});
      });
    }
    for (const absl::Duration end = Now() + kPatience; under_way > 0 && Now() < end;) {
      RETURN_IF_ERROR(take(kRetry));
    }
    return milliseconds;
  }
  int skipped() const { return skipped_; }

 private:
  struct Answered {
    std::size_t index;
    grpc::Status status;
    absl::Duration took;
  };

  Fleet(std::unique_ptr<Farm> farm, int nodes)
      : farm_(std::move(farm)), answers_(static_cast<std::size_t>(2 * nodes)) {
    std::shared_ptr<Stub> stub;
    for (int i = 0; i < nodes; ++i) {
      if (i % kNodesPerChannel == 0) {
        grpc::ChannelArguments arguments;
        arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
        arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 500);
        stub = rendernode::NodeService::NewStub(
            grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", farm_->node_port()),
                                      grpc::InsecureChannelCredentials(),
                                      arguments));
      }
      nodes_.push_back(std::make_unique<SimulatedNode>(stub, i));
    }
  }

  const std::unique_ptr<Farm> farm_;
  BoundedQueue<Answered> answers_;
  std::vector<std::unique_ptr<SimulatedNode>> nodes_;
  int skipped_ = 0;
};

// "1000 n.", and which store, if it is not the one that is there by default.
std::string ScenarioName(bool postgres = false) {
  return absl::StrCat(postgres ? "PostgreSQL, " : "", absl::GetFlag(FLAGS_nodes), " n.");
}

void AddPercentiles(std::vector<BenchRow>& rows,
                    const std::string& metric,
                    const std::vector<double>& milliseconds,
                    std::optional<double> target = std::nullopt) {
  rn::AddPercentiles(rows,
                     {.scenario = ScenarioName(), .metric = metric, .unit = "ms", .target = target},
                     milliseconds);
}

void AddOne(std::vector<BenchRow>& rows,
            const std::string& metric,
            double value,
            const std::string& unit) {
  rows.push_back(Summary({.scenario = ScenarioName(), .metric = metric, .unit = unit}, {value}));
}

absl::Status SubmitItems(Fleet& fleet, std::size_t items) {
  fleet.farm().WriteSheet("fleet",
                          std::vector<std::array<std::string, 3>>(
                              items, {"A title", "A short narration.", "speaker.jpg"}));
  return fleet.farm().Submit("fleet", "fleet").status();
}

absl::StatusOr<std::vector<BenchRow>> MeasureOn(const std::string& store_config) {
  ASSIGN_OR_RETURN(const auto fleet, Fleet::Start(absl::GetFlag(FLAGS_nodes), store_config));
  std::vector<BenchRow> rows;
  AddOne(rows, "coordinator RSS, idle", fleet->ResidentMib(), "MiB");
  ASSIGN_OR_RETURN(auto opened, fleet->AllAtOnce([](SimulatedNode& node, auto done) {
    node.Open(std::move(done));
  }));
  AddPercentiles(rows, "OpenSession, all at once", opened);

  const std::size_t items = fleet->size() * kLeasesPerNode;
  RETURN_IF_ERROR(SubmitItems(*fleet, items));
  const absl::Duration asked = Now();
  while (fleet->held() < items) {  // A Sync that waited in vain is answered after its interval.
    const auto some = fleet->AllAtOnce(
        [](SimulatedNode& node, auto done) {
          node.Sync(
              kLeasesPerNode - static_cast<std::uint32_t>(node.held()), true, std::move(done));
        },
        kLeasesPerNode);
    RETURN_IF_ERROR(some.status());
    if (Now() - asked > kPatience) {
      return absl::DeadlineExceededError(
          absl::StrCat(fleet->held(), " of ", items, " leases were granted"));
    }
  }
  const double grants_s = absl::ToDoubleSeconds(Now() - asked);
  AddOne(rows, "grants a second", static_cast<double>(items) / grants_s, "1/s");

  ASSIGN_OR_RETURN(auto syncs,
                   fleet->Steady(absl::GetFlag(FLAGS_period), absl::GetFlag(FLAGS_steady)));
  const double before = fleet->ResidentMib();
  const auto count = static_cast<double>(syncs.size());
  AddPercentiles(rows, "Sync of 4 leases", syncs, kSyncTargetMs);
  AddOne(rows, "Syncs a second", count / absl::ToDoubleSeconds(absl::GetFlag(FLAGS_steady)), "1/s");
  AddOne(rows, "Syncs left out, the one before being late", fleet->skipped(), "");
  AddOne(rows, "coordinator RSS, half way", before, "MiB");

  fleet->farm().KillCoordinator();
  RETURN_IF_ERROR(fleet->farm().StartCoordinator());
  const absl::Duration back = Now();
  ASSIGN_OR_RETURN(auto reopened, fleet->AllAtOnce([](SimulatedNode& node, auto done) {
    node.Open(std::move(done));
  }));
  ASSIGN_OR_RETURN(auto first, fleet->AllAtOnce([](SimulatedNode& node, auto done) {
    node.Sync(0, false, std::move(done));
  }));
  AddOne(rows, "killed, back: all nodes in", absl::ToDoubleSeconds(Now() - back), "s");
  AddPercentiles(rows, "OpenSession, all back at once", reopened);
  AddPercentiles(rows, "Sync, all back at once", first, kSyncTargetMs);
  int adopted = 0;
  for (std::size_t i = 0; i < fleet->size(); ++i) {
    adopted += fleet->node(i).adopted();
  }
  if (adopted != static_cast<int>(items)) {
    return absl::InternalError(absl::StrCat(adopted, " of ", items, " leases were adopted"));
  }

  const absl::Duration commits_began = Now();
  std::vector<double> commits;
  for (std::uint32_t i = 0; i < kLeasesPerNode; ++i) {
    ASSIGN_OR_RETURN(const auto some, fleet->AllAtOnce([](SimulatedNode& node, auto done) {
      node.Commit(std::move(done));
    }));
    commits.insert(commits.end(), some.begin(), some.end());
  }
  AddOne(rows,
         "commits a second",
         static_cast<double>(items) / absl::ToDoubleSeconds(Now() - commits_began),
         "1/s");
  AddPercentiles(rows, "CommitItem, all at once", commits);
  AddOne(rows, "coordinator RSS, at the end", fleet->ResidentMib(), "MiB");
  return rows;
}

// As an operator would run it, every commit on the disk.
absl::StatusOr<std::vector<BenchRow>> MeasureOnPostgres() {
  ASSIGN_OR_RETURN(const auto server,
                   PostgresServer::Start({"fsync = on", "shared_buffers = 128MB"}));
  const PostgresDatabase database(*server);
  ASSIGN_OR_RETURN(auto rows, MeasureOn(absl::StrCat("[store]\nurl = \"", database.url(), "\"\n")));
  for (BenchRow& row : rows) {
    row.scenario = ScenarioName(/*postgres=*/true);
  }
  return rows;
}

// PostgreSQL's figure by SQLite's, of whatever is a rate.
void AddRatios(std::vector<BenchRow>& rows, const std::vector<BenchRow>& sqlite) {
  for (std::size_t i = 0, count = rows.size(); i < count; ++i) {
    const auto same = std::find_if(sqlite.begin(), sqlite.end(), [&](const BenchRow& row) {
      return row.metric == rows[i].metric;
    });
    if (rows[i].unit == "1/s" && same != sqlite.end() && same->value > 0) {
      rows.push_back(Summary({.scenario = ScenarioName(),
                              .metric = absl::StrCat(rows[i].metric, ", PostgreSQL"),
                              .ratio_to = "SQLite"},
                             {rows[i].value / same->value}));
    }
  }
}

absl::StatusOr<std::vector<BenchRow>> MeasureAll() {
  const std::string store = absl::GetFlag(FLAGS_store);
  if (store == "sqlite") {
    return MeasureOn("");
  }
  if (store == "postgres") {
    return MeasureOnPostgres();
  }
  if (store != "both") {
    return absl::InvalidArgumentError(
        absl::StrCat("--store=", store, " is none of sqlite, postgres, both"));
  }
  ASSIGN_OR_RETURN(std::vector<BenchRow> sqlite, MeasureOn(""));
  ASSIGN_OR_RETURN(std::vector<BenchRow> postgres, MeasureOnPostgres());
  AddRatios(postgres, sqlite);
  sqlite.insert(sqlite.end(), postgres.begin(), postgres.end());
  return sqlite;
}

}  // namespace
}  // namespace rn

int main(int argc, char** argv) {
  return rn::RunBench(argc, argv, "fleet_bench", rn::MeasureAll);
}
