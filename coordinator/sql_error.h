// What it means when a database refuses: to the caller, and to the transaction under way.
#pragma once

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

namespace rn {

enum class SqlFault {
  kNone,
  kStatement,    // This statement, or the body that ran it, and nothing else.
  kTransaction,  // It lost against another transaction: run again, it may pass.
  kConnection,   // The connection is of no use any more; what it had begun is undone.
};

struct SqlOutcome {
  absl::Status status;
  SqlFault fault = SqlFault::kNone;  // kNone exactly where `status` is OK.
};

// Runs `body`; a database error that it throws becomes a Status. Unavailable: busy, full, gone, or
// cannot be read or written now. AlreadyExists: a constraint. InvalidArgument: a value that the
// database cannot hold. DataLoss: damaged.
SqlOutcome RunSql(absl::FunctionRef<absl::Status()> body);
absl::Status CatchingSql(absl::FunctionRef<absl::Status()> body);

}  // namespace rn
