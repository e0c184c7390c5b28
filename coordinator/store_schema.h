// The tables of a store, and how those of an older version become ours; schema.sql has the newest.
#pragma once

#include <string>
#include <vector>

#include "coordinator/sql_dialect.h"

namespace rn {

inline constexpr int kStoreSchemaVersion = 8;

// What makes the tables of a new store, in order.
std::vector<std::string> StoreSchema(SqlDialect dialect);

// What brings a store from version `from` to kStoreSchemaVersion, in order: within one transaction,
// so that it is all of it or nothing.
std::vector<std::string> StoreMigrations(SqlDialect dialect, int from);

}  // namespace rn
