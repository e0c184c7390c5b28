// What a client of a WebSocket sends after the handshake, in pieces of any size, while messages go
// to it. What it gets is a series of well-formed frames, and nothing after a close.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "base/status.h"
#include "tests/fuzz/http_exchange.h"

namespace rn {
namespace {

constexpr absl::string_view kHandshake =
    "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
constexpr absl::string_view kHeadersEnd = "\r\n\r\n";

// RFC 6455, 5.2.
enum class Opcode : std::uint8_t { kText = 1, kClose = 8, kPing = 9, kPong = 10 };

std::size_t Byte(absl::string_view bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}

// Takes one frame off `bytes`; nothing: the rest is not a whole one.
std::optional<Opcode> TakeFrame(absl::string_view& bytes) {
  if (bytes.size() < 2) return std::nullopt;
  CHECK((Byte(bytes, 0) & 0xF0) == 0x80);  // Whole messages, no extension.
  const auto opcode = static_cast<Opcode>(Byte(bytes, 0) & 0x0F);
  std::size_t length = Byte(bytes, 1);  // A server masks nothing.
  CHECK(length <= 126);                 // None of our messages is longer than 64 KiB.
  std::size_t header = 2;
  if (length == 126) {
    if (bytes.size() < 4) return std::nullopt;
    length = Byte(bytes, 2) << 8 | Byte(bytes, 3);
    header = 4;
    CHECK(length > 125);
  }
  CHECK(opcode == Opcode::kText || length <= 125);
  if (bytes.size() < header + length) return std::nullopt;
  bytes.remove_prefix(header + length);
  return opcode;
}

void CheckFrames(absl::string_view bytes, int messages) {
  bool closed = false;
  while (const std::optional<Opcode> opcode = TakeFrame(bytes)) {
    CHECK(!closed);
    switch (*opcode) {
      case Opcode::kText:
        --messages;
        break;
      case Opcode::kClose:
        closed = true;
        break;
      case Opcode::kPing:
      case Opcode::kPong:
        break;
      default:
        CHECK(false);
    }
  }
  CHECK(messages >= 0);
}

}  // namespace
}  // namespace rn

// The first byte says in which pieces the others come, the second how many messages go to the
// client, and whether they are long.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto& options =
      *new rn::HttpServerOptions{.web_sockets = {.message_bytes_max = 256}};
  if (size < 2) return 0;
  const int messages = data[1] & 7;
  const auto message = std::make_shared<const std::string>((data[1] & 8) != 0 ? 1000 : 10, 'm');
  bool ended = false;
  rn::HttpExchange exchange(options, [&](const rn::HttpRequest& request) {
    CHECK(request.wants_web_socket);
    rn::HttpResponse response;
    response.status = 101;
    response.upgrade = rn::WebSocketUpgrade{.on_open = [&](std::weak_ptr<rn::WebSocket> socket) {
      for (int i = 0; i < messages; ++i) {
        socket.lock()->Send(message);
      }
      return rn::WebSocketEvents{.on_end = [&ended] {
        CHECK(!ended);
        ended = true;
      }};
    }};
    return response;
  });
  exchange.Send(rn::kHandshake);
  exchange.SendInPieces({reinterpret_cast<const char*>(data + 2), size - 2}, data[0]);
  const absl::string_view received = exchange.received();
  CHECK(absl::StartsWith(received, "HTTP/1.1 101 "));
  rn::CheckFrames(received.substr(received.find(rn::kHeadersEnd) + rn::kHeadersEnd.size()),
                  messages);
  CHECK(exchange.Close() && ended);
  return 0;
}
