// A WebSocket to one client, seen by those who have something to say. No library's type shows here.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/time/time.h"

namespace rn {

struct WebSocketOptions {
  int connections_max = 4096;                        // Above: 503.
  std::int64_t message_bytes_max = 4 << 10;          // Of a client's message; above: closed, 1009.
  std::int64_t queue_bytes_max = 8 << 20;            // Unread by one client; above: closed, 1013.
  absl::Duration idle_timeout = absl::Seconds(60);   // Pinged after half of it, then dropped.
  absl::Duration close_timeout = absl::Seconds(10);  // For the handshakes at the start and the end.
};

// RFC 6455, 7.4.1, and IANA's registry.
enum class WebSocketClose : std::uint16_t {
  kGoingAway = 1001,      // The server stops.
  kTryAgainLater = 1013,  // The client reads too slowly.
};

// Thread-safe; nothing blocks. What is sent after the end is dropped.
class WebSocket {
 public:
  using Message = std::shared_ptr<const std::string>;

  virtual ~WebSocket() = default;

  // Queues a text message. A client that leaves more than `queue_bytes_max` unread is closed with
  // kTryAgainLater, and what it has not read is dropped.
  virtual void Send(Message message) = 0;

  // What was queued before is sent first, as far as the client takes it within `close_timeout`.
  virtual void Close(WebSocketClose code) = 0;
};

// Called one at a time on a thread of the server; quick.
struct WebSocketEvents {
  std::function<void()> on_drained = [] {};  // Everything queued so far has been taken.
  std::function<void()> on_end = [] {};      // Once; none follows.
};

// A response that makes the connection a WebSocket.
struct WebSocketUpgrade {
  std::string subprotocol;  // Of those that the client offered; "" = none.
  // Called once if the client is still there. The socket lives as long as its connection.
  std::function<WebSocketEvents(std::weak_ptr<WebSocket>)> on_open;
};

}  // namespace rn
