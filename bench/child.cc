#include "bench/child.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/clock.h"
#include "base/status.h"
#include "base/subprocess.h"

namespace rn {
namespace {

constexpr absl::Duration kSampling = absl::Milliseconds(200);    // of memory
constexpr absl::Duration kStragglersMax = absl::Seconds(5);      // until they are killed
constexpr std::size_t kOutputBytesKept = std::size_t{16} << 10;  // of what it printed last

double CpuSecondsOfReapedChildren() {
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  return absl::ToDoubleSeconds(absl::DurationFromTimeval(usage.ru_utime) +
                               absl::DurationFromTimeval(usage.ru_stime));
}

// ------------------------------------------------------------------- memory
// Who started whom, of every process there is now.
std::multimap<pid_t, pid_t> ChildrenByParent() {
  std::multimap<pid_t, pid_t> children;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc() || end != name.data() + name.size()) continue;
    std::string stat;
    std::getline(std::ifstream(entry.path() / "stat"), stat);
    const std::size_t after_name = stat.rfind(')');  // "12 (a name (odd)) S 1 …"
    if (after_name == std::string::npos) continue;   // Gone already.
    std::istringstream fields(stat.substr(after_name + 1));
    std::string state;
    pid_t parent = 0;
    fields >> state >> parent;
    children.emplace(parent, pid);
  }
  return children;
}

std::vector<pid_t> Descendants(pid_t root) {
  const std::multimap<pid_t, pid_t> children = ChildrenByParent();
  std::vector<pid_t> found;
  std::vector<pid_t> open = {root};
  while (!open.empty()) {
    const auto [begin, end] = children.equal_range(open.back());
    open.pop_back();
    for (auto child = begin; child != end; ++child) {
      found.push_back(child->second);
      open.push_back(child->second);
    }
  }
  return found;
}

// A page that n processes share counts 1/n for each.
double ProportionalMib(pid_t pid) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/smaps_rollup"));
  std::string word;
  while (file >> word) {
    if (word != "Pss:") continue;
    double kib = 0;
    file >> kib;
    return kib / 1024;
  }
  return 0;  // Gone already.
}

// What all of them hold together; 0 where there is but one: the kernel knows its peak.
double MibOfFamily() {
  const std::vector<pid_t> family = Descendants(getpid());
  if (family.size() < 2) return 0;
  double sum = 0;
  for (const pid_t pid : family) sum += ProportionalMib(pid);
  return sum;
}

// The child has ended and waits to be reaped.
absl::StatusOr<double> PeakMibOf(pid_t pid) {
  siginfo_t info{};
  rusage usage{};
  // The system call knows the resources of a child that is left unreaped; the C library's does not.
  if (syscall(SYS_waitid, P_PID, pid, &info, WEXITED | WNOWAIT, &usage) != 0) {
    return ErrnoStatus(errno, "waitid");
  }
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

// ------------------------------------------------------------------- one run
void ReadWhatIsThere(int fd, std::string* output) {
  char buffer[4096];
  while (true) {
    const ssize_t n = read(fd, buffer, sizeof buffer);
    if (n <= 0) break;
    output->append(buffer, static_cast<std::size_t>(n));
  }
  if (output->size() > kOutputBytesKept) output->erase(0, output->size() - kOutputBytesKept);
}

// Descendants whose own parents are gone have become our children: their processor time counts
// once they are reaped.
void ReapStragglers(Clock& clock) {
  const absl::Duration end = clock.SinceBoot() + kStragglersMax;
  while (true) {
    const pid_t reaped = waitpid(-1, nullptr, WNOHANG);
    if (reaped < 0) return;  // There is none left.
    if (reaped > 0) continue;
    if (clock.SinceBoot() > end) {
      for (const pid_t pid : Descendants(getpid())) kill(pid, SIGKILL);
    }
    poll(nullptr, 0, 10);
  }
}

std::vector<std::string> OurEnvironmentAnd(const std::vector<std::string>& more) {
  std::vector<std::string> all = more;  // First: the first of a name counts.
  for (char** entry = environ; *entry != nullptr; ++entry) all.emplace_back(*entry);
  return all;
}

// Returns its peak of memory, when it has ended.
absl::StatusOr<double> Watch(Subprocess& child, absl::Duration end, std::string* output) {
  double peak_mib = 0;
  while (true) {
    pollfd ready{.fd = child.pidfd(), .events = POLLIN, .revents = 0};
    poll(&ready, 1, static_cast<int>(absl::ToInt64Milliseconds(kSampling)));
    ReadWhatIsThere(child.output(), output);
    if (ready.revents != 0) break;
    peak_mib = std::max(peak_mib, MibOfFamily());
    if (Clock::System().SinceBoot() > end) return absl::DeadlineExceededError("took too long");
  }
  ASSIGN_OR_RETURN(const double own_mib, PeakMibOf(child.pid()));
  return std::max(peak_mib, own_mib);
}

}  // namespace

absl::StatusOr<std::filesystem::path> FindProgram(absl::string_view name) {
  if (absl::StrContains(name, "/")) return std::filesystem::path(std::string(name));
  const char* path = std::getenv("PATH");
  const std::string folders = path == nullptr ? "/usr/bin:/bin" : path;
  for (const absl::string_view folder : absl::StrSplit(folders, ':')) {
    const std::filesystem::path candidate = absl::StrCat(folder, "/", name);
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return absl::NotFoundError(absl::StrCat("no program \"", name, "\" in ", folders));
}

absl::StatusOr<ChildCost> RunChild(const ChildCommand& command, absl::Duration timeout) {
  Clock& clock = Clock::System();
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  const double cpu_before_s = CpuSecondsOfReapedChildren();
  const absl::Duration begin = clock.SinceBoot();
  SubprocessOptions options{.argv = command.argv,
                            .environment = OurEnvironmentAnd(command.environment),
                            .working_directory = command.working_directory,
                            .with_channel = false,
                            .with_output = true};
  ASSIGN_OR_RETURN(const std::filesystem::path program, FindProgram(command.argv.at(0)));
  options.argv[0] = program.string();
  std::string output;
  absl::StatusOr<double> peak_mib = 0.0;
  ExitStatus ended;
  double wall_s = 0;
  {
    ASSIGN_OR_RETURN(Subprocess child, Subprocess::Start(options));
    peak_mib = Watch(child, begin + timeout, &output);
    wall_s = absl::ToDoubleSeconds(clock.SinceBoot() - begin);
    if (!peak_mib.ok()) child.Kill();
    ASSIGN_OR_RETURN(ended, child.Wait(absl::InfiniteDuration()));
  }
  ReapStragglers(clock);
  if (!peak_mib.ok()) return Annotate(peak_mib.status(), absl::StrJoin(command.argv, " "));
  if (ended.exit_code != 0) {
    return absl::InternalError(
        absl::StrCat(absl::StrJoin(command.argv, " "), ": ", ended.ToString(), "\n", output));
  }
  return ChildCost{.cpu_s = CpuSecondsOfReapedChildren() - cpu_before_s,
                   .wall_s = wall_s,
                   .peak_rss_mib = *peak_mib};
}

}  // namespace rn
