#include "base/config_reader.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <sstream>
#include <toml.hpp>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/nearest.h"
#include "base/status.h"

namespace rn {
namespace {

constexpr std::int64_t kFileBytesMax = 1 << 20;

std::string Quoted(absl::string_view text) {
  return absl::StrCat("\"", text, "\"");
}

// A key as a path writes it; one that holds a dot is quoted so that it cannot pose as two.
std::string PathPart(const std::string& key) {
  return absl::StrContains(key, '.') ? Quoted(key) : key;
}

std::string Describe(const toml::value& value) {
  if (value.is_string()) return absl::StrCat("the string ", Quoted(toml::get<std::string>(value)));
  if (value.is_boolean()) return toml::get<bool>(value) ? "true" : "false";
  if (value.is_integer()) return absl::StrCat(toml::get<std::int64_t>(value));
  if (value.is_floating()) return absl::StrCat(toml::get<double>(value));
  if (value.is_array()) return "an array";
  if (value.is_table()) return "a table";
  return "a date or time";
}

// "64MiB" in bytes; nothing when it is no such text or does not fit.
std::optional<std::int64_t> ParseBytes(absl::string_view text) {
  static const std::vector<std::pair<absl::string_view, int>> units = {
      {"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}, {"B", 0}};
  for (const auto& [unit, shift] : units) {
    if (!absl::ConsumeSuffix(&text, unit)) {
      continue;
    }
    std::int64_t count = 0;
    if (!absl::SimpleAtoi(absl::StripAsciiWhitespace(text), &count) || count < 0 ||
        count > (INT64_MAX >> shift)) {
      return std::nullopt;
    }
    return count << shift;
  }
  return std::nullopt;
}

std::string FormatBytes(std::int64_t bytes) {
  static const std::vector<std::pair<const char*, int>> units = {
      {"TiB", 40}, {"GiB", 30}, {"MiB", 20}, {"KiB", 10}};
  for (const auto& [unit, shift] : units) {
    if (bytes != 0 && bytes % (std::int64_t{1} << shift) == 0) {
      return absl::StrCat(bytes >> shift, unit);
    }
  }
  return absl::StrCat(bytes);
}

std::string TextOf(bool value) {
  return value ? "true" : "false";
}
std::string TextOf(std::int64_t value) {
  return absl::StrCat(value);
}
std::string TextOf(double value) {
  return absl::StrCat(value);
}
std::string TextOf(absl::Duration value) {
  return absl::FormatDuration(value);
}
std::string TextOf(const std::string& value) {
  return Quoted(absl::CEscape(value));
}
std::string TextOf(const std::vector<std::string>& values) {
  return absl::StrJoin(
      values, ",", [](std::string* out, const std::string& value) { out->append(TextOf(value)); });
}
std::string TextOf(const std::map<std::string, std::string>& values) {
  return absl::StrJoin(values, ",", [](std::string* out, const auto& value) {
    absl::StrAppend(out, TextOf(value.first), "=", TextOf(value.second));
  });
}

}  // namespace

struct ConfigReader::Impl {
  // Notes what `target` has become when it goes out of scope.
  template <typename T>
  class Noted {
   public:
    Noted(Impl& impl, const std::string& key, const T& target)
        : impl_(impl), key_(key), target_(target) {}
    ~Noted() { impl_.values[key_] = TextOf(target_); }
    Noted(const Noted&) = delete;

   private:
    Impl& impl_;
    const std::string& key_;
    const T& target_;
  };

  std::string name;
  toml::value root;
  std::set<std::string> keys;    // Asked for, one value each.
  std::set<std::string> tables;  // Asked for as a whole.
  std::vector<std::string> mistakes;
  std::map<std::string, std::string> values;

  void Fail(const std::string& key, absl::string_view message) {
    mistakes.push_back(absl::StrCat(name, ": ", key, ": ", message));
  }

  void Expected(const std::string& key, absl::string_view expected, const toml::value& value) {
    Fail(key, absl::StrCat("expected ", expected, ", found ", Describe(value)));
  }

  void OutOfRange(const std::string& key,
                  absl::string_view value,
                  absl::string_view min,
                  absl::string_view max) {
    Fail(key, absl::StrCat(value, " is outside ", min, " to ", max));
  }

  const toml::value* Find(const std::string& key) const {
    const toml::value* at = &root;
    for (const absl::string_view part : absl::StrSplit(key, '.')) {
      if (!at->is_table()) {
        return nullptr;
      }
      const auto found = at->as_table().find(std::string(part));
      if (found == at->as_table().end()) {
        return nullptr;
      }
      at = &found->second;
    }
    return at;
  }

  const toml::value* Ask(const std::string& key) {
    keys.insert(key);
    return Find(key);
  }

  bool AnyKeyBelow(const std::string& table) const {
    const auto next = keys.lower_bound(table + ".");
    return next != keys.end() && absl::StartsWith(*next, table + ".");
  }

  std::string UnknownKey(const std::string& path) const {
    std::vector<std::string> known(keys.begin(), keys.end());
    known.insert(known.end(), tables.begin(), tables.end());
    if (const auto nearest = Nearest(path, known)) {
      return absl::StrCat("unknown key; did you mean ", Quoted(*nearest), "?");
    }
    const std::size_t dot = path.rfind('.');
    const std::string table = dot == std::string::npos ? "" : path.substr(0, dot + 1);
    known.erase(std::remove_if(known.begin(),
                               known.end(),
                               [&](const std::string& key) {
                                 return !absl::StartsWith(key, table) ||
                                        absl::StrContains(key.substr(table.size()), '.');
                               }),
                known.end());
    return known.empty() ? "unknown key"
                         : absl::StrCat("unknown key. Valid here: ", absl::StrJoin(known, ", "));
  }

  void FailUnknown(const toml::value& value, const std::string& path) {
    if (keys.count(path) > 0 || tables.count(path) > 0) {
      return;
    }
    if (!value.is_table() || (value.as_table().empty() && !AnyKeyBelow(path) && !path.empty())) {
      Fail(path, UnknownKey(path));
      return;
    }
    std::map<std::string, const toml::value*> sorted;  // The table itself has no stable order.
    for (const auto& [key, child] : value.as_table()) {
      sorted.emplace(PathPart(key), &child);
    }
    for (const auto& [key, child] : sorted) {
      FailUnknown(*child, path.empty() ? key : absl::StrCat(path, ".", key));
    }
  }
};

ConfigReader::ConfigReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ConfigReader::ConfigReader(ConfigReader&&) noexcept = default;
ConfigReader::~ConfigReader() = default;

absl::StatusOr<ConfigReader> ConfigReader::Load(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kFileBytesMax));
  return Parse(text, path);
}

absl::StatusOr<ConfigReader> ConfigReader::Parse(absl::string_view text, const std::string& name) {
  auto impl = std::make_unique<Impl>();
  impl->name = name;
  try {
    std::istringstream stream{std::string(text)};
    impl->root = toml::parse(stream, name);
  } catch (const std::exception& error) {  // toml11 reports by exception only.
    return absl::InvalidArgumentError(absl::StrCat(name, ": ", error.what()));
  }
  return ConfigReader(std::move(impl));
}

void ConfigReader::Read(const std::string& key, bool& target) {
  const Impl::Noted noted(*impl_, key, target);
  if (const toml::value* value = impl_->Ask(key)) {
    if (!value->is_boolean()) {
      return impl_->Expected(key, "true or false", *value);
    }
    target = toml::get<bool>(*value);
  }
}

void ConfigReader::Read(const std::string& key, std::string& target) {
  const Impl::Noted noted(*impl_, key, target);
  if (const toml::value* value = impl_->Ask(key)) {
    if (!value->is_string()) {
      return impl_->Expected(key, "a string", *value);
    }
    target = toml::get<std::string>(*value);
  }
}

void ConfigReader::Read(const std::string& key, std::vector<std::string>& target) {
  const Impl::Noted noted(*impl_, key, target);
  const toml::value* value = impl_->Ask(key);
  if (value == nullptr) {
    return;
  }
  if (!value->is_array()) {
    return impl_->Expected(key, "an array of strings", *value);
  }
  std::vector<std::string> strings;
  for (const toml::value& element : value->as_array()) {
    if (!element.is_string()) {
      return impl_->Expected(absl::StrCat(key, "[", strings.size(), "]"), "a string", element);
    }
    strings.push_back(toml::get<std::string>(element));
  }
  target = std::move(strings);
}

void ConfigReader::Read(const std::string& key,
                        std::int64_t& target,
                        std::int64_t min,
                        std::int64_t max) {
  const Impl::Noted noted(*impl_, key, target);
  const toml::value* value = impl_->Ask(key);
  if (value == nullptr) {
    return;
  }
  if (!value->is_integer()) {
    return impl_->Expected(key, "an integer", *value);
  }
  const auto number = toml::get<std::int64_t>(*value);
  if (number < min || number > max) {
    return impl_->OutOfRange(key, absl::StrCat(number), absl::StrCat(min), absl::StrCat(max));
  }
  target = number;
}

void ConfigReader::Read(const std::string& key, double& target, double min, double max) {
  const Impl::Noted noted(*impl_, key, target);
  const toml::value* value = impl_->Ask(key);
  if (value == nullptr) {
    return;
  }
  if (!value->is_floating() && !value->is_integer()) {
    return impl_->Expected(key, "a number", *value);
  }
  const double number = value->is_integer() ? static_cast<double>(toml::get<std::int64_t>(*value))
                                            : toml::get<double>(*value);
  if (std::isnan(number) || number < min || number > max) {
    return impl_->OutOfRange(key, absl::StrCat(number), absl::StrCat(min), absl::StrCat(max));
  }
  target = number;
}

void ConfigReader::Read(const std::string& key,
                        absl::Duration& target,
                        absl::Duration min,
                        absl::Duration max) {
  const Impl::Noted noted(*impl_, key, target);
  const toml::value* value = impl_->Ask(key);
  if (value == nullptr) {
    return;
  }
  absl::Duration duration;
  if (!value->is_string() || !absl::ParseDuration(toml::get<std::string>(*value), &duration)) {
    return impl_->Expected(key, "a duration such as \"30s\" or \"1h30m\"", *value);
  }
  if (duration < min || duration > max) {
    return impl_->OutOfRange(
        key, absl::FormatDuration(duration), absl::FormatDuration(min), absl::FormatDuration(max));
  }
  target = duration;
}

void ConfigReader::ReadBytes(const std::string& key,
                             std::int64_t& target,
                             std::int64_t min,
                             std::int64_t max) {
  const Impl::Noted noted(*impl_, key, target);
  const toml::value* value = impl_->Ask(key);
  if (value == nullptr) {
    return;
  }
  std::optional<std::int64_t> bytes;
  if (value->is_integer()) {
    bytes = toml::get<std::int64_t>(*value);
  } else if (value->is_string()) {
    bytes = ParseBytes(toml::get<std::string>(*value));
  }
  if (!bytes.has_value()) {
    return impl_->Expected(key, "a number of bytes such as 4096 or \"64MiB\"", *value);
  }
  if (*bytes < min || *bytes > max) {
    return impl_->OutOfRange(key, FormatBytes(*bytes), FormatBytes(min), FormatBytes(max));
  }
  target = *bytes;
}

void ConfigReader::ReadName(const std::string& key,
                            std::string& target,
                            const std::vector<std::string>& valid) {
  const Impl::Noted noted(*impl_, key, target);
  const toml::value* value = impl_->Ask(key);
  if (value == nullptr) {
    return;
  }
  if (!value->is_string()) {
    return impl_->Expected(key, absl::StrCat("one of ", absl::StrJoin(valid, ", ")), *value);
  }
  std::string name = toml::get<std::string>(*value);
  if (std::find(valid.begin(), valid.end(), name) == valid.end()) {
    return impl_->Fail(key, UnknownName("value", name, valid));
  }
  target = std::move(name);
}

void ConfigReader::ReadMap(const std::string& table, std::map<std::string, std::string>& target) {
  impl_->tables.insert(table);
  const Impl::Noted noted(*impl_, table, target);
  const toml::value* value = impl_->Find(table);
  if (value == nullptr) {
    return;
  }
  if (!value->is_table()) {
    return impl_->Expected(table, "a table", *value);
  }
  std::map<std::string, std::string> strings;
  for (const auto& [key, element] : value->as_table()) {
    if (element.is_string()) {
      strings[key] = toml::get<std::string>(element);
    } else {
      impl_->Expected(absl::StrCat(table, ".", PathPart(key)), "a string", element);
    }
  }
  target = std::move(strings);
}

std::vector<std::string> ConfigReader::TablesIn(const std::string& table) {
  std::vector<std::string> names;
  const toml::value* value = impl_->Find(table);
  if (value == nullptr) {
    return names;
  }
  if (!value->is_table()) {
    impl_->Expected(table, "a table", *value);
    return names;
  }
  for (const auto& [key, element] : value->as_table()) {
    if (!element.is_table()) {
      impl_->Expected(absl::StrCat(table, ".", PathPart(key)), "a table", element);
    } else if (absl::StrContains(key, '.')) {
      impl_->Fail(absl::StrCat(table, ".", PathPart(key)), "a name must have no dot");
    } else {
      names.push_back(key);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

const std::map<std::string, std::string>& ConfigReader::values() const {
  return impl_->values;
}

void ConfigReader::Fail(const std::string& key, absl::string_view message) {
  impl_->Fail(key, message);
}

absl::Status ConfigReader::Finish() {
  impl_->FailUnknown(impl_->root, "");
  if (impl_->mistakes.empty()) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrJoin(impl_->mistakes, "\n"));
}

}  // namespace rn
