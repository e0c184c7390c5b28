// A real S3 server on a loopback port: s3rver, as npm installed it. It keeps its objects in a
// folder, knows the keys S3RVER/S3RVER, and checks no signature of version 4.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/subprocess.h"
#include "daemon/s3_object_store.h"

namespace rn {

// One thread: the server dies with the thread that started it.
class S3Server {
 public:
  // Has the buckets "videos" and "others". `more`: further options of its command line.
  explicit S3Server(std::filesystem::path folder, std::vector<std::string> more = {})
      : folder_(std::move(folder)), more_(std::move(more)) {
    Start();
  }

  // SIGKILL, and again on the same port with what is on its disk.
  void Kill() { process_.reset(); }
  void Start() {
    std::vector<std::string> argv = {"/usr/bin/env",
                                     "node",
                                     RN_S3RVER "/node_modules/s3rver/bin/s3rver.js",
                                     "-d",
                                     (folder_ / "s3").string(),
                                     "-a",
                                     "127.0.0.1",
                                     "-p",
                                     absl::StrCat(port_),
                                     "--configure-bucket",
                                     "videos",
                                     "--configure-bucket",
                                     "others"};
    argv.insert(argv.end(), more_.begin(), more_.end());
    auto process = Subprocess::Start({.argv = std::move(argv),
                                      .environment = {"PATH=/usr/local/bin:/usr/bin:/bin"},
                                      .with_channel = false,
                                      .with_output = true});
    ASSERT_TRUE(process.ok()) << process.status();
    process_.emplace(*std::move(process));
    ASSERT_TRUE(AwaitPort()) << "no S3 server (S3ServerInstall installs it): " << said_;
  }

  int port() const { return port_; }
  std::string endpoint() const { return absl::StrCat("http://127.0.0.1:", port_); }

  // How often the server said `what` so far.
  int Said(const std::string& what) {
    Listen(/*milliseconds=*/0);
    int times = 0;
    for (std::size_t at = said_.find(what); at != std::string::npos;
         at = said_.find(what, at + 1)) {
      ++times;
    }
    return times;
  }

  // Options for a store in this server; `folder` is for the keys and what is under way.
  S3StoreOptions Options() const {
    const std::filesystem::path keys = folder_ / "keys";
    EXPECT_TRUE(WriteFileDurably(keys,
                                 "[default]\naws_access_key_id = S3RVER\n"
                                 "aws_secret_access_key = S3RVER\n")
                    .ok());
    S3StoreOptions options;
    options.client.account.endpoint = endpoint();
    options.client.account.credentials.file = keys;
    options.client.attempts_max = 3;
    options.client.retry = {.min = absl::Milliseconds(5), .max = absl::Milliseconds(50)};
    options.multipart_bytes_min = 5 << 20;
    options.part_bytes = 5 << 20;
    options.uploads_folder = folder_ / "uploads";
    return options;
  }

 private:
  static constexpr int kPatienceMs = 300000;  // Node starts slowly on a loaded machine.

  bool Listen(int milliseconds) {
    pollfd wait = {.fd = process_->output(), .events = POLLIN, .revents = 0};
    char block[4096];
    bool heard = false;
    while (poll(&wait, 1, heard ? 0 : milliseconds) > 0) {
      const ssize_t got = read(wait.fd, block, sizeof block);
      if (got <= 0) {
        return heard;
      }
      said_.append(block, static_cast<std::size_t>(got));
      heard = true;
    }
    return heard;
  }

  bool AwaitPort() {
    constexpr char kListening[] = "listening on 127.0.0.1:";
    const std::size_t from = said_.size();
    while (Listen(kPatienceMs)) {
      const std::size_t at = said_.find(kListening, from);
      if (at != std::string::npos && said_.find('\n', at) != std::string::npos) {
        const std::size_t port = at + sizeof kListening - 1;
        return absl::SimpleAtoi(said_.substr(port, said_.find('\n', at) - port), &port_);
      }
    }
    return false;
  }

  const std::filesystem::path folder_;
  const std::vector<std::string> more_;
  int port_ = 0;
  std::string said_;
  std::optional<Subprocess> process_;
};

}  // namespace rn
