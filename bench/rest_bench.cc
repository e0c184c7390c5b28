// What a client of the REST API waits for, asking the real coordinator at a steady rate while nodes
// report progress and commit: jobs, lists of jobs, pages of items; in the clear and over TLS. And
// how soon a job of ten thousand rows is accepted, of a CSV file and of a workbook that was
// uploaded.
#include <grpcpp/grpcpp.h>
#include <zip.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mutex.h"
#include "base/status.h"
#include "bench/api_service.h"
#include "bench/program.h"
#include "bench/report.h"
#include "proto/node.grpc.pb.h"
#include "tests/coordinator/http_client.h"

ABSL_FLAG(int, jobs, 200, "jobs in the database, beside the large one");
ABSL_FLAG(int, rows, 10'000, "rows of the large job");
ABSL_FLAG(int, nodes, 50, "nodes that make a Sync each second");
ABSL_FLAG(int, rate, 500, "requests a second");
ABSL_FLAG(absl::Duration, time, absl::Seconds(20), "how long clients ask");

namespace rn {
namespace {

constexpr double kGetTargetMs = 10;
constexpr double kPostTargetMs = 1000;
constexpr double kConnectTargetMs = 2000;
constexpr std::int64_t kWorkbookBytesMax = 16 << 20;
constexpr int kPosts = 3;
constexpr int kRowsPerJob = 20;
constexpr int kConnections = 20;
constexpr int kLeasesPerNode = 4;
constexpr int kSyncsPerCommit = 10;
constexpr absl::Duration kSyncPeriod = absl::Seconds(1);

absl::Duration Now() {
  return Clock::System().SinceBoot();
}

void SleepUntil(absl::Duration due) {
  absl::SleepFor(std::max(absl::ZeroDuration(), due - Now()));
}

// One node, played: it holds leases, says how far they are, and commits one now and then.
class PlayedNode {
 public:
  PlayedNode(rendernode::NodeService::Stub& stub, int index) : stub_(stub) {
    grpc::ClientContext context;
    rendernode::OpenSessionRequest open;
    rendernode::OpenSessionResponse opened;
    open.set_node_id(absl::StrCat("rest-", index));
    open.set_journal_id(open.node_id());
    open.set_incarnation(1);
    open.set_protocol_min(1);
    open.set_protocol_max(1);
    CHECK(stub_.OpenSession(&context, open, &opened).ok());
    session_ = opened.session();
    seq_ = index;  // So that not all commit at once.
  }

  void Sync() {
    if (++seq_ % kSyncsPerCommit == 0 && !held_.empty()) {
      Commit();
    }
    grpc::ClientContext context;
    rendernode::SyncRequest request;
    rendernode::SyncResponse response;
    request.set_session(session_);
    request.set_seq(seq_);
    request.set_state(rendernode::READY);
    request.set_want(kLeasesPerNode - static_cast<std::uint32_t>(held_.size()));
    for (const rendernode::LeaseRef& ref : held_) {
      rendernode::HeldLease* held = request.add_held();
      *held->mutable_ref() = ref;
      held->set_phase(rendernode::RENDERING);
      held->set_progress_permille(static_cast<std::uint32_t>(seq_ * 10 % 1000));
    }
    CHECK(stub_.Sync(&context, request, &response).ok());
    for (const rendernode::Lease& lease : response.grant()) {
      held_.push_back(lease.ref());
    }
  }

 private:
  void Commit() {
    grpc::ClientContext context;
    rendernode::CommitItemRequest request;
    rendernode::CommitItemResponse response;
    request.set_session(session_);
    *request.mutable_ref() = held_.back();
    request.mutable_result()->set_outcome(rendernode::SUCCEEDED);
    held_.pop_back();
    CHECK(stub_.CommitItem(&context, request, &response).ok());
  }

  rendernode::NodeService::Stub& stub_;
  std::string session_;
  std::uint64_t seq_ = 0;
  std::vector<rendernode::LeaseRef> held_;
};

// Nodes that report from construction to destruction, on a thread of their own.
class PlayedNodes {
 public:
  PlayedNodes(int port, int count)
      : stub_(rendernode::NodeService::NewStub(grpc::CreateChannel(
            absl::StrCat("127.0.0.1:", port), grpc::InsecureChannelCredentials()))) {
    for (int i = 0; i < count; ++i) {
      nodes_.emplace_back(*stub_, i);
    }
    for (PlayedNode& node : nodes_) {
      node.Sync();
    }
    thread_ = std::thread([this] { Work(); });
  }
  ~PlayedNodes() {
    stop_ = true;
    thread_.join();
  }

 private:
  void Work() {
    const absl::Duration step = kSyncPeriod / std::max<std::int64_t>(1, std::ssize(nodes_));
    absl::Duration due = Now();
    for (std::size_t turn = 0; !stop_; ++turn) {
      SleepUntil(due);
      if (!nodes_.empty()) {
        nodes_[turn % nodes_.size()].Sync();
      }
      due += step;
    }
  }

  const std::unique_ptr<rendernode::NodeService::Stub> stub_;
  std::vector<PlayedNode> nodes_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

// A workbook as programs write it, whose texts are shared, and every one of which differs.
absl::StatusOr<std::string> Workbook(int rows) {
  std::string texts = "<sst><si><t>title</t></si><si><t>script</t></si><si><t>image_url</t></si>";
  std::string cells = "<worksheet><sheetData>";
  for (int row = 0, text = 0; row <= rows; ++row) {  // The first is the header.
    absl::StrAppend(&cells, "<row r=\"", row + 1, "\">");
    for (const char column : {'A', 'B', 'C'}) {
      absl::StrAppend(
          &cells, "<c r=\"", std::string(1, column), row + 1, "\" t=\"s\"><v>", text++, "</v></c>");
    }
    absl::StrAppend(&cells, "</row>");
    if (row < rows) {
      absl::StrAppend(&texts, "<si><t>A title of some words, the ", row, "th</t></si>");
      absl::StrAppend(&texts, "<si><t>A short narration of one sentence, ", row, ".</t></si>");
      absl::StrAppend(&texts, "<si><t>https://images.example/", row, "/speaker.jpg</t></si>");
    }
  }
  absl::StrAppend(&texts, "</sst>");
  absl::StrAppend(&cells, "</sheetData></worksheet>");
  constexpr char kKind[] = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/";
  const auto relation = [&](const char* id, const char* kind, const char* target) {
    return absl::StrCat(
        "<Relationship Id=\"", id, "\" Type=\"", kKind, kind, "\" Target=\"", target, "\"/>");
  };
  const std::vector<std::pair<const char*, std::string>> parts = {
      {"_rels/.rels",
       absl::StrCat("<Relationships>",
                    relation("r1", "officeDocument", "xl/workbook.xml"),
                    "</Relationships>")},
      {"xl/workbook.xml",
       "<workbook xmlns:r=\"r\"><sheets><sheet name=\"Rows\" sheetId=\"1\" r:id=\"r1\"/></sheets>"
       "</workbook>"},
      {"xl/_rels/workbook.xml.rels",
       absl::StrCat("<Relationships>",
                    relation("r1", "worksheet", "worksheets/sheet1.xml"),
                    relation("r2", "sharedStrings", "sharedStrings.xml"),
                    "</Relationships>")},
      {"xl/sharedStrings.xml", std::move(texts)},
      {"xl/worksheets/sheet1.xml", std::move(cells)}};
  ASSIGN_OR_RETURN(const TempDir folder, TempDir::Create("rest_bench-"));
  const std::filesystem::path path = folder.path() / "rows.xlsx";
  zip_t* const archive = zip_open(path.c_str(), ZIP_CREATE, nullptr);
  CHECK(archive != nullptr);
  for (const auto& [name, text] : parts) {
    zip_source_t* const source = zip_source_buffer(archive, text.data(), text.size(), 0);
    CHECK(zip_file_add(archive, name, source, 0) >= 0);
  }
  CHECK(zip_close(archive) == 0);
  return ReadFile(path, kWorkbookBytesMax);
}

// A coordinator with jobs in it.
class Service {
 public:
  static absl::StatusOr<std::unique_ptr<Service>> Start(bool tls) {
    ASSIGN_OR_RETURN(auto api, ApiService::Start(tls));
    std::unique_ptr<Service> service(new Service(std::move(api)));
    RETURN_IF_ERROR(service->Fill());
    return service;
  }

  const ApiService& api() const { return *api_; }

  // What the nth request asks for.
  std::string Target(std::int64_t n) const {
    const auto pick = static_cast<std::size_t>(n);
    const std::string& job = n % 8 == 0 ? large_ : jobs_[pick % jobs_.size()];
    switch (n % 4) {
      case 0:
      case 1:
        return absl::StrCat("/api/v1/bulk-jobs/", job);
      case 2:
        return "/api/v1/bulk-jobs";
      default:
        return absl::StrCat("/api/v1/bulk-jobs/", n % 8 == 3 ? large_ : job, "/videos");
    }
  }

  // Milliseconds of each POST of the large job; of each look at the workbook, and of each POST of
  // its job.
  const std::vector<double>& posts() const { return posts_; }
  const std::vector<double>& workbook_looks() const { return workbook_looks_; }
  const std::vector<double>& workbook_posts() const { return workbook_posts_; }

 private:
  explicit Service(std::unique_ptr<ApiService> api) : api_(std::move(api)) {}

  absl::Status Fill() {
    api_->WriteSheet("small", kRowsPerJob);
    api_->WriteSheet("large", absl::GetFlag(FLAGS_rows));
    HttpClient client = api_->Connect();
    for (int i = 0; i < absl::GetFlag(FLAGS_jobs); ++i) {
      ASSIGN_OR_RETURN(const std::string id, ApiService::PostJob(client, "small"));
      jobs_.push_back(id);
    }
    ASSIGN_OR_RETURN(const std::string workbook, Workbook(absl::GetFlag(FLAGS_rows)));
    RETURN_IF_ERROR(ApiService::PutWorkbook(client, "file_large", workbook));
    for (int i = 0; i < kPosts; ++i) {  // In turns, so that they can be compared.
      const absl::Duration began = Now();
      ASSIGN_OR_RETURN(large_, ApiService::PostJob(client, "large"));
      const absl::Duration posted = Now();
      RETURN_IF_ERROR(ApiService::ConnectSheet(client, "file_large"));
      const absl::Duration looked = Now();
      RETURN_IF_ERROR(ApiService::PostJob(client, "file_large").status());
      posts_.push_back(absl::ToDoubleMilliseconds(posted - began));
      workbook_looks_.push_back(absl::ToDoubleMilliseconds(looked - posted));
      workbook_posts_.push_back(absl::ToDoubleMilliseconds(Now() - looked));
    }
    return absl::OkStatus();
  }

  const std::unique_ptr<ApiService> api_;
  std::vector<std::string> jobs_;
  std::string large_;
  std::vector<double> posts_, workbook_looks_, workbook_posts_;
};

// Milliseconds of each request, from when it was due: who has to wait for an answer before may not
// hide that. Every connection is one thread's and asks again and again.
absl::StatusOr<std::vector<double>> Ask(const Service& service, int rate, absl::Duration time) {
  const auto requests = static_cast<std::int64_t>(rate * absl::ToDoubleSeconds(time));
  Mutex mutex;
  std::vector<double> milliseconds;
  absl::Status failed;
  std::vector<std::thread> threads;
  const absl::Duration began = Now() + absl::Milliseconds(200);
  for (int i = 0; i < kConnections; ++i) {
    threads.emplace_back([&, i] {
      HttpClient client = service.api().Connect();
      client.Get("/healthz");  // The connection is there, and its handshake done.
      std::vector<double> own;
      for (std::int64_t n = i; n < requests; n += kConnections) {
        const absl::Duration due = began + absl::Seconds(1) * n / rate;
        SleepUntil(due);
        const HttpReply reply = client.Get(service.Target(n), ApiService::Headers());
        own.push_back(absl::ToDoubleMilliseconds(Now() - due));
        if (reply.status != 200 || reply.connections != 0) {
          MutexLock lock(mutex);
          failed = absl::InternalError(absl::StrCat(service.Target(n),
                                                    " was answered with ",
                                                    reply.status,
                                                    ", ",
                                                    reply.connections,
                                                    " new connections: ",
                                                    reply.body));
          return;
        }
      }
      MutexLock lock(mutex);
      milliseconds.insert(milliseconds.end(), own.begin(), own.end());
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  RETURN_IF_ERROR(failed);
  return milliseconds;
}

absl::StatusOr<std::vector<BenchRow>> MeasureAll() {
  std::vector<BenchRow> rows;
  for (const bool tls : {false, true}) {
    const std::string scenario = tls ? "REST, TLS" : "REST";
    ASSIGN_OR_RETURN(const auto service, Service::Start(tls));
    rows.push_back(Summary({.scenario = scenario,
                            .metric = absl::StrCat("job of ", absl::GetFlag(FLAGS_rows), " rows"),
                            .unit = "ms",
                            .target = kPostTargetMs},
                           service->posts()));
    const std::string workbook = absl::StrCat(".xlsx of ", absl::GetFlag(FLAGS_rows), " rows");
    rows.push_back(Summary({.scenario = scenario,
                            .metric = absl::StrCat("uploaded ", workbook, " connected"),
                            .unit = "ms",
                            .target = kConnectTargetMs},
                           service->workbook_looks()));
    rows.push_back(Summary({.scenario = scenario,
                            .metric = absl::StrCat("job of an uploaded ", workbook),
                            .unit = "ms",
                            .target = kPostTargetMs},
                           service->workbook_posts()));
    const PlayedNodes nodes(service->api().farm().node_port(), absl::GetFlag(FLAGS_nodes));
    ASSIGN_OR_RETURN(const std::vector<double> took,
                     Ask(*service, absl::GetFlag(FLAGS_rate), absl::GetFlag(FLAGS_time)));
    AddPercentiles(rows,
                   {.scenario = scenario,
                    .metric = absl::StrCat("GET, ", absl::GetFlag(FLAGS_rate), " a second"),
                    .unit = "ms",
                    .target = kGetTargetMs},
                   took);
  }
  return rows;
}

}  // namespace
}  // namespace rn

int main(int argc, char** argv) {
  return rn::RunBench(argc, argv, "rest_bench", rn::MeasureAll);
}
