#include "tests/pipeline/tools.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/subprocess.h"

namespace rn {

std::string RunTool(const std::string& tool, const std::vector<std::string>& arguments) {
  SubprocessOptions options;
  options.argv = {absl::StrCat("/usr/bin/", tool)};
  options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
  options.with_channel = false;
  options.with_output = true;
  auto child = Subprocess::Start(options);
  EXPECT_TRUE(child.ok()) << child.status();
  if (!child.ok()) return "";
  std::string output;
  std::array<char, 65536> buffer{};
  while (true) {
    pollfd ready{.fd = child->output(), .events = POLLIN};
    poll(&ready, 1, -1);
    const ssize_t got = read(child->output(), buffer.data(), buffer.size());
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got <= 0) break;
    output.append(buffer.data(), static_cast<std::size_t>(got));
  }
  const auto ended = child->Wait(absl::Minutes(1));
  EXPECT_TRUE(ended.ok() && ended->exit_code == 0)
      << tool << ": " << (ended.ok() ? ended->ToString() : ended.status().ToString()) << "\n"
      << output;
  return output;
}

}  // namespace rn
