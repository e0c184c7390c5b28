// The coordinator's store in one SQLite file (WAL, synchronous=FULL); tables: schema.sql.
// The file carries our application id and a schema version; any other file is refused, untouched.
// One of an older version is brought to ours as it is opened.
#pragma once

#include <filesystem>
#include <memory>

#include "absl/status/statusor.h"
#include "coordinator/store.h"
#include "coordinator/store_limits.h"

namespace rn {

// Creates the file when absent. DataLoss: damaged. FailedPrecondition: not a store of ours, or one
// of a newer version.
absl::StatusOr<std::unique_ptr<Store>> OpenSqliteStore(const std::filesystem::path& path,
                                                       const StoreLimits& limits = {});

}  // namespace rn
