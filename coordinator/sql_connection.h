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

#include <algorithm>
#include <bit>
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
#include "coordinator/job_changes.h"
#include "coordinator/sql_dialect.h"
#include "coordinator/store_news.h"

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
  Prepared(soci::session& session, const std::string& sql) : statement_(session) {
    std::apply([this](auto&... column) { (statement_.exchange(soci::into(column)), ...); },
               ColumnsOf(row_));
    std::apply([this](auto&... arg) { (statement_.exchange(soci::use(arg)), ...); }, args_);
    statement_.alloc();
    statement_.prepare(sql);
    statement_.define_and_bind();
  }

  // Calls `each(row)` for every row. How many rows were changed, for a statement that changes.
  template <typename Each>
  std::int64_t Run(const Each& each, Args... args) {
    args_ = std::tuple<Args...>(std::move(args)...);
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

// What a statement about many rows consists of: `before`, then `row` for each of them, "(?, 0, ?)",
// with a "?" for each column, then `after`. Literals.
struct RowsStatement {
  const char* before;
  const char* row;
  const char* after = "";
};

// One about a fixed number of rows.
template <typename... Columns>
class PreparedRows final : public PreparedBase {
 public:
  using Row = std::tuple<Columns...>;

  PreparedRows(soci::session& session, const RowsStatement& text, std::size_t rows)
      : rows_(rows), statement_(session) {
    std::string sql = text.before;
    int names = 0;
    for (std::size_t i = 0; i < rows; ++i) {
      sql += i == 0 ? " " : ", ";
      for (const char* c = text.row; *c != '\0'; ++c) {
        sql += *c == '?' ? ":v" + std::to_string(++names) : std::string(1, *c);
      }
      std::apply([this](auto&... column) { (statement_.exchange(soci::use(column)), ...); },
                 rows_[i]);
    }
    sql += text.after;
    statement_.alloc();
    statement_.prepare(sql);
    statement_.define_and_bind();
  }

  std::int64_t Run(typename std::vector<Row>::const_iterator first) {
    std::copy_n(first, rows_.size(), rows_.begin());
    statement_.execute(true);
    return statement_.get_affected_rows();
  }

 private:
  std::vector<Row> rows_;  // SOCI keeps references to its elements.
  soci::statement statement_;
};

// Not thread-safe.
class SqlConnection {
 public:
  explicit SqlConnection(SqlDialect dialect = SqlDialect::kSqlite) : dialect_(dialect) {}
  SqlConnection(const SqlConnection&) = delete;
  SqlConnection& operator=(const SqlConnection&) = delete;

  soci::session& session() { return session_; }
  SqlDialect dialect() const { return dialect_; }

  // What the transaction under way leaves to its end.
  JobChanges& job_changes() { return job_changes_; }
  // What it is to tell others, once it is durable.
  StoreNews& news() { return news_; }

  template <typename Row, typename... Args>
  std::vector<Row> All(const char* sql, const Args&... args) {
    std::vector<Row> rows;
    RunStatement<Row>(
        sql, [&rows](const Row& row) { rows.push_back(row); }, args...);
    return rows;
  }

  // The only row.
  template <typename Row, typename... Args>
  std::optional<Row> One(const char* sql, const Args&... args) {
    std::optional<Row> found;
    RunStatement<Row>(
        sql, [&found](const Row& row) { found = row; }, args...);
    return found;
  }

  // How many rows were changed.
  template <typename... Args>
  std::int64_t Run(const char* sql, const Args&... args) {
    return RunStatement<std::tuple<>>(
        sql, [](const std::tuple<>&) {}, args...);
  }

  // Many rows to a statement, as each statement is a journey to the database; for any number of
  // rows in few sizes, which are prepared once each. How many rows were changed.
  template <typename... Columns>
  std::int64_t RunForAll(const RowsStatement& text,
                         const std::vector<std::tuple<Columns...>>& rows) {
    using Typed = PreparedRows<Columns...>;
    std::int64_t changed = 0;
    for (auto next = rows.begin(); next != rows.end();) {
      const std::size_t count =
          std::bit_floor(std::min(static_cast<std::size_t>(rows.end() - next), kRowsMax));
      const Key key{text.before, typeid(Typed), count};
      Typed& statement =
          Kept<Typed>(key, [&] { return std::make_unique<Typed>(session_, text, count); });
      Guarded(key, [&] { changed += statement.Run(next); });
      next += static_cast<std::ptrdiff_t>(count);
    }
    return changed;
  }

  // For statements that are run once, and need not be literals: the only row, if there is one.
  template <typename Row = std::tuple<>>
  Row Once(const std::string& sql) {
    Row found{};
    Prepared<Row>(session_, sql).Run([&found](const Row& row) { found = row; });
    return found;
  }

  // After a rollback: statements that failed are prepared anew when they are needed.
  void DropFailed() {
    for (const Key& key : failed_) {
      statements_.erase(key);
    }
    failed_.clear();
  }

 private:
  static constexpr std::size_t kRowsMax = 128;  // To a statement.

  struct Key {
    const char* sql;
    std::type_index type;  // The linker may make one of two equal literals.
    std::size_t rows = 0;  // Of a RowsStatement.
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    std::size_t operator()(const Key& key) const {
      return std::hash<const void*>()(key.sql) ^ key.type.hash_code() ^ key.rows;
    }
  };

  template <typename Row, typename Each, typename... Args>
  std::int64_t RunStatement(const char* sql, const Each& each, const Args&... args) {
    using Typed = Prepared<Row, SqlType<Args>...>;
    const Key key{sql, typeid(Typed)};
    Typed& statement = Kept<Typed>(
        key, [&] { return std::make_unique<Typed>(session_, InDialect(dialect_, sql)); });
    std::int64_t changed = 0;
    Guarded(key, [&] { changed = statement.Run(each, Bound(args)...); });
    return changed;
  }

  template <typename Typed, typename Make>
  Typed& Kept(const Key& key, const Make& make) {
    std::unique_ptr<PreparedBase>& kept = statements_[key];
    if (kept == nullptr) {
      kept = make();
    }
    return static_cast<Typed&>(*kept);
  }

  template <typename Action>
  void Guarded(const Key& key, const Action& action) {
    try {
      action();
    } catch (...) {
      failed_.push_back(key);
      throw;
    }
  }

  template <typename T>
  SqlType<T> Bound(const T& value) const {
    if constexpr (std::is_same_v<SqlType<T>, std::string>) {
      return TextInDialect(dialect_, std::string(value));
    } else {
      return static_cast<long long>(value);
    }
  }

  const SqlDialect dialect_;
  soci::session session_;
  std::unordered_map<Key, std::unique_ptr<PreparedBase>, Hash> statements_;  // Ends first.
  std::vector<Key> failed_;
  JobChanges job_changes_;
  StoreNews news_;
};

}  // namespace rn
