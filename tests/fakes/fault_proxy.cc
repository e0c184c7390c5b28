#include "tests/fakes/fault_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/status.h"

namespace rn {
namespace {

constexpr std::size_t kBufferBytesMax = 1 << 20;  // Of one direction; above, the sender waits.
constexpr std::size_t kReadBytes = 64 << 10;
constexpr absl::Duration kForEver = absl::Hours(1);

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

const sockaddr* Generic(const sockaddr_in& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

UniqueFd NewSocket() {
  return UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

// Closing it is a reset then, as of a peer that died.
void ResetOnClose(const UniqueFd& socket) {
  const linger now{.l_onoff = 1, .l_linger = 0};
  setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

bool MustWait() {
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

struct Chunk {
  absl::Duration ready_at;  // SinceBoot.
  std::string bytes;
};

// From one socket to the other.
class Direction {
 public:
  Direction(const UniqueFd& from, const UniqueFd& to) : from_(from), to_(to) {}

  bool WantsRead() const { return !ended_ && buffered_ < kBufferBytesMax; }
  bool WantsWrite(absl::Duration now) const {
    return !chunks_.empty() && chunks_.front().ready_at <= now;
  }
  absl::Duration NextReadyAt() const {
    return chunks_.empty() ? absl::InfiniteDuration() : chunks_.front().ready_at;
  }
  bool done() const { return shut_; }

  // False: the connection is broken.
  bool Read(absl::Duration now, absl::Duration delay) {
    std::string bytes(kReadBytes, '\0');
    while (WantsRead()) {
      const ssize_t got = recv(from_.get(), bytes.data(), bytes.size(), 0);
      if (got < 0) {
        return MustWait();
      }
      if (got == 0) {
        ended_ = true;
        break;
      }
      chunks_.push_back({now + delay, bytes.substr(0, static_cast<std::size_t>(got))});
      buffered_ += static_cast<std::size_t>(got);
    }
    return true;
  }

  // At most `budget` bytes, which are taken off it. False: broken.
  bool Write(absl::Duration now, std::optional<std::int64_t>& budget) {
    while (WantsWrite(now) && budget != 0) {
      std::string& bytes = chunks_.front().bytes;
      const std::size_t size =
          std::min(bytes.size(), static_cast<std::size_t>(budget.value_or(kBufferBytesMax)));
      const ssize_t sent = send(to_.get(), bytes.data(), size, MSG_NOSIGNAL);
      if (sent < 0) {
        return MustWait();
      }
      bytes.erase(0, static_cast<std::size_t>(sent));
      buffered_ -= static_cast<std::size_t>(sent);
      if (budget.has_value()) {
        *budget -= sent;
      }
      if (bytes.empty()) {
        chunks_.pop_front();
      }
    }
    if (ended_ && chunks_.empty() && !shut_) {
      shutdown(to_.get(), SHUT_WR);
      shut_ = true;
    }
    return true;
  }

 private:
  const UniqueFd& from_;
  const UniqueFd& to_;
  std::deque<Chunk> chunks_;
  std::size_t buffered_ = 0;
  bool ended_ = false;  // `from_` says no more.
  bool shut_ = false;   // `to_` has been told.
};

}  // namespace

struct FaultProxy::Connection {
  Connection(UniqueFd client_side, UniqueFd server_side)
      : client(std::move(client_side)), server(std::move(server_side)) {}

  UniqueFd client, server;
  Direction up{client, server}, down{server, client};
  bool broken = false;
};

absl::StatusOr<std::unique_ptr<FaultProxy>> FaultProxy::Start(int server_port) {
  UniqueFd listener = NewSocket();
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  if (!listener.valid() || bind(listener.get(), Generic(address), size) != 0 ||
      listen(listener.get(), SOMAXCONN) != 0 ||
      getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return ErrnoStatus(errno, "fault proxy: listening");
  }
  UniqueFd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.valid()) {
    return ErrnoStatus(errno, "fault proxy: eventfd");
  }
  return std::unique_ptr<FaultProxy>(
      new FaultProxy(server_port, std::move(listener), ntohs(address.sin_port), std::move(wake)));
}

FaultProxy::FaultProxy(int server_port, UniqueFd listener, int port, UniqueFd wake)
    : server_port_(server_port),
      listener_(std::move(listener)),
      port_(port),
      wake_(std::move(wake)),
      thread_([this] { Run(); }) {}

FaultProxy::~FaultProxy() {
  Order([](Orders& orders) { orders.stop = true; });
  thread_.join();
}

void FaultProxy::Set(const NetworkFaults& faults) {
  Order([&](Orders& orders) { orders.faults = faults; });
}

void FaultProxy::Cut() {
  Order([](Orders& orders) { orders.cut = true; });
}

void FaultProxy::CutAfterAnswerBytes(std::int64_t bytes) {
  Order([&](Orders& orders) { orders.answer_bytes = bytes; });
}

template <typename Change>
void FaultProxy::Order(Change change) {
  MutexLock lock(mutex_);
  change(orders_);
  const std::uint64_t mine = ++orders_.given;
  const std::uint64_t one = 1;
  (void)!write(wake_.get(), &one, sizeof(one));
  while (orders_.taken < mine) {
    taken_.Wait(mutex_);
  }
}

void FaultProxy::Run() {
  while (TakeOrders()) {
    const absl::Duration now = Poll();
    for (const auto& connection : connections_) {
      Pump(*connection, now);
    }
    if (answer_bytes_ == 0) {
      answer_bytes_.reset();
      connections_.clear();
    }
    std::erase_if(connections_, [](const auto& connection) {
      return connection->broken || (connection->up.done() && connection->down.done());
    });
    if (faults_.refuse || !(faults_.stall_up && faults_.stall_down)) {
      Accept();
    }
  }
}

// False: stop.
bool FaultProxy::TakeOrders() {
  MutexLock lock(mutex_);
  faults_ = orders_.faults;
  if (std::exchange(orders_.cut, false)) {
    connections_.clear();
  }
  if (const auto bytes = std::exchange(orders_.answer_bytes, std::nullopt)) {
    answer_bytes_ = bytes;
  }
  orders_.taken = orders_.given;
  taken_.NotifyAll();
  return !orders_.stop;
}

// Until something can be done. The time.
absl::Duration FaultProxy::Poll() {
  const absl::Duration now = Clock::System().SinceBoot();
  absl::Duration wake_at = now + kForEver;
  std::vector<pollfd> fds;
  const auto watch = [&fds](const UniqueFd& fd, bool read, bool write) {
    const auto events = static_cast<short>((read ? POLLIN : 0) | (write ? POLLOUT : 0));
    if (events != 0) {  // Else a socket that hung up would wake us all the time.
      fds.push_back({.fd = fd.get(), .events = events, .revents = 0});
    }
  };
  watch(wake_, true, false);
  watch(listener_, faults_.refuse || !(faults_.stall_up && faults_.stall_down), false);
  for (const auto& connection : connections_) {
    const Direction& up = connection->up;
    const Direction& down = connection->down;
    watch(connection->client,
          !faults_.stall_up && up.WantsRead(),
          !faults_.stall_down && down.WantsWrite(now));
    watch(connection->server,
          !faults_.stall_down && down.WantsRead(),
          !faults_.stall_up && up.WantsWrite(now));
    for (const absl::Duration ready : {up.NextReadyAt(), down.NextReadyAt()}) {
      wake_at = ready > now ? std::min(wake_at, ready) : wake_at;
    }
  }
  // Rounded up, or the last millisecond would be spent turning round.
  const auto timeout = static_cast<int>(absl::ToInt64Milliseconds(wake_at - now)) + 1;
  (void)poll(fds.data(), fds.size(), timeout);
  std::uint64_t count = 0;
  (void)!read(wake_.get(), &count, sizeof(count));
  return Clock::System().SinceBoot();
}

void FaultProxy::Accept() {
  while (true) {
    UniqueFd client(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!client.valid()) {
      return;
    }
    ResetOnClose(client);
    UniqueFd server = NewSocket();
    if (faults_.refuse || !server.valid()) {
      continue;
    }
    ResetOnClose(server);
    const int one = 1;
    setsockopt(client.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    setsockopt(server.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    const sockaddr_in address = Loopback(server_port_);
    if (connect(server.get(), Generic(address), sizeof(address)) == 0 || errno == EINPROGRESS) {
      connections_.push_back(std::make_unique<Connection>(std::move(client), std::move(server)));
    }
  }
}

void FaultProxy::Pump(Connection& connection, absl::Duration now) {
  std::optional<std::int64_t> no_budget;
  const auto move = [&](Direction& direction, std::optional<std::int64_t>& budget) {
    // Both, always: the last bytes of a side that is gone by now still arrive.
    const bool read = direction.Read(now, faults_.delay);
    const bool written = direction.Write(now, budget);
    connection.broken |= !read || !written;
  };
  if (!faults_.stall_up) {
    move(connection.up, no_budget);
  }
  if (!faults_.stall_down) {
    move(connection.down, answer_bytes_);
  }
}

}  // namespace rn
