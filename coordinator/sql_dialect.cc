#include "coordinator/sql_dialect.h"

#include "absl/strings/str_replace.h"

namespace rn {
namespace {

constexpr absl::string_view kRowLock = " FOR UPDATE";

}  // namespace

std::string InDialect(SqlDialect dialect, absl::string_view statement) {
  switch (dialect) {
    case SqlDialect::kSqlite:
      return std::string(statement.substr(0, statement.find(kRowLock)));
    case SqlDialect::kPostgres:
      return std::string(statement);
  }
  return {};
}

std::string SchemaInDialect(SqlDialect dialect, absl::string_view statement) {
  switch (dialect) {
    case SqlDialect::kSqlite:
      return std::string(statement);
    case SqlDialect::kPostgres:
      return absl::StrReplaceAll(statement, {{" TEXT", " TEXT COLLATE \"C\""}});
  }
  return {};
}

std::string TextInDialect(SqlDialect dialect, std::string text) {
  if (dialect == SqlDialect::kPostgres && text.find('\0') != std::string::npos) {
    return absl::StrReplaceAll(text, {{absl::string_view("\0", 1), "\xef\xbf\xbd"}});
  }
  return text;
}

}  // namespace rn
