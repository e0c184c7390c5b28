// The coordinator's store in a PostgreSQL database, for any number of coordinators at once; tables:
// schema.sql. See docs/postgresql.md.
//
// Each method's promise is store.h's. Transactions run at READ COMMITTED with row locks; one that
// loses against another (deadlock, serialization failure) or whose connection is lost runs again,
// `tries_max` times in all. Unavailable also says that the connection was lost while a transaction
// ended: it may have been committed. Every method may be called again then, as lost replies are
// nothing new to whoever calls: only CreateJob without an idempotency key would make a second job.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "coordinator/postgres_news.h"
#include "coordinator/postgres_options.h"
#include "coordinator/store.h"
#include "coordinator/store_limits.h"

namespace rn {

// Makes the tables where there are none, and brings those of an older version to ours.
// FailedPrecondition: the database is not UTF-8, holds something else, or a store of a newer
// version. Unavailable: it cannot be reached. `news`, if there is one, outlives the store and is
// told what the store changes.
absl::StatusOr<std::unique_ptr<Store>> OpenPostgresStore(const PostgresOptions& options,
                                                         const StoreLimits& limits = {},
                                                         PostgresNews* news = nullptr);

}  // namespace rn
