// How a PostgreSQL server is reached, and for how long it is waited for.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

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

// For libpq: what the URL says, and what it leaves open as `options` says.
std::string PostgresConninfo(const PostgresOptions& options);

}  // namespace rn
