#include "daemon/journal_writer.h"

#include <spdlog/spdlog.h>

#include <optional>
#include <utility>

#include "base/status.h"

namespace rn {
namespace {

constexpr std::size_t kBatchMax = 256;  // Writes of one fsync.
// Forgotten leases that wait for the disk. The rest is committed again after a restart, and found
// a duplicate.
constexpr std::size_t kOwedMax = 10000;

template <typename... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <typename... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

}  // namespace

JournalWriter::JournalWriter(std::unique_ptr<Journal> journal,
                             std::size_t writes_max,
                             std::function<void(Event)> post)
    : journal_(std::move(journal)),
      post_(std::move(post)),
      writes_(writes_max),
      thread_([this] { Work(); }) {}

JournalWriter::~JournalWriter() {
  writes_.Close();
  thread_.join();
}

bool JournalWriter::Do(JournalWrite write) {
  return writes_.TryPush(std::move(write));
}

void JournalWriter::Work() {
  while (std::optional<JournalWrite> first = writes_.Pop()) {
    std::vector<JournalWrite> batch;
    batch.push_back(*std::move(first));
    while (batch.size() < kBatchMax) {
      std::optional<JournalWrite> next = writes_.PopFor(absl::ZeroDuration());
      if (!next.has_value()) {
        break;
      }
      batch.push_back(*std::move(next));
    }
    Write(batch);
  }
}

// One bad write must not fail its neighbours: then each is tried alone.
void JournalWriter::Write(const std::vector<JournalWrite>& batch) {
  const absl::Status together = journal_->Together([&]() -> absl::Status {
    for (const JournalWrite& write : batch) {
      RETURN_IF_ERROR(Put(write));
    }
    return absl::OkStatus();
  });
  if (together.ok() && !owed_.empty() && journal_->Forget(owed_).ok()) {
    owed_.clear();
  }
  for (const JournalWrite& write : batch) {
    Answer(write, together.ok() || batch.size() == 1 ? together : Put(write));
  }
}

absl::Status JournalWriter::Put(const JournalWrite& write) {
  return std::visit(
      Overloaded{[&](const JournalLeases& put) {
                   for (const rendernode::Lease& lease : put.leases) {
                     std::erase(owed_, LeaseKey::Of(lease.ref()));
                   }
                   return journal_->PutLeases(put.leases);
                 },
                 [&](const JournalStart& put) { return journal_->PutStart(put.key); },
                 [&](const JournalResult& put) {
                   return journal_->PutResult(put.key, put.result, put.uploaded);
                 },
                 [&](const JournalForget& forget) { return journal_->Forget(forget.keys); }},
      write);
}

void JournalWriter::Answer(const JournalWrite& write, const absl::Status& status) {
  std::visit(Overloaded{[&](const JournalLeases& put) {
                          LeasesJournalled journalled{.status = status};
                          for (const rendernode::Lease& lease : put.leases) {
                            journalled.keys.push_back(LeaseKey::Of(lease.ref()));
                          }
                          post_(std::move(journalled));
                        },
                        [&](const JournalResult& put) {
                          post_(ResultJournalled{put.key, status});
                        },
                        [&](const JournalStart&) {
                          if (!status.ok()) {
                            SPDLOG_WARN("start not counted error=\"{}\"", status.ToString());
                          }
                        },
                        [&](const JournalForget& forget) {
                          if (status.ok()) {
                            return;
                          }
                          SPDLOG_WARN("lease not forgotten yet error=\"{}\"", status.ToString());
                          if (owed_.size() < kOwedMax) {
                            owed_.insert(owed_.end(), forget.keys.begin(), forget.keys.end());
                          }
                        }},
             write);
}

}  // namespace rn
