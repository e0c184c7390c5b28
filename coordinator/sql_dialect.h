// Where SQLite and PostgreSQL differ. The store's statements are written once, in what both read;
// what one of them does not know or need is changed here, as a statement is prepared.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace rn {

enum class SqlDialect { kSqlite, kPostgres };

// SQLite has one writer at a time: row locks ("… FOR UPDATE", "… FOR UPDATE OF i SKIP LOCKED"),
// which end a statement, are left out.
std::string InDialect(SqlDialect dialect, absl::string_view statement);

// Of CREATE and ALTER. Texts compare byte by byte, whatever the database's collation.
std::string SchemaInDialect(SqlDialect dialect, absl::string_view statement);

// What a text column holds. PostgreSQL's cannot hold the character NUL, which becomes U+FFFD.
std::string TextInDialect(SqlDialect dialect, std::string text);

}  // namespace rn
