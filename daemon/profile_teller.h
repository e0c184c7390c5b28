// What the coordinator's scheduler should know of this node, and whether it has heard it: said with
// a Sync when it changed, and again until such a Sync was answered.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "proto/node.pb.h"

namespace rn {

// Not thread-safe.
class ProfileTeller {
 public:
  // Job specs and files that were fetched are kept by the caches; the least recently used are named
  // no more.
  static constexpr std::size_t kSpecsMax = 64, kFilesMax = 1024;

  void OnFetched(const std::string& spec_digest, const std::vector<std::uint64_t>& files);
  void OnRendered(const rendernode::Usage& usage);
  void OnSession();  // A new one.
  void OnAnswer(const rendernode::SyncResponse& response);
  void OnFailure();

  // For the Sync that is composed now; nothing: the coordinator knows.
  std::optional<rendernode::NodeProfile> ToSay();

 private:
  std::deque<std::string> specs_;  // The latest last.
  std::deque<std::uint64_t> files_;
  double frames_per_second_ = 0;
  // Serialised, as the coordinator last heard it, and in the Sync under way; nothing: not at all.
  std::optional<std::string> heard_, saying_;
};

}  // namespace rn
