// What a coordinator needs for clients that watch jobs and hear nothing, in the clear and over TLS;
// and how soon all of them hear when something happens.
#include <sys/socket.h>
#include <sys/time.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/clock.h"
#include "base/status.h"
#include "bench/api_service.h"
#include "bench/process_memory.h"
#include "bench/program.h"
#include "bench/report.h"
#include "tests/coordinator/http_client.h"

ABSL_FLAG(int, sockets, 1000, "WebSockets that are open");
ABSL_FLAG(int, jobs, 10, "jobs that they watch");
ABSL_FLAG(absl::Duration, idle, absl::Seconds(5), "how long they hear nothing");

namespace rn {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using Tcp = asio::ip::tcp;
using Plain = beast::websocket::stream<Tcp::socket>;
using Secure = beast::websocket::stream<asio::ssl::stream<Tcp::socket>>;

constexpr double kMemoryTargetMib = 40;
constexpr timeval kPatience = {.tv_sec = 60, .tv_usec = 0};

absl::Status Failed(const std::string& doing, const beast::error_code& error) {
  return absl::UnavailableError(absl::StrCat(doing, ": ", error.message()));
}

Plain Unconnected(asio::io_context& io, asio::ssl::context&, Plain*) {
  return Plain(io);
}
Secure Unconnected(asio::io_context& io, asio::ssl::context& tls, Secure*) {
  return Secure(io, tls);
}
void Secured(Plain&, beast::error_code&) {}
void Secured(Secure& stream, beast::error_code& error) {
  stream.next_layer().handshake(asio::ssl::stream_base::client, error);
}

// One that watches the job.
template <typename Stream>
absl::Status Connect(Stream& stream, int port, const std::string& job) {
  beast::error_code error;
  Tcp::socket& socket = beast::get_lowest_layer(stream);
  socket.connect({asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(port)}, error);
  if (error) {
    return Failed("connecting", error);
  }
  setsockopt(socket.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof(kPatience));
  Secured(stream, error);
  if (error) {
    return Failed("the TLS handshake", error);
  }
  stream.set_option(
      beast::websocket::stream_base::decorator([](beast::websocket::request_type& request) {
        request.set("Authorization", absl::StrCat("Bearer ", Farm::kApiKey));
      }));
  stream.handshake(absl::StrCat("127.0.0.1:", port), "/api/v1/ws/bulk-jobs?job_id=" + job, error);
  return error ? Failed("the WebSocket's handshake", error) : absl::OkStatus();
}

// A message in which that text stands.
template <typename Stream>
absl::Status Await(Stream& stream, const std::string& text) {
  while (true) {
    beast::flat_buffer buffer;
    beast::error_code error;
    stream.read(buffer, error);
    if (error) {
      return Failed("waiting for " + text, error);
    }
    if (beast::buffers_to_string(buffer.data()).find(text) != std::string::npos) {
      return absl::OkStatus();
    }
  }
}

template <typename Stream>
absl::Status Measure(const std::string& scenario, bool with_tls, std::vector<BenchRow>& rows) {
  ASSIGN_OR_RETURN(const auto service, ApiService::Start(with_tls));
  HttpClient client = service->Connect();
  service->WriteSheet("small", 1);
  std::vector<std::string> jobs;
  for (int i = 0; i < absl::GetFlag(FLAGS_jobs); ++i) {
    ASSIGN_OR_RETURN(const std::string job, ApiService::PostJob(client, "small"));
    jobs.push_back(job);
  }
  const pid_t coordinator = service->farm().coordinator_process().pid();
  const double before = ResidentMib(coordinator);

  asio::io_context io;
  asio::ssl::context tls(asio::ssl::context::tls_client);
  if (with_tls) {
    tls.load_verify_file(service->ca_file());
    tls.set_verify_mode(asio::ssl::verify_peer);
  }
  std::deque<Stream> streams;
  const int sockets = absl::GetFlag(FLAGS_sockets);
  for (int i = 0; i < sockets; ++i) {
    streams.push_back(Unconnected(io, tls, static_cast<Stream*>(nullptr)));
    RETURN_IF_ERROR(Connect(streams.back(),
                            service->farm().http_port(),
                            jobs[static_cast<std::size_t>(i) % jobs.size()]));
  }
  absl::SleepFor(absl::GetFlag(FLAGS_idle));
  rows.push_back(Summary({.scenario = scenario,
                          .metric = absl::StrCat("coordinator RSS for ", sockets, " idle"),
                          .unit = "MiB",
                          .target = kMemoryTargetMib},
                         {ResidentMib(coordinator) - before}));

  const absl::Duration began = Clock::System().SinceBoot();
  for (const std::string& job : jobs) {
    const HttpReply reply =
        client.Call(absl::StrCat("/api/v1/bulk-jobs/", job, "/cancel"),
                    {.method = "POST", .headers = ApiService::Headers(), .body = ""});
    if (reply.status != 200) {
      return absl::InternalError(
          absl::StrCat("a cancel was answered with ", reply.status, ": ", reply.body));
    }
  }
  for (Stream& stream : streams) {
    RETURN_IF_ERROR(Await(stream, "\"canceled\""));
  }
  rows.push_back(
      Summary({.scenario = scenario,
               .metric = absl::StrCat(jobs.size(), " jobs canceled: all ", sockets, " have heard"),
               .unit = "ms"},
              {absl::ToDoubleMilliseconds(Clock::System().SinceBoot() - began)}));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<BenchRow>> MeasureAll() {
  std::vector<BenchRow> rows;
  RETURN_IF_ERROR(Measure<Plain>("WebSockets", /*with_tls=*/false, rows));
  RETURN_IF_ERROR(Measure<Secure>("WebSockets, TLS", /*with_tls=*/true, rows));
  return rows;
}

}  // namespace
}  // namespace rn

int main(int argc, char** argv) {
  return rn::RunBench(argc, argv, "web_socket_bench", rn::MeasureAll);
}
