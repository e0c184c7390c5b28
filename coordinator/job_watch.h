// What watchers of a job are to be told, given what they were told before: pure, without threads,
// sockets or a store. Messages are {"type", "data"} in JSON, as docs/websocket.md has them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "coordinator/artifact_urls.h"
#include "coordinator/scheduler.h"
#include "coordinator/store.h"
#include "coordinator/web_socket.h"

namespace rn {

struct JobMessage {
  enum class About { kJob, kVideo, kEnd };

  About about = About::kJob;
  std::uint32_t row = 0;  // Of a video.
  WebSocket::Message text;
};

// What a message needs beside the job: the clients' URLs, and what is so now.
struct JobMessageContext {
  const std::string& public_url;
  const ArtifactUrls& urls;
  absl::Time now;
  bool rate_limited = false;                        // The job's tenant asks too often.
  std::optional<Forecast> forecast = std::nullopt;  // When the job will be done.
};

// What somebody who begins to watch is told first: the state (its prior one is null), the progress.
std::vector<JobMessage> PresentState(const Job& job, const JobMessageContext& context);

// video.completed or video.failed; nothing of an item that is neither.
std::optional<JobMessage> VideoMessage(const Item& item, const JobMessageContext& context);

// job.completed or job.failed; nothing of a job that is neither.
std::optional<JobMessage> EndMessage(const Job& job, const JobMessageContext& context);

// One job, as its watchers know it. Not thread-safe.
class JobWatch {
 public:
  // Items are looked for again for so long after they ended: transactions do not become visible in
  // the order of their times, and replicas' clocks differ.
  static constexpr absl::Duration kOverlap = absl::Seconds(10);

  // `ended`: its items that ended at or after job.updated_at - kOverlap.
  JobWatch(const Job& job,
           const std::vector<Item>& ended,
           absl::Duration progress_interval,
           const JobMessageContext& context,
           absl::Duration since_boot);

  // Whether anything about the job is other than it was at the last look.
  bool Differs(const Job& job) const;

  // Items that ended since then are to be given to Update().
  absl::Time ended_since() const { return latest_ - kOverlap; }

  // What is new, in the order in which to tell it: a state that began, videos, progress, the end.
  // Progress at most once in `progress_interval`, but always before the end.
  std::vector<JobMessage> Update(const Job& job,
                                 const std::vector<Item>& ended,
                                 const JobMessageContext& context,
                                 absl::Duration since_boot);

  // When progress that was held back may be told: to be updated then. SinceBoot.
  std::optional<absl::Duration> progress_due() const { return progress_due_; }

  const Job& job() const { return job_; }

 private:
  struct Ended {
    std::uint64_t fence;
    ItemState state;
    absl::Time at;
  };

  bool IsNew(const Item& item);
  void ForgetOld();
  void TellProgress(const Job& job,
                    bool at_once,
                    const JobMessageContext& context,
                    absl::Duration since_boot,
                    std::vector<JobMessage>& messages);

  const absl::Duration progress_interval_;
  Job job_;
  absl::Time latest_;                     // The latest end of an item seen.
  std::map<std::uint32_t, Ended> ended_;  // By row; those that may be seen again.
  std::string progress_;                  // As told last.
  absl::Duration progress_told_;          // SinceBoot.
  std::optional<absl::Duration> progress_due_;
};

}  // namespace rn
