// How soon a waiting node has a lease: an item is ready to be leased -> the node's Sync is
// answered, over real gRPC on loopback and a store on disk; alone, and in a farm whose nodes all
// wait. Then what a farm of hungry nodes is granted a second.
#include <grpcpp/grpcpp.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "base/bounded_queue.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/status.h"
#include "base/ulid.h"
#include "bench/program.h"
#include "bench/report.h"
#include "coordinator/lease_desk.h"
#include "coordinator/node_service.h"
#include "coordinator/sqlite_store.h"
#include "proto/node.grpc.pb.h"

ABSL_FLAG(int, trials, 500, "pick-ups measured in each scenario");
ABSL_FLAG(int, nodes, 1000, "nodes of the farm");

namespace rn {
namespace {

constexpr int kNodesPerChannel = 100;  // Within the server's limit of streams.
constexpr int kItemsPerNode = 4;       // Of the hungry farm.
constexpr double kPickUpTargetMs = 50;
constexpr absl::Duration kPatience = absl::Seconds(60);

using Stub = rendernode::NodeService::Stub;

absl::Status FromGrpc(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

struct Answered {
  std::size_t node = 0;
  absl::Duration at;
  absl::Status status;
  rendernode::SyncResponse response;
};

class Node {
 public:
  Node(std::shared_ptr<Stub> stub, std::size_t index, BoundedQueue<Answered>& answers)
      : stub_(std::move(stub)), index_(index), answers_(answers) {}

  absl::Status Open() {
    rendernode::OpenSessionRequest request;
    request.set_node_id(absl::StrCat("node-", index_));
    request.set_protocol_min(1);
    request.set_protocol_max(1);
    rendernode::OpenSessionResponse response;
    grpc::ClientContext context;
    RETURN_IF_ERROR(FromGrpc(stub_->OpenSession(&context, request, &response)));
    request_.set_session(response.session());
    request_.set_state(rendernode::READY);
    request_.set_wait(true);
    return absl::OkStatus();
  }

  // The answer comes through `answers`.
  void Ask(std::uint32_t want) {
    request_.set_seq(request_.seq() + 1);
    request_.set_want(want);
    context_ = std::make_unique<grpc::ClientContext>();
    stub_->async()->Sync(context_.get(), &request_, &response_, [this](const grpc::Status& status) {
      answers_.Push({index_, Clock::System().SinceBoot(), FromGrpc(status), response_});
    });
  }

  absl::Status Commit(const rendernode::LeaseRef& ref) {
    rendernode::CommitItemRequest request;
    request.set_session(request_.session());
    *request.mutable_ref() = ref;
    request.mutable_result()->set_outcome(rendernode::SUCCEEDED);
    rendernode::CommitItemResponse response;
    grpc::ClientContext context;
    return FromGrpc(stub_->CommitItem(&context, request, &response));
  }

 private:
  const std::shared_ptr<Stub> stub_;
  const std::size_t index_;
  BoundedQueue<Answered>& answers_;
  rendernode::SyncRequest request_;
  rendernode::SyncResponse response_;
  std::unique_ptr<grpc::ClientContext> context_;
};

// A coordinator's node side in this process, and nodes that dialled in.
class Farm {
 public:
  static absl::StatusOr<std::unique_ptr<Farm>> Start(int nodes) {
    ASSIGN_OR_RETURN(TempDir folder, TempDir::Create("lease_bench"));
    ASSIGN_OR_RETURN(auto store, OpenSqliteStore(folder.path() / "store.db"));
    auto farm = std::unique_ptr<Farm>(new Farm(std::move(folder), std::move(store), nodes));
    ASSIGN_OR_RETURN(farm->service_, NodeService::Start(farm->desk_, {.address = "127.0.0.1:0"}));
    RETURN_IF_ERROR(farm->Join(nodes));
    return farm;
  }
  ~Farm() {
    service_->Stop();  // Answers every Sync, and each is waited for: its node is ours.
    while (asking_ > 0 && answers_.PopFor(kPatience)) {
      --asking_;
    }
  }

  void AskAll(std::uint32_t want) {
    for (const auto& node : nodes_) {
      Ask(*node, want);
    }
  }
  void Ask(Node& node, std::uint32_t want) {
    ++asking_;
    node.Ask(want);
  }

  // Every node's Sync has arrived and waits.
  absl::Status AwaitAllWaiting() {
    const absl::Duration end = Clock::System().SinceBoot() + kPatience;
    while (desk_.waiting_syncs() < static_cast<std::int64_t>(nodes_.size())) {
      if (Clock::System().SinceBoot() > end) {
        return absl::DeadlineExceededError("not every node's Sync arrived");
      }
    }
    return absl::OkStatus();
  }

  absl::Status CreateJob(int items) {
    const absl::Time now = Clock::System().Now();
    NewJob job{.id = "job_" + NewUlid(now), .tenant = "bench"};
    job.spec.set_job_id(job.id);
    job.items.resize(static_cast<std::size_t>(items));
    for (int i = 0; i < items; ++i) {
      job.items[static_cast<std::size_t>(i)].spec.set_row(static_cast<std::uint32_t>(i + 1));
    }
    return store_->CreateJob(job, {}, now).status();
  }

  absl::StatusOr<Answered> NextAnswer() {
    std::optional<Answered> answered = answers_.PopFor(kPatience);
    if (!answered.has_value()) {
      return absl::DeadlineExceededError("a waiting node was not answered");
    }
    --asking_;
    RETURN_IF_ERROR(answered->status);
    return *std::move(answered);
  }

  LeaseDesk& desk() { return desk_; }
  Node& node(std::size_t index) { return *nodes_[index]; }

 private:
  Farm(TempDir folder, std::unique_ptr<Store> store, int nodes)
      : folder_(std::move(folder)),
        store_(std::move(store)),
        answers_(static_cast<std::size_t>(2 * nodes)) {}

  absl::Status Join(int nodes) {
    std::shared_ptr<Stub> stub;
    for (int i = 0; i < nodes; ++i) {
      if (i % kNodesPerChannel == 0) {
        grpc::ChannelArguments arguments;
        arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
        stub = rendernode::NodeService::NewStub(
            grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", service_->port()),
                                      grpc::InsecureChannelCredentials(),
                                      arguments));
      }
      nodes_.push_back(std::make_unique<Node>(stub, nodes_.size(), answers_));
      RETURN_IF_ERROR(nodes_.back()->Open());
    }
    return absl::OkStatus();
  }

  const TempDir folder_;
  const std::unique_ptr<Store> store_;
  LeaseDesk desk_{*store_, Clock::System(), {.sync_interval = absl::Minutes(10)}};
  std::unique_ptr<NodeService> service_;
  BoundedQueue<Answered> answers_;
  std::atomic<int> asking_ = 0;
  std::vector<std::unique_ptr<Node>> nodes_;
};

absl::Status MeasurePickUp(const std::string& scenario, int nodes, std::vector<BenchRow>& rows) {
  ASSIGN_OR_RETURN(const auto farm, Farm::Start(nodes));
  farm->AskAll(1);
  std::vector<double> milliseconds, writes;
  for (int trial = 0; trial < absl::GetFlag(FLAGS_trials); ++trial) {
    RETURN_IF_ERROR(farm->AwaitAllWaiting());
    const absl::Duration posted = Clock::System().SinceBoot();
    RETURN_IF_ERROR(farm->CreateJob(1));
    const absl::Duration ready = Clock::System().SinceBoot();
    writes.push_back(absl::ToDoubleMilliseconds(ready - posted));
    farm->desk().OnNewWork();
    ASSIGN_OR_RETURN(const Answered answered, farm->NextAnswer());
    if (answered.response.grant_size() != 1) {
      return absl::InternalError("a waiting node was answered without a lease");
    }
    milliseconds.push_back(absl::ToDoubleMilliseconds(answered.at - ready));
    RETURN_IF_ERROR(farm->node(answered.node).Commit(answered.response.grant(0).ref()));
    farm->Ask(farm->node(answered.node), 1);
  }
  // What the machine's disk and load alone cost: a pick-up contains one durable write as well.
  rows.push_back(Percentile99(
      {.scenario = scenario, .metric = "durable write of a job p99", .unit = "ms"}, writes));
  rows.push_back(
      Summary({.scenario = scenario, .metric = "lease pick-up", .unit = "ms"}, milliseconds));
  rows.push_back(Percentile99({.scenario = scenario,
                               .metric = "lease pick-up p99",
                               .unit = "ms",
                               .target = kPickUpTargetMs},
                              milliseconds));
  return absl::OkStatus();
}

// One job, and as many items as the farm asks for.
absl::Status MeasureGrants(const std::string& scenario, int nodes, std::vector<BenchRow>& rows) {
  ASSIGN_OR_RETURN(const auto farm, Farm::Start(nodes));
  farm->AskAll(kItemsPerNode);
  RETURN_IF_ERROR(farm->AwaitAllWaiting());
  const int items = nodes * kItemsPerNode;
  RETURN_IF_ERROR(farm->CreateJob(items));
  const absl::Duration ready = Clock::System().SinceBoot();
  farm->desk().OnNewWork();
  int granted = 0;
  absl::Duration last = ready;
  while (granted < items) {
    ASSIGN_OR_RETURN(const Answered answered, farm->NextAnswer());
    granted += answered.response.grant_size();
    last = std::max(last, answered.at);
    if (answered.response.grant_size() < kItemsPerNode) {
      return absl::InternalError("a node was granted less than it asked for");
    }
  }
  const double microseconds = absl::ToDoubleMicroseconds(last - ready) / items;
  rows.push_back(Summary({.scenario = scenario, .metric = "one grant", .unit = "us", .target = 500},
                         {microseconds}));  // 2,000 a second.
  return absl::OkStatus();
}

absl::StatusOr<std::vector<BenchRow>> MeasureAll() {
  spdlog::set_level(spdlog::level::warn);
  const int nodes = absl::GetFlag(FLAGS_nodes);
  std::vector<BenchRow> rows;
  RETURN_IF_ERROR(MeasurePickUp("1 node", 1, rows));
  RETURN_IF_ERROR(MeasurePickUp(absl::StrCat(nodes, " n."), nodes, rows));
  RETURN_IF_ERROR(MeasureGrants(absl::StrCat(nodes, " n."), nodes, rows));
  return rows;
}

}  // namespace
}  // namespace rn

int main(int argc, char** argv) {
  return rn::RunBench(argc, argv, "lease_bench", rn::MeasureAll);
}
