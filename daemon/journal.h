// What the node must not forget over a crash: the leases it holds, results nobody has acknowledged,
// and how often it has started. One SQLite file (WAL, synchronous=FULL):
//   leases(item_id, fence, lease BLOB, granted_at_ms, result BLOB NULL, uploaded), meta(name,
//   value)
// The file carries our application id and a schema version; any other file is refused, untouched.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/node.h"
#include "proto/node.pb.h"

struct sqlite3;

namespace rn {

// Every method is durable on return (one fsync) and changes nothing when it fails.
// Not thread-safe. Locks the file: a second Journal of the same path fails to open.
class Journal {
 public:
  // Creates the file when absent. DataLoss: damaged. FailedPrecondition: not a journal of ours, or
  // one of a newer version. Unavailable: another process has it.
  static absl::StatusOr<std::unique_ptr<Journal>> Open(const std::filesystem::path& path);
  ~Journal();

  // One more than the last time, from 1.
  absl::StatusOr<std::uint64_t> RaiseIncarnation();

  // In the order in which they were put. DataLoss: a record that cannot be read.
  absl::StatusOr<std::vector<JournalledLease>> Load();

  // All or none. A lease that is there already keeps its result.
  absl::Status PutLeases(const std::vector<rendernode::Lease>& leases, absl::Time granted_at);

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
  explicit Journal(Database database);
  static absl::StatusOr<Database> OpenDatabase(const std::filesystem::path& path, int flags);
  static absl::Status Create(const std::filesystem::path& path);

  Database database_;
};

}  // namespace rn
