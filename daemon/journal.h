// What the node must not forget over a crash: the leases it holds, results nobody has acknowledged,
// and how often it has started. One SQLite file (WAL, synchronous=FULL):
//   leases(item_id, fence, lease BLOB, granted_at_ms, granted_boot_id, granted_since_boot_ms,
//          starts, started_in, result BLOB NULL, uploaded), meta(name, value),
//   identity(journal_id)
// The file carries our application id and a schema version. An older version is brought up to date
// in one transaction; any other file is refused, untouched.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "daemon/node.h"
#include "proto/node.pb.h"

struct sqlite3;

namespace rn {

// Every method is durable on return (one fsync) and changes nothing when it fails.
// Not thread-safe. Locks the file: a second Journal of the same path fails to open.
class Journal {
 public:
  // Creates the file when absent. DataLoss: damaged. FailedPrecondition: not a journal of ours, or
  // one of a newer version. Unavailable: another process has it. `boot_id` names the boot whose
  // time `clock` counts; it outlives us.
  static absl::StatusOr<std::unique_ptr<Journal>> Open(const std::filesystem::path& path,
                                                       const Clock& clock,
                                                       std::string boot_id);
  ~Journal();

  // Moves a damaged journal out of the way of a new one, durably; returns where it is now.
  // Precondition: nobody has it open.
  static absl::StatusOr<std::filesystem::path> SetAside(const std::filesystem::path& path,
                                                        absl::Time now);

  // Random, made with the file: another one is another history. A file that was put back from a
  // backup shows by the same id with an incarnation that is not the next.
  const std::string& id() const { return id_; }

  // One more than the last time, from 1.
  absl::StatusOr<std::uint64_t> RaiseIncarnation();

  // In the order in which they were put. DataLoss: a record that cannot be read.
  absl::StatusOr<std::vector<JournalledLease>> Load();

  // All or none. A lease that is there already keeps its result, and its age.
  absl::Status PutLeases(const std::vector<rendernode::Lease>& leases);

  // Work on the lease begins in the present incarnation; said again it counts once. Absent: no
  // error.
  absl::Status PutStart(const LeaseKey& key);

  // NotFound: no such lease.
  absl::Status PutResult(const LeaseKey& key, const rendernode::ItemResult& result, bool uploaded);

  // Those that are absent are no error.
  absl::Status Forget(const std::vector<LeaseKey>& keys);

  // The writes that `writes` makes cost one fsync: all of them, or none when it returns an error.
  absl::Status Together(const std::function<absl::Status()>& writes);

 private:
  struct CloseDatabase {
    void operator()(sqlite3* database) const;
  };
  using Database = std::unique_ptr<sqlite3, CloseDatabase>;
  Journal(Database database, const Clock& clock, std::string boot_id, std::string id);
  static absl::StatusOr<Database> OpenDatabase(const std::filesystem::path& path, int flags);
  static absl::Status Create(const std::filesystem::path& path);

  const Clock& clock_;  // Outlives us.
  const std::string boot_id_;
  const std::string id_;
  std::uint64_t incarnation_ = 0;
  Database database_;
};

}  // namespace rn
