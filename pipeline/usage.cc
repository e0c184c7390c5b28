#include "pipeline/usage.h"

#include <sys/resource.h>

namespace rn {
namespace {

constexpr std::uint64_t kRusageUnit = 1024;  // Linux counts ru_maxrss in KiB.

rusage SelfUsage() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage;
}

absl::Duration CpuTime() {
  const rusage usage = SelfUsage();
  return absl::DurationFromTimeval(usage.ru_utime) + absl::DurationFromTimeval(usage.ru_stime);
}

}  // namespace

UsageMeter::UsageMeter(Clock& clock)
    : clock_(clock), wall_begin_(clock.SinceBoot()), cpu_begin_(CpuTime()) {}

rendernode::Usage UsageMeter::Measure() const {
  rendernode::Usage usage;
  usage.set_cpu_s(absl::ToDoubleSeconds(CpuTime() - cpu_begin_));
  usage.set_wall_s(absl::ToDoubleSeconds(clock_.SinceBoot() - wall_begin_));
  usage.set_peak_rss_bytes(static_cast<std::uint64_t>(SelfUsage().ru_maxrss) * kRusageUnit);
  return usage;
}

}  // namespace rn
