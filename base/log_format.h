// How a line of the log looks: as text, or as JSON for machines.
//
// Call sites write `what happened key=value key="several words"`. A line that says item=… gets
// what is known of that item besides, and so every line about an item can be found by its job, its
// correlation id and its trace.
#pragma once

#include <spdlog/formatter.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace rn {

enum class LogFormat {
  kText,  // "<RFC 3339 time> <level> <program> <message>"
  kJson,  // One object a line: ts, level, program, msg ("what happened"), and the fields as
          // strings.
};

using LogFields = std::vector<std::pair<std::string, std::string>>;

std::unique_ptr<spdlog::formatter> NewLogFormatter(LogFormat format);

// What lines about the item say besides, until it is forgotten. Of `kLogItemsMax` items; those
// beyond stay without. Thread-safe.
inline constexpr std::size_t kLogItemsMax = 100'000;
void SetItemLogFields(const std::string& item_id, LogFields fields);
void ForgetItemLogFields(const std::string& item_id);

}  // namespace rn
