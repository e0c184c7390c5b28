// One connection to the coordinator's HTTP server, driven from the client's end: any bytes, in any
// pieces. The server's code is the real one; its socket is one end of a pair, and nothing of it
// runs but while one of these functions does.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "coordinator/http_server.h"

namespace rn {

class HttpExchange {
 public:
  // `options.web_sockets` outlives us, as does what the handler refers to.
  HttpExchange(const HttpServerOptions& options, HttpHandler handler);
  ~HttpExchange();

  // Returns once the server has done with it whatever it does before it hears more.
  void Send(absl::string_view bytes);
  // In pieces of that many bytes; 0: at once. Fewer and larger ones where it would be too many.
  void SendInPieces(absl::string_view bytes, std::size_t piece);

  // Everything that came back so far.
  const std::string& received() const { return received_; }

  // Hangs up. Whether the server has let go of the connection by then.
  bool Close();

 private:
  struct Server;

  void Settle();
  void Receive();

  const std::unique_ptr<Server> server_;
  std::string received_;
};

}  // namespace rn
