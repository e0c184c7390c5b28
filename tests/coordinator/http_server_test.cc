#include "coordinator/http_server.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <future>
#include <thread>

#include "tests/coordinator/http_client.h"

namespace rn {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

HttpResponse Echo(const HttpRequest& request) {
  HttpResponse response;
  response.headers = {{"Content-Type", "text/plain"}};
  response.body = absl::StrCat(request.method, " ", request.path, " [", request.body, "]");
  for (const auto& [name, value] : request.query) {
    absl::StrAppend(&response.body, " ", name, "=", value);
  }
  return response;
}

std::unique_ptr<HttpServer> Serve(HttpHandler handler, HttpServerOptions options = {}) {
  options.port = 0;
  auto server = HttpServer::Start(options, std::move(handler));
  EXPECT_TRUE(server.ok()) << server.status();
  return server.ok() ? *std::move(server) : nullptr;
}

TEST(HttpServer, HandsTheDecodedRequestToTheHandler) {
  const auto server = Serve(Echo);
  HttpClient client(server->port());
  const HttpReply reply =
      client.Call("/a%20b/%C3%A4?x=1&name=M%C3%BCller+Co", {.method = "POST", .body = "hello"});
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "POST /a b/ä [hello] x=1 name=Müller Co");
  EXPECT_EQ(reply.headers.at("content-length"), absl::StrCat(reply.body.size()));
}

TEST(HttpServer, EveryAnswerCarriesACorrelationIdAndKeepsTheClients) {
  const auto server = Serve(Echo);
  HttpClient client(server->port());
  EXPECT_EQ(client.Get("/").headers.at("x-correlation-id").size(), 26u);
  EXPECT_EQ(client.Get("/", {"X-Correlation-Id: order-42"}).headers.at("x-correlation-id"),
            "order-42");
  EXPECT_EQ(client.Get("/", {"X-Correlation-Id: has space"}).headers.at("x-correlation-id").size(),
            26u);
}

TEST(HttpServer, AConnectionServesManyRequests) {
  const auto server = Serve(Echo);
  HttpClient client(server->port());
  EXPECT_EQ(client.Get("/1").connections, 1);
  EXPECT_EQ(client.Get("/2").connections, 0);
  EXPECT_EQ(client.Call("/3", {.method = "POST", .body = "x"}).connections, 0);
}

TEST(HttpServer, PipelinedRequestsAreAnsweredInOrder) {
  const auto server = Serve(Echo);
  RawClient client(server->port());
  client.Send(
      "GET /first HTTP/1.1\r\nHost: x\r\n\r\n"
      "GET /second HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string answers = client.Receive();
  EXPECT_LT(answers.find("/first"), answers.find("/second"));
  EXPECT_THAT(answers, HasSubstr("/second"));
}

TEST(HttpServer, HeadGetsTheHeadersAlone) {
  const auto server = Serve(Echo);
  HttpClient client(server->port());
  const HttpReply reply = client.Call("/x", {.method = "HEAD"});
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "");
  EXPECT_EQ(reply.headers.at("content-length"), absl::StrCat(std::string("HEAD /x []").size()));
  EXPECT_EQ(client.Get("/y").body, "GET /y []") << "the connection stays usable after HEAD";
}

TEST(HttpServer, AFileIsStreamedFromItsOffset) {
  const auto folder = TempDir::Create("http");
  ASSERT_TRUE(folder.ok());
  const std::string path = (folder->path() / "big").string();
  std::string contents(3 << 20, '\0');
  for (std::size_t i = 0; i < contents.size(); ++i) {
    contents[i] = static_cast<char>(i * 31 + i / 251);
  }
  std::ofstream(path, std::ios::binary) << contents;
  const auto server = Serve([&](const HttpRequest&) {
    HttpResponse response;
    response.file = HttpFile{.fd = UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)),
                             .offset = 100,
                             .length = 3'000'000};
    return response;
  });
  HttpClient client(server->port());
  EXPECT_EQ(client.Get("/").body, contents.substr(100, 3'000'000));
}

TEST(HttpServer, AFileCutShortBreaksTheTransferInsteadOfEndingIt) {
  const auto folder = TempDir::Create("http");
  ASSERT_TRUE(folder.ok());
  const std::string path = (folder->path() / "short").string();
  std::ofstream(path) << "abc";
  const auto server = Serve([&](const HttpRequest&) {
    HttpResponse response;
    response.file = HttpFile{.fd = UniqueFd(::open(path.c_str(), O_RDONLY)), .length = 10};
    return response;
  });
  RawClient client(server->port());
  client.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string answer = client.Receive();
  EXPECT_THAT(answer, HasSubstr("Content-Length: 10\r\n"));
  EXPECT_THAT(answer, ::testing::EndsWith("\r\n\r\nabc"));
}

TEST(HttpServer, ABodyAboveTheLimitIs413) {
  HttpServerOptions options;
  options.body_bytes_max = 1000;
  const auto server = Serve(Echo, options);
  HttpClient client(server->port());
  EXPECT_EQ(client.Call("/", {.method = "POST", .body = std::string(1000, 'a')}).status, 200);
  const HttpReply refused = client.Call("/", {.method = "POST", .body = std::string(1001, 'a')});
  EXPECT_EQ(refused.status, 413);
  EXPECT_THAT(refused.body, HasSubstr("longer than 1000 bytes"));
  EXPECT_THAT(refused.body, HasSubstr("payload_too_large"));
}

TEST(HttpServer, AChunkedBodyAboveTheLimitIs413) {
  HttpServerOptions options;
  options.body_bytes_max = 16;
  const auto server = Serve(Echo, options);
  RawClient client(server->port());
  client.Send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  client.Send(absl::StrCat("20\r\n", std::string(32, 'a'), "\r\n0\r\n\r\n"));
  EXPECT_THAT(client.Receive(), StartsWith("HTTP/1.1 413 "));
}

TEST(HttpServer, SomePathsTakeLongerBodiesButNotManyAtOnce) {
  HttpServerOptions options;
  options.body_bytes_max = 1000;
  options.large_body_bytes_max = 5000;
  options.large_bodies_max = 1;
  options.takes_large_body = [](absl::string_view method, absl::string_view path) {
    return method == "PUT" && path == "/large";
  };
  const auto server = Serve(Echo, options);
  HttpClient client(server->port());
  const std::string large(5000, 'a');
  EXPECT_EQ(client.Call("/large?x=1", {.method = "PUT", .body = large}).status, 200);
  EXPECT_EQ(client.Call("/large", {.method = "POST", .body = large}).status, 413);
  EXPECT_EQ(client.Call("/small", {.method = "PUT", .body = large}).status, 413);
  const HttpReply refused = client.Call("/large", {.method = "PUT", .body = large + "a"});
  EXPECT_EQ(refused.status, 413);
  EXPECT_THAT(refused.body, HasSubstr("longer than 5000 bytes"));
  RawClient chunked(server->port());
  chunked.Send("PUT /large HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  chunked.Send(absl::StrCat("7D0\r\n", std::string(2000, 'a'), "\r\n"));
  // It holds the only place there is, until it is done.
  HttpReply busy;
  do {
    busy = client.Call("/large", {.method = "PUT", .body = large});
  } while (busy.status == 200);
  EXPECT_EQ(busy.status, 503);
  EXPECT_EQ(client.Call("/large", {.method = "PUT", .body = "short"}).status, 200);
  chunked.Send("0\r\n\r\n");
  EXPECT_THAT(chunked.Receive(), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(client.Call("/large", {.method = "PUT", .body = large}).status, 200);
}

TEST(HttpServer, AHeaderAboveTheLimitIs431) {
  HttpServerOptions options;
  options.header_bytes_max = 1024;
  const auto server = Serve(Echo, options);
  HttpClient client(server->port());
  EXPECT_EQ(client.Get("/", {absl::StrCat("X-Long: ", std::string(2000, 'a'))}).status, 431);
}

TEST(HttpServer, GarbageIs400InTheEnvelope) {
  const auto server = Serve(Echo);
  RawClient client(server->port());
  client.Send("\x16\x03\x01 this is not HTTP\r\n\r\n");
  const std::string answer = client.Receive();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(answer, HasSubstr("\"error_code\":\"validation_error\""));
  EXPECT_THAT(answer, HasSubstr("X-Correlation-Id: "));
}

TEST(HttpServer, ABadTargetIs400) {
  const auto server = Serve(Echo);
  HttpClient client(server->port());
  EXPECT_EQ(client.Get("/%zz").status, 400);
  EXPECT_EQ(client.Get("/a%00b").status, 400);
  RawClient raw(server->port());
  raw.Send("GET http://elsewhere/ HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(raw.Receive(), StartsWith("HTTP/1.1 400 "));
}

TEST(HttpServer, ARequestThatStallsIs408) {
  HttpServerOptions options;
  options.request_timeout = absl::Milliseconds(50);
  const auto server = Serve(Echo, options);
  RawClient client(server->port());
  client.Send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf");
  EXPECT_THAT(client.Receive(), StartsWith("HTTP/1.1 408 "));
}

TEST(HttpServer, AnIdleConnectionIsClosedSilently) {
  HttpServerOptions options;
  options.idle_timeout = absl::Milliseconds(50);
  const auto server = Serve(Echo, options);
  RawClient client(server->port());
  EXPECT_EQ(client.Receive(), "");
}

TEST(HttpServer, ContinueIsSentToAClientThatWaitsForIt) {
  const auto server = Serve(Echo);
  RawClient client(server->port());
  client.Send(
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n"
      "Connection: close\r\n\r\n");
  EXPECT_THAT(client.Receive("\r\n\r\n"), StartsWith("HTTP/1.1 100 Continue"));
  client.Send("hello");
  EXPECT_THAT(client.Receive(), HasSubstr("POST / [hello]"));
}

TEST(HttpServer, AConnectionAboveTheLimitGets503AndTheOthersGoOn) {
  HttpServerOptions options;
  options.connections_max = 1;
  const auto server = Serve(Echo, options);
  HttpClient first(server->port());
  EXPECT_EQ(first.Get("/").status, 200);
  RawClient second(server->port());
  const std::string refused = second.Receive();
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(refused, HasSubstr("Retry-After: 1"));
  EXPECT_THAT(refused, HasSubstr("service_unavailable"));
  EXPECT_EQ(first.Get("/again").status, 200);
}

TEST(HttpServer, StopLetsARunningRequestFinishAndRefusesNewOnes) {
  std::promise<void> entered;
  std::promise<void> release;
  const auto server = Serve([&](const HttpRequest& request) {
    entered.set_value();
    release.get_future().wait();
    return Echo(request);
  });
  HttpReply reply;
  std::thread client([&] { reply = HttpClient(server->port()).Get("/slow"); });
  entered.get_future().wait();
  std::thread stopper([&] { server->Stop(); });
  // Accepting ends soon after Stop began; the running request keeps Stop from returning.
  while (RawClient(server->port()).connected()) {
    std::this_thread::yield();
  }
  release.set_value();
  client.join();
  stopper.join();
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.headers.at("connection"), "close");
}

TEST(HttpServer, StopClosesIdleConnections) {
  const auto server = Serve(Echo);
  HttpClient client(server->port());
  EXPECT_EQ(client.Get("/").status, 200);
  server->Stop();  // Would wait ten seconds for the kept-alive connection otherwise.
  EXPECT_EQ(client.Get("/").status, 0);
}

TEST(HttpServer, ATakenPortAndBadOptionsAreErrorsThatNameThem) {
  const auto server = Serve(Echo);
  HttpServerOptions options;
  options.port = server->port();
  const auto taken = HttpServer::Start(options, Echo);
  EXPECT_EQ(taken.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(taken.status().message()), HasSubstr(absl::StrCat(options.port)));
  options.address = "localhost";
  EXPECT_THAT(std::string(HttpServer::Start(options, Echo).status().message()),
              HasSubstr("\"localhost\" is not an IPv4 or IPv6 address"));
  options = {.io_threads = 0};
  EXPECT_THAT(std::string(HttpServer::Start(options, Echo).status().message()),
              HasSubstr("io_threads is 0; valid: 1 to 64"));
}

}  // namespace
}  // namespace rn
