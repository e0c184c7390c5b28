#include "base/log_format.h"

#include <spdlog/pattern_formatter.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/mutex.h"

namespace rn {
namespace {

constexpr char kTextPattern[] = "%Y-%m-%dT%H:%M:%S.%e%z %l %n %v";
constexpr char kTimePattern[] = "%Y-%m-%dT%H:%M:%S.%e%z";

class ItemTable {
 public:
  void Set(const std::string& item_id, LogFields fields) {
    MutexLock lock(mutex_);
    if (fields_.size() < kLogItemsMax || fields_.count(item_id) > 0) {
      fields_[item_id] = std::move(fields);
    }
  }
  void Forget(const std::string& item_id) {
    MutexLock lock(mutex_);
    fields_.erase(item_id);
  }
  LogFields Get(const std::string& item_id) const {
    MutexLock lock(mutex_);
    const auto found = fields_.find(item_id);
    return found == fields_.end() ? LogFields() : found->second;
  }

 private:
  mutable Mutex mutex_;
  std::map<std::string, LogFields> fields_ ABSL_GUARDED_BY(mutex_);
};

// Lives as long as anything logs.
ItemTable& Items() {
  static auto* const items = new ItemTable;
  return *items;
}

bool IsKeyChar(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_';
}

// The length of "key=" at the beginning of `text`; 0: there is none.
std::size_t KeyLength(absl::string_view text) {
  std::size_t length = 0;
  while (length < text.size() && IsKeyChar(text[length])) {
    ++length;
  }
  return length > 0 && length < text.size() && text[length] == '=' ? length + 1 : 0;
}

// A quoted value ends where the line ends or another key begins: what is quoted may have quotes.
std::size_t QuotedEnd(absl::string_view text, std::size_t begin) {
  for (std::size_t quote = text.find('"', begin); quote != absl::string_view::npos;
       quote = text.find('"', quote + 1)) {
    const absl::string_view rest = text.substr(quote + 1);
    if (rest.empty() || (rest.front() == ' ' && KeyLength(rest.substr(1)) > 0)) {
      return quote;
    }
  }
  return text.size();
}

struct ParsedLine {
  std::string what;  // Happened.
  LogFields fields;
};

ParsedLine Parse(absl::string_view text) {
  ParsedLine line;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t word_end = std::min(text.find(' ', at), text.size());
    const std::size_t key = KeyLength(text.substr(at));
    if (key == 0) {
      absl::StrAppend(&line.what, line.what.empty() ? "" : " ", text.substr(at, word_end - at));
      at = word_end + 1;
      continue;
    }
    const std::string name(text.substr(at, key - 1));
    const std::size_t value = at + key;
    if (value < text.size() && text[value] == '"') {
      const std::size_t end = QuotedEnd(text, value + 1);
      line.fields.emplace_back(name, text.substr(value + 1, end - value - 1));
      at = end + 2;
    } else {
      line.fields.emplace_back(name, text.substr(value, word_end - value));
      at = word_end + 1;
    }
  }
  return line;
}

bool Has(const LogFields& fields, const std::string& name) {
  return std::any_of(
      fields.begin(), fields.end(), [&](const auto& field) { return field.first == name; });
}

// What is known of the line's item and not said by the line.
LogFields MissingFields(const LogFields& fields) {
  const auto item = std::find_if(
      fields.begin(), fields.end(), [](const auto& field) { return field.first == "item"; });
  if (item == fields.end()) {
    return {};
  }
  LogFields missing = Items().Get(item->second);
  std::erase_if(missing, [&](const auto& field) { return Has(fields, field.first); });
  return missing;
}

// One line stays one line, whatever the message carries.
std::string WithoutControls(absl::string_view text) {
  std::string clean;
  for (const char c : text) {
    if (c == '\n') {
      clean += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      clean += ' ';
    } else {
      clean += c;
    }
  }
  return clean;
}

absl::string_view PayloadOf(const spdlog::details::log_msg& message) {
  return {message.payload.data(), message.payload.size()};
}

void Append(absl::string_view text, spdlog::memory_buf_t& target) {
  target.append(text.data(), text.data() + text.size());
}

class TextFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& target) override {
    std::string text = WithoutControls(PayloadOf(message));
    for (const auto& [name, value] : MissingFields(Parse(text).fields)) {
      absl::StrAppend(&text, " ", name, "=", value);
    }
    spdlog::details::log_msg line = message;
    line.payload = text;
    inner_.format(line, target);
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<TextFormatter>();
  }

 private:
  spdlog::pattern_formatter inner_{kTextPattern};
};

class JsonFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& target) override {
    const ParsedLine line = Parse(PayloadOf(message));
    spdlog::memory_buf_t time;
    time_.format(message, time);
    const spdlog::string_view_t level = spdlog::level::to_string_view(message.level);
    Append("{\"ts\":", target);
    AppendString({time.data(), time.size()}, target);
    AppendField("level", {level.data(), level.size()}, target);
    AppendField("program", {message.logger_name.data(), message.logger_name.size()}, target);
    AppendField("msg", line.what, target);
    LogFields said;
    for (const LogFields& fields : {line.fields, MissingFields(line.fields)}) {
      for (const auto& [name, value] : fields) {
        const bool taken = name == "ts" || name == "level" || name == "program" || name == "msg";
        if (!Has(said, name)) {
          AppendField(taken ? name + "_" : name, value, target);
          said.emplace_back(name, value);
        }
      }
    }
    Append("}\n", target);
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<JsonFormatter>();
  }

 private:
  static void AppendString(absl::string_view text, spdlog::memory_buf_t& target) {
    Append(nlohmann::json(std::string(text))
               .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace),
           target);
  }
  static void AppendField(absl::string_view name,
                          absl::string_view value,
                          spdlog::memory_buf_t& target) {
    Append(",", target);
    AppendString(name, target);
    Append(":", target);
    AppendString(value, target);
  }

  spdlog::pattern_formatter time_{kTimePattern, spdlog::pattern_time_type::local, ""};
};

}  // namespace

std::unique_ptr<spdlog::formatter> NewLogFormatter(LogFormat format) {
  if (format == LogFormat::kJson) {
    return std::make_unique<JsonFormatter>();
  }
  return std::make_unique<TextFormatter>();
}

void SetItemLogFields(const std::string& item_id, LogFields fields) {
  Items().Set(item_id, std::move(fields));
}

void ForgetItemLogFields(const std::string& item_id) {
  Items().Forget(item_id);
}

}  // namespace rn
