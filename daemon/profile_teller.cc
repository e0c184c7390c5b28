#include "daemon/profile_teller.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace rn {
namespace {

// The newest render counts so much.
constexpr double kNewest = 0.2;

template <typename Value>
void Remember(std::deque<Value>& values, const Value& value, std::size_t max) {
  std::erase(values, value);
  values.push_back(value);
  if (values.size() > max) {
    values.pop_front();
  }
}

// Two digits: what differs by less is not worth a word.
double Rounded(double value) {
  if (value <= 0) {
    return 0;
  }
  const double step = std::pow(10, std::floor(std::log10(value)) - 1);
  return std::round(value / step) * step;
}

}  // namespace

void ProfileTeller::OnFetched(const std::string& spec_digest,
                              const std::vector<std::uint64_t>& files) {
  Remember(specs_, spec_digest, kSpecsMax);
  for (const std::uint64_t file : files) {
    Remember(files_, file, kFilesMax);
  }
}

void ProfileTeller::OnRendered(const rendernode::Usage& usage) {
  if (usage.frames() == 0 || usage.wall_s() <= 0) {
    return;
  }
  const double measured = usage.frames() / usage.wall_s();
  frames_per_second_ =
      frames_per_second_ == 0
          ? measured
          : std::exp(std::log(frames_per_second_) * (1 - kNewest) + std::log(measured) * kNewest);
}

void ProfileTeller::OnSession() {
  heard_.reset();
  saying_.reset();
}

void ProfileTeller::OnAnswer(const rendernode::SyncResponse& response) {
  if (saying_.has_value()) {
    heard_ = std::exchange(saying_, std::nullopt);
  } else if (response.profile_wanted()) {
    heard_.reset();
  }
}

void ProfileTeller::OnFailure() {
  saying_.reset();
}

std::optional<rendernode::NodeProfile> ProfileTeller::ToSay() {
  rendernode::NodeProfile profile;
  profile.set_frames_per_second(Rounded(frames_per_second_));
  std::vector<std::string> specs(specs_.begin(), specs_.end());
  std::vector<std::uint64_t> files(files_.begin(), files_.end());
  // What was used last is no news.
  std::sort(specs.begin(), specs.end());
  std::sort(files.begin(), files.end());
  *profile.mutable_job_specs() = {specs.begin(), specs.end()};
  *profile.mutable_files() = {files.begin(), files.end()};
  std::string said = profile.SerializeAsString();
  if (heard_ == said) {
    return std::nullopt;
  }
  saying_ = std::move(said);
  return profile;
}

}  // namespace rn
