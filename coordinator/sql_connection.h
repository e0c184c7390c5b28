// One database connection; statements are prepared at their first use and kept. SOCI underneath.
//
//   const auto rows = sql.All<std::tuple<std::string, std::int64_t>>(
//       "SELECT id, deadline_ms FROM jobs WHERE tenant = :tenant", tenant);
//
// Statements are string literals, one per place. Columns are never NULL. Errors are SOCI's
// exceptions: they pass through the code that runs statements and become a Status in SqlDatabase,
// within which all of it runs.
#pragma once

#include <soci/soci.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <typeindex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/status.h"

namespace rn {

// What SOCI carries: text, or 64 bits of integer.
template <typename T>
using SqlType = std::conditional_t<std::is_convertible_v<T, std::string>, std::string, long long>;

// A statement with room for its arguments and for one row.
class PreparedBase {
 public:
  virtual ~PreparedBase() = default;
};

// Row: a default-constructible class whose Columns() are std::tie'd members, or a std::tuple.
template <typename Row, typename... Args>
class Prepared final : public PreparedBase {
 public:
  Prepared(soci::session& session, const char* sql) : statement_(session) {
    std::apply([this](auto&... column) { (statement_.exchange(soci::into(column)), ...); },
               ColumnsOf(row_));
    std::apply([this](auto&... arg) { (statement_.exchange(soci::use(arg)), ...); }, args_);
    statement_.alloc();
    statement_.prepare(sql);
    statement_.define_and_bind();
  }

  // Calls `each(row)` for every row. How many rows were changed, for a statement that changes.
  template <typename Each>
  std::int64_t Run(const Each& each, const Args&... args) {
    args_ = std::tuple<Args...>(args...);
    // To the last row always: a statement left half read keeps its snapshot.
    for (bool row = statement_.execute(true); row; row = statement_.fetch()) {
      each(row_);
      if constexpr (std::is_same_v<Row, std::tuple<>>) {
        break;
      }
    }
    return statement_.get_affected_rows();
  }

 private:
  template <typename... Columns>
  static std::tuple<Columns&...> ColumnsOf(std::tuple<Columns...>& row) {
    return std::apply([](auto&... column) { return std::tie(column...); }, row);
  }
  template <typename Other>
  static auto ColumnsOf(Other& row) -> decltype(row.Columns()) {
    return row.Columns();
  }

  // SOCI keeps references to both.
  Row row_;
  std::tuple<Args...> args_;
  soci::statement statement_;
};

// Not thread-safe.
class SqlConnection {
 public:
  SqlConnection() = default;
  SqlConnection(const SqlConnection&) = delete;
  SqlConnection& operator=(const SqlConnection&) = delete;

  soci::session& session() { return session_; }

  template <typename Row, typename... Args>
  std::vector<Row> All(const char* sql, const Args&... args) {
    std::vector<Row> rows;
    Statement<Row, SqlType<Args>...>(sql).Run([&rows](const Row& row) { rows.push_back(row); },
                                              static_cast<SqlType<Args>>(args)...);
    return rows;
  }

  // The only row.
  template <typename Row, typename... Args>
  std::optional<Row> One(const char* sql, const Args&... args) {
    std::optional<Row> found;
    Statement<Row, SqlType<Args>...>(sql).Run([&found](const Row& row) { found = row; },
                                              static_cast<SqlType<Args>>(args)...);
    return found;
  }

  // How many rows were changed.
  template <typename... Args>
  std::int64_t Run(const char* sql, const Args&... args) {
    return Statement<std::tuple<>, SqlType<Args>...>(sql).Run([](const std::tuple<>&) {},
                                                              static_cast<SqlType<Args>>(args)...);
  }

  // For statements that are run once, and need not be literals: the only row, if there is one.
  template <typename Row = std::tuple<>>
  Row Once(const std::string& sql) {
    Row found{};
    Prepared<Row>(session_, sql.c_str()).Run([&found](const Row& row) { found = row; });
    return found;
  }

 private:
  struct Key {
    const char* sql;
    std::type_index type;  // The linker may make one of two equal literals.
    bool operator==(const Key& other) const { return sql == other.sql && type == other.type; }
  };
  struct Hash {
    std::size_t operator()(const Key& key) const {
      return std::hash<const void*>()(key.sql) ^ key.type.hash_code();
    }
  };

  template <typename Row, typename... Args>
  Prepared<Row, Args...>& Statement(const char* sql) {
    using Typed = Prepared<Row, Args...>;
    std::unique_ptr<PreparedBase>& kept = statements_[{sql, typeid(Typed)}];
    if (kept == nullptr) {
      kept = std::make_unique<Typed>(session_, sql);
    }
    return static_cast<Typed&>(*kept);
  }

  soci::session session_;
  std::unordered_map<Key, std::unique_ptr<PreparedBase>, Hash> statements_;  // Ends first.
};

}  // namespace rn
