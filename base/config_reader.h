// Strict TOML: every key is asked for by name with its range, and a key nobody asked for is an
// error.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace rn {

// Usage:
//   ASSIGN_OR_RETURN(ConfigReader reader, ConfigReader::Load(path));
//   reader.Read("lease.drain_timeout", config.drain_timeout, absl::ZeroDuration(),
//   absl::Hours(24)); RETURN_IF_ERROR(reader.Finish());
// A Read of an absent key leaves its target alone. Finish reports every mistake at once, a line
// each: "daemon.toml: lease.drain_tiemout: unknown key; did you mean "lease.drain_timeout"? …".
// Durations are strings as "30s", "1h30m", "250ms"; byte counts are integers or "64MiB", "2GiB".
// Not thread-safe.
class ConfigReader {
 public:
  static absl::StatusOr<ConfigReader> Load(const std::string& path);
  // `name` stands for the file in messages.
  static absl::StatusOr<ConfigReader> Parse(absl::string_view text, const std::string& name);

  ConfigReader(ConfigReader&&) noexcept;
  ~ConfigReader();

  void Read(const std::string& key, bool& target);
  void Read(const std::string& key, std::string& target);
  void Read(const std::string& key, std::vector<std::string>& target);
  void Read(const std::string& key, std::int64_t& target, std::int64_t min, std::int64_t max);
  void Read(const std::string& key, double& target, double min, double max);
  void Read(const std::string& key, absl::Duration& target, absl::Duration min, absl::Duration max);
  void ReadBytes(const std::string& key, std::int64_t& target, std::int64_t min, std::int64_t max);
  // One of `valid`.
  void ReadName(const std::string& key, std::string& target, const std::vector<std::string>& valid);
  // Every "<table>.<name> = string" of a table whose names are the operator's.
  void ReadMap(const std::string& table, std::map<std::string, std::string>& target);

  // The names of the tables in a table of the operator's own names: "<table>.<name>.…".
  std::vector<std::string> TablesIn(const std::string& table);

  // Every key read so far with the value in effect, the default's too, as text: equal texts are
  // equal values.
  const std::map<std::string, std::string>& values() const;

  // A mistake that only the caller can see ("a must be below b").
  void Fail(const std::string& key, absl::string_view message);

  // InvalidArgument listing every mistake, unknown keys included.
  absl::Status Finish();

 private:
  struct Impl;
  explicit ConfigReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace rn
