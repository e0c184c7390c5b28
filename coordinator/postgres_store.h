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
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "coordinator/store.h"
#include "coordinator/store_limits.h"

namespace rn {

struct PostgresOptions {
  std::string url;  // postgresql://[user[:password]@][host][:port]/database[?name=value&…]
  int writers = 3;  // Connections that write, and others that read.
  int readers = 4;
  absl::Duration connect_timeout = absl::Seconds(5);
  absl::Duration lock_timeout = absl::Seconds(10);       // For one row that another has locked.
  absl::Duration statement_timeout = absl::Seconds(30);  // Then the server gives it up.
  int tries_max = 5;                                     // Of a transaction.
  absl::Duration reconnect_pause = absl::Seconds(1);     // Between two attempts to connect.
};

// InvalidArgument: it is no such URL.
absl::Status CheckPostgresUrl(absl::string_view url);
// For logs: without its password.
std::string WithoutPassword(const std::string& url);

// Makes the tables where there are none, and brings those of an older version to ours.
// FailedPrecondition: the database is not UTF-8, holds something else, or a store of a newer
// version. Unavailable: it cannot be reached.
absl::StatusOr<std::unique_ptr<Store>> OpenPostgresStore(const PostgresOptions& options,
                                                         const StoreLimits& limits = {});

}  // namespace rn
