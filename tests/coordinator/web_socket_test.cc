// The HTTP server over TLS, and the WebSockets that it makes of connections.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/bounded_queue.h"
#include "base/file.h"
#include "coordinator/api_error.h"
#include "coordinator/http_server.h"
#include "tests/coordinator/http_client.h"
#include "tests/coordinator/web_socket_client.h"
#include "tests/fakes/test_ca.h"

namespace rn {
namespace {

using ::testing::HasSubstr;

WebSocket::Message Text(const std::string& json) {
  return std::make_shared<const std::string>(json);
}

class WebSocketTest : public ::testing::Test {
 protected:
  WebSocketTest() {
    signal(SIGPIPE, SIG_IGN);
    identity_ = ca_.Issue("server", {.names = "DNS:farm.test,IP:127.0.0.1"});
  }

  void Serve(WebSocketOptions sockets = {}) {
    HttpServerOptions options;
    options.port = 0;
    options.tls = {.cert_file = identity_.certificate,
                   .key_file = identity_.key,
                   .refresh = absl::Milliseconds(20)};
    options.web_sockets = sockets;
    auto server =
        HttpServer::Start(options, [this](const HttpRequest& request) { return Answer(request); });
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  HttpResponse Answer(const HttpRequest& request) {
    if (request.path != "/events") {
      return ErrorResponse(404, "there is nothing at this path");
    }
    if (!request.wants_web_socket) {
      return JsonResponse(200, "\"plain\"");
    }
    HttpResponse response;
    response.status = 101;
    response.upgrade = WebSocketUpgrade{.subprotocol = "bulk-jobs.v1",
                                        .on_open = [this](std::weak_ptr<WebSocket> socket) {
                                          opened_.Push(std::move(socket));
                                          return WebSocketEvents{.on_end = [this] { ++ended_; }};
                                        }};
    return response;
  }

  WebSocketClient Connect(const std::string& target = "/events") {
    return WebSocketClient(server_->port(), ca_.path(), target);
  }
  // The server's side of the client that connected last.
  std::shared_ptr<WebSocket> Opened() {
    return opened_.PopFor(absl::Seconds(20)).value_or(std::weak_ptr<WebSocket>()).lock();
  }
  void AwaitEnds(int count) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (ended_ < count && std::chrono::steady_clock::now() < end) {
      std::this_thread::yield();
    }
    EXPECT_EQ(ended_, count);
  }

  const TempDir folder_ = *TempDir::Create("web_socket");
  const TestCa ca_{folder_.path(), "ca"};
  TestIdentity identity_;
  BoundedQueue<std::weak_ptr<WebSocket>> opened_{100};
  std::atomic<int> ended_ = 0;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(WebSocketTest, RequestsAreServedOverTls) {
  Serve();
  HttpClient client(server_->port(), ca_.path());
  EXPECT_EQ(client.Get("/events").body, "\"plain\"");
  EXPECT_EQ(client.Get("/events").connections, 0) << "the connection is kept";
  EXPECT_EQ(client.Get("/none").status, 404);
}

TEST_F(WebSocketTest, ALargeBodyAndAFilePassThroughTls) {
  const std::string path = (folder_.path() / "big").string();
  const std::string contents(3 << 20, 'x');
  ASSERT_TRUE(WriteFileDurably(path, contents).ok());
  HttpServerOptions options;
  options.port = 0;
  options.tls = {.cert_file = identity_.certificate, .key_file = identity_.key};
  const auto server = HttpServer::Start(options, [&](const HttpRequest& request) {
    HttpResponse response;
    if (request.method == "POST") {
      response.body = absl::StrCat(request.body.size());
    } else {
      response.file = HttpFile{.fd = UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)),
                               .length = static_cast<std::int64_t>(contents.size())};
    }
    return response;
  });
  ASSERT_TRUE(server.ok()) << server.status();
  HttpClient client((*server)->port(), ca_.path());
  EXPECT_EQ(client.Call("/", {.method = "POST", .body = std::string(1 << 20, 'y')}).body,
            absl::StrCat(1 << 20));
  EXPECT_EQ(client.Get("/").body, contents);
}

TEST_F(WebSocketTest, WhoSpeaksNoTlsGetsNoAnswer) {
  Serve();
  EXPECT_EQ(HttpClient(server_->port()).Get("/events").status, 0);
  RawClient raw(server_->port());
  raw.Send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(raw.Receive(), ::testing::Not(HasSubstr("plain")));
}

TEST_F(WebSocketTest, ARenewedCertificateIsTakenUp) {
  Serve();
  const TestCa renewed(folder_.path(), "renewed");
  const TestIdentity fresh = renewed.Issue("fresh", {.names = "IP:127.0.0.1"});
  // The key first: in between, the old pair stays in use.
  std::filesystem::copy_file(
      fresh.key, identity_.key, std::filesystem::copy_options::overwrite_existing);
  std::filesystem::copy_file(
      fresh.certificate, identity_.certificate, std::filesystem::copy_options::overwrite_existing);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  int status = 0;
  while (status == 0 && std::chrono::steady_clock::now() < end) {
    status = HttpClient(server_->port(), renewed.path()).Get("/events").status;
  }
  EXPECT_EQ(status, 200);
}

TEST_F(WebSocketTest, AKeyOfAnotherCertificateIsAnErrorThatNamesIt) {
  const TestIdentity other = ca_.Issue("other", {.names = "IP:127.0.0.1"});
  HttpServerOptions options;
  options.port = 0;
  options.tls = {.cert_file = identity_.certificate, .key_file = other.key};
  const auto server = HttpServer::Start(options, [](const HttpRequest&) { return HttpResponse(); });
  EXPECT_EQ(server.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(server.status().message()), HasSubstr(other.key.string()));
}

TEST_F(WebSocketTest, AClientIsToldInOrder) {
  Serve();
  WebSocketClient client = Connect();
  EXPECT_EQ(client.status(), 101);
  EXPECT_EQ(client.header("Sec-WebSocket-Protocol"), "bulk-jobs.v1");
  EXPECT_EQ(client.header("X-Correlation-Id").size(), 26u);
  const auto socket = Opened();
  ASSERT_NE(socket, nullptr);
  for (int i = 0; i < 100; ++i) {
    socket->Send(Text(absl::StrCat(i)));
  }
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(client.Next(), i);
  }
}

TEST_F(WebSocketTest, ARefusalIsAnOrdinaryAnswer) {
  Serve();
  WebSocketClient client = Connect("/none");
  EXPECT_EQ(client.status(), 404);
  EXPECT_EQ(nlohmann::json::parse(client.body())["error_code"], "not_found");
}

TEST_F(WebSocketTest, AHandshakeThatIsNoneIsAnOrdinaryRequest) {
  Serve();
  HttpClient client(server_->port(), ca_.path());
  for (const char* version : {"Sec-WebSocket-Version: 8", "Sec-WebSocket-Version: 13"}) {
    EXPECT_EQ(client.Get("/events", {"Connection: Upgrade", "Upgrade: websocket", version}).body,
              "\"plain\"");
  }
}

TEST_F(WebSocketTest, TheEndOfAClientIsNoticed) {
  Serve();
  {
    WebSocketClient client = Connect();
    EXPECT_NE(Opened(), nullptr);
  }
  AwaitEnds(1);
}

TEST_F(WebSocketTest, AMessageAboveTheLimitEndsTheClientAlone) {
  Serve({.message_bytes_max = 100});
  WebSocketClient talker = Connect();
  Opened();
  WebSocketClient other = Connect();
  const auto others = Opened();
  EXPECT_TRUE(talker.Send(std::string(100, 'x')));
  EXPECT_TRUE(talker.Send(std::string(101, 'x')));
  EXPECT_EQ(talker.Next(), std::nullopt);
  EXPECT_EQ(talker.close_code(), 1009);
  others->Send(Text("1"));
  EXPECT_EQ(other.Next(), 1);
}

TEST_F(WebSocketTest, AClientThatDoesNotReadIsDroppedWithACode) {
  Serve({.queue_bytes_max = 1 << 20});
  WebSocketClient client = Connect();
  const auto socket = Opened();
  const auto message = Text(absl::StrCat("\"", std::string(100'000, 'x'), "\""));
  // More than the kernel's buffers and the queue hold together.
  for (int i = 0; i < 300; ++i) {
    socket->Send(message);
  }
  int read = 0;
  while (client.Next().has_value()) {
    ++read;
  }
  EXPECT_LT(read, 300);
  EXPECT_EQ(client.close_code(), 1013);
  AwaitEnds(1);
}

TEST_F(WebSocketTest, AClientThatNeverReadsAgainIsCutOff) {
  Serve({.queue_bytes_max = 1 << 20, .close_timeout = absl::Seconds(1)});
  WebSocketClient client = Connect();
  const auto message = Text(absl::StrCat("\"", std::string(100'000, 'x'), "\""));
  {
    const auto socket = Opened();
    for (int i = 0; i < 300; ++i) {
      socket->Send(message);
    }
  }
  AwaitEnds(1);
}

TEST_F(WebSocketTest, SilentClientsArePingedAndKept) {
  Serve({.idle_timeout = absl::Seconds(2)});
  WebSocketClient client = Connect();
  client.AwaitPings(2);
}

TEST_F(WebSocketTest, AClientThatAnswersNoPingIsDropped) {
  Serve({.idle_timeout = absl::Milliseconds(200)});
  WebSocketClient client = Connect();  // Reads nothing, hence answers nothing.
  Opened();
  AwaitEnds(1);
}

TEST_F(WebSocketTest, AboveTheLimitThereIsA503AndTheOthersGoOn) {
  Serve({.connections_max = 1});
  WebSocketClient first = Connect();
  const auto socket = Opened();
  WebSocketClient second = Connect();
  EXPECT_EQ(second.status(), 503);
  EXPECT_EQ(second.header("Retry-After"), "1");
  socket->Send(Text("1"));
  EXPECT_EQ(first.Next(), 1);
}

TEST_F(WebSocketTest, AStopSaysGoingAwayAfterWhatWasSent) {
  Serve();
  WebSocketClient client = Connect();
  Opened()->Send(Text("1"));
  std::thread stopper([this] { server_->Stop(); });
  EXPECT_EQ(client.Next(), 1);
  EXPECT_EQ(client.Next(), std::nullopt);
  EXPECT_EQ(client.close_code(), 1001);
  stopper.join();
  EXPECT_EQ(ended_, 1);
}

}  // namespace
}  // namespace rn
