#include "coordinator/sql_error.h"

#include <soci/postgresql/soci-postgresql.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include <exception>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace rn {
namespace {

absl::StatusCode SqliteCode(int result) {
  switch (result & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_NOMEM:
      return absl::StatusCode::kUnavailable;
    case SQLITE_CONSTRAINT:
      return absl::StatusCode::kAlreadyExists;
    case SQLITE_CORRUPT:
      return absl::StatusCode::kDataLoss;
    case SQLITE_NOTADB:
      return absl::StatusCode::kFailedPrecondition;
    default:
      return absl::StatusCode::kInternal;
  }
}

bool IsOneOf(absl::string_view state, std::initializer_list<absl::string_view> states) {
  for (const absl::string_view one : states) {
    if (state == one) {
      return true;
    }
  }
  return false;
}

// https://www.postgresql.org/docs/15/errcodes-appendix.html
SqlFault PostgresFault(absl::string_view state) {
  // Blank: libpq's own, as when the server has gone. 57P…: it goes, or is not there yet. 25006: it
  // is a standby now.
  if (absl::StripAsciiWhitespace(state).empty() || absl::StartsWith(state, "08") ||
      IsOneOf(state, {"57P01", "57P02", "57P03", "57P05", "25006", "25P03"})) {
    return SqlFault::kConnection;
  }
  return IsOneOf(state, {"40001", "40P01"}) ? SqlFault::kTransaction : SqlFault::kStatement;
}

absl::StatusCode PostgresCode(absl::string_view state) {
  if (PostgresFault(state) != SqlFault::kStatement) {
    return absl::StatusCode::kUnavailable;
  }
  if (IsOneOf(state, {"XX001", "XX002"})) {
    return absl::StatusCode::kDataLoss;
  }
  if (absl::StartsWith(state, "22")) {
    return absl::StatusCode::kInvalidArgument;
  }
  if (absl::StartsWith(state, "23")) {
    return absl::StatusCode::kAlreadyExists;
  }
  // Resources, limits of time, locks, the server's disk.
  const bool now_only = absl::StartsWith(state, "53") || absl::StartsWith(state, "58") ||
                        IsOneOf(state, {"55P03", "57014"});
  return now_only ? absl::StatusCode::kUnavailable : absl::StatusCode::kInternal;
}

// Without SOCI's context, in which all values of the statement are.
std::string MessageOf(const soci::soci_error& error) {
  return absl::StrCat("store: ", absl::StripAsciiWhitespace(error.get_error_message()));
}

}  // namespace

SqlOutcome RunSql(absl::FunctionRef<absl::Status()> body) {
  try {
    absl::Status status = body();
    const SqlFault fault = status.ok() ? SqlFault::kNone : SqlFault::kStatement;
    return {std::move(status), fault};
  } catch (const soci::sqlite3_soci_error& error) {
    return {absl::Status(SqliteCode(error.result()), MessageOf(error)), SqlFault::kStatement};
  } catch (const soci::postgresql_soci_error& error) {
    const std::string state = error.sqlstate();
    return {absl::Status(PostgresCode(state), MessageOf(error)), PostgresFault(state)};
  } catch (const soci::soci_error& error) {
    return {absl::InternalError(MessageOf(error)), SqlFault::kStatement};
  } catch (const std::exception& error) {
    return {absl::InternalError(absl::StrCat("store: ", error.what())), SqlFault::kStatement};
  }
}

absl::Status CatchingSql(absl::FunctionRef<absl::Status()> body) {
  return RunSql(body).status;
}

}  // namespace rn
