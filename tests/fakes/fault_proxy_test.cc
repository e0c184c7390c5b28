#include "tests/fakes/fault_proxy.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <string>

#include "base/clock.h"

namespace rn {
namespace {

constexpr int kPatienceSeconds = 60;  // Ends a test that would hang.

// A socket that blocks, for so long at most.
class Socket {
 public:
  explicit Socket(UniqueFd fd) : fd_(std::move(fd)) { Patience({kPatienceSeconds, 0}); }

  static Socket Connect(int port) {
    Socket socket(UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(socket.fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    return socket;
  }

  void Send(const std::string& bytes) {
    (void)!send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  // Less where the connection ended before.
  std::string Receive(std::size_t size) {
    std::string bytes(size, '\0');
    std::size_t got = 0;
    while (got < size) {
      const ssize_t more = recv(fd_.get(), bytes.data() + got, size - got, 0);
      if (more <= 0) {
        break;
      }
      got += static_cast<std::size_t>(more);
    }
    bytes.resize(got);
    return bytes;
  }
  std::string Ask(const std::string& bytes) {
    Send(bytes);
    return Receive(bytes.size());
  }
  // Whether anything comes soon: that nothing does is all that can be seen of a stall.
  bool HearsSoon() {
    Patience({0, 50'000});
    char byte = 0;
    const bool hears = recv(fd_.get(), &byte, 1, MSG_PEEK) > 0;
    Patience({kPatienceSeconds, 0});
    return hears;
  }

 private:
  void Patience(timeval time) {
    setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
  }
  UniqueFd fd_;
};

// Says everything again. One connection after the other.
class EchoServer {
 public:
  EchoServer() : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(bind(listener_.get(), generic, size), 0);
    EXPECT_EQ(listen(listener_.get(), SOMAXCONN), 0);
    EXPECT_EQ(getsockname(listener_.get(), generic, &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Run(); });
  }
  ~EchoServer() {
    shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }

  int port() const { return port_; }
  std::int64_t bytes() const { return bytes_; }

 private:
  void Run() {
    while (true) {
      UniqueFd client(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!client.valid()) {
        return;
      }
      Socket socket(std::move(client));
      for (std::string byte = socket.Receive(1); !byte.empty(); byte = socket.Receive(1)) {
        ++bytes_;
        socket.Send(byte);
      }
    }
  }

  UniqueFd listener_;
  int port_ = 0;
  std::atomic<std::int64_t> bytes_ = 0;
  std::thread thread_;
};

class FaultProxyTest : public ::testing::Test {
 protected:
  EchoServer server_;
  const std::unique_ptr<FaultProxy> proxy_ = *FaultProxy::Start(server_.port());
};

TEST_F(FaultProxyTest, WithoutFaultsEverythingPasses) {
  Socket client = Socket::Connect(proxy_->port());
  const std::string much(100'000, 'x');
  EXPECT_EQ(client.Ask("hello"), "hello");
  EXPECT_EQ(client.Ask(much), much);
}

TEST_F(FaultProxyTest, ACutEndsWhatIsOpenAndNothingElse) {
  Socket client = Socket::Connect(proxy_->port());
  EXPECT_EQ(client.Ask("hello"), "hello");
  proxy_->Cut();
  EXPECT_EQ(client.Ask("hello"), "");
  EXPECT_EQ(Socket::Connect(proxy_->port()).Ask("again"), "again");
}

TEST_F(FaultProxyTest, RefusedIsOnlyWhoComesNew) {
  Socket old = Socket::Connect(proxy_->port());
  EXPECT_EQ(old.Ask("hello"), "hello");
  proxy_->Set({.refuse = true});
  EXPECT_EQ(Socket::Connect(proxy_->port()).Ask("hello"), "");
  EXPECT_EQ(old.Ask("hello"), "hello");
  proxy_->Cut();
  proxy_->Heal();
  EXPECT_EQ(Socket::Connect(proxy_->port()).Ask("again"), "again");
}

TEST_F(FaultProxyTest, AnAnswerThatStallsComesOnceHealed) {
  Socket client = Socket::Connect(proxy_->port());
  EXPECT_EQ(client.Ask("hello"), "hello");
  proxy_->Set({.stall_down = true});
  client.Send("question");
  EXPECT_FALSE(client.HearsSoon());
  const absl::Duration end = Clock::System().SinceBoot() + absl::Seconds(kPatienceSeconds);
  while (server_.bytes() < 13 && Clock::System().SinceBoot() < end) {
    std::this_thread::yield();
  }
  EXPECT_EQ(server_.bytes(), 13) << "the question did not arrive";
  proxy_->Heal();
  EXPECT_EQ(client.Receive(8), "question");
}

TEST_F(FaultProxyTest, AStallBothWaysHoldsUpTheQuestionToo) {
  Socket client = Socket::Connect(proxy_->port());
  EXPECT_EQ(client.Ask("hello"), "hello");
  proxy_->Set({.stall_up = true, .stall_down = true});
  Socket late = Socket::Connect(proxy_->port());
  client.Send("question");
  EXPECT_FALSE(client.HearsSoon());
  EXPECT_EQ(server_.bytes(), 5);
  proxy_->Heal();
  EXPECT_EQ(client.Receive(8), "question");
  { const Socket ended = std::move(client); }
  EXPECT_EQ(late.Ask("late"), "late");
}

TEST_F(FaultProxyTest, ACutComesInTheMiddleOfAnAnswer) {
  Socket client = Socket::Connect(proxy_->port());
  EXPECT_EQ(client.Ask("hello"), "hello");
  proxy_->CutAfterAnswerBytes(3);
  client.Send("question");
  // A reset may overtake what was sent before it, but never is a byte too many heard.
  EXPECT_LE(client.Receive(8).size(), 3U);
  EXPECT_EQ(Socket::Connect(proxy_->port()).Ask("again"), "again");
}

TEST_F(FaultProxyTest, ADelayIsFeltBothWays) {
  Socket client = Socket::Connect(proxy_->port());
  proxy_->Set({.delay = absl::Milliseconds(30)});
  const absl::Duration asked = Clock::System().SinceBoot();
  EXPECT_EQ(client.Ask("hello"), "hello");
  EXPECT_GE(Clock::System().SinceBoot() - asked, absl::Milliseconds(60));
}

TEST(FaultProxyAlone, AServerThatIsNotThereEndsTheConnection) {
  const int port = EchoServer().port();
  const auto proxy = FaultProxy::Start(port);
  ASSERT_TRUE(proxy.ok()) << proxy.status();
  EXPECT_EQ(Socket::Connect((*proxy)->port()).Ask("hello"), "");
}

}  // namespace
}  // namespace rn
