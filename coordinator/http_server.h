// HTTP/1.1 over TCP or TLS: connections, limits, timeouts, streaming of files, and what becomes a
// WebSocket; what is said is the handler's business.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "coordinator/http.h"
#include "coordinator/web_socket.h"

namespace rn {

// New files are taken up without a restart: connections that are made from then on use them.
struct HttpTlsOptions {
  std::filesystem::path cert_file, key_file;
  absl::Duration refresh = absl::Seconds(10);  // How often the files are looked at.
};

struct HttpServerOptions {
  std::string address = "127.0.0.1";         // IPv4 or IPv6 literal.
  int port = 8080;                           // 0: any free one, see HttpServer::port().
  std::optional<HttpTlsOptions> tls;         // Without: in the clear.
  int io_threads = 2;                        // Sockets and reads of served files.
  int handler_threads = 4;                   // Run the handler, which may block.
  int connections_max = 512;                 // Above: 503 and close.
  std::int64_t header_bytes_max = 32 << 10;  // Above: 431.
  std::int64_t body_bytes_max = 1 << 20;     // Above: 413.
  // Requests whose bodies may be longer than that, by method and path; quick, any thread. So many
  // of them at once; above: 503.
  std::function<bool(absl::string_view method, absl::string_view path)> takes_large_body;
  std::int64_t large_body_bytes_max = 16 << 20;
  int large_bodies_max = 4;
  absl::Duration idle_timeout = absl::Seconds(60);     // Between two requests.
  absl::Duration request_timeout = absl::Seconds(30);  // First byte to last of a request; then 408.
  absl::Duration write_timeout = absl::Seconds(30);    // Without a byte taken by the client.
  absl::Duration drain_timeout = absl::Seconds(10);    // Stop() waits this long for clients.
  WebSocketOptions web_sockets;                        // Not counted as connections above.
};

// Called on a handler thread, several at once; may block. One request of a connection at a time.
using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

// Speaks for itself only where no handler can: 400, 408, 413, 431 and 503, in the API's envelope.
// Answers `Expect: 100-continue`, keeps connections alive and accepts pipelined requests.
class HttpServer {
 public:
  // Listens and serves once it returns. `clock` dates responses and outlives the server.
  // Unavailable: the address is taken. InvalidArgument: an option out of range. Errors of `tls` as
  // TlsContext::Load has them; with it, the process must ignore SIGPIPE.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const HttpServerOptions& options,
                                                           HttpHandler handler,
                                                           Clock& clock = Clock::System());
  virtual ~HttpServer() = default;  // Stops.

  virtual int port() const = 0;

  // Accepts no more, closes idle connections and WebSockets (1001), lets running requests finish
  // within `drain_timeout`. Idempotent. Never call it from a handler.
  virtual void Stop() = 0;
};

}  // namespace rn
