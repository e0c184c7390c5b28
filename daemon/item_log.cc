#include "daemon/item_log.h"

#include <string>
#include <utility>
#include <variant>

#include "base/log_format.h"

namespace rn {
namespace {

// "00-<trace id>-<span id>-01": https://www.w3.org/TR/trace-context/
constexpr std::size_t kTraceIdAt = 3;
constexpr std::size_t kTraceIdDigits = 32;

}  // namespace

void NoteForLog(const rendernode::Lease& lease) {
  LogFields fields = {{"job", lease.job_id()}};
  for (const auto& [name, value] : lease.trace_context()) {
    if (name != "traceparent") {
      fields.emplace_back(name, value);
    } else if (value.size() > kTraceIdAt + kTraceIdDigits) {
      fields.emplace_back("trace_id", value.substr(kTraceIdAt, kTraceIdDigits));
    }
  }
  SetItemLogFields(lease.ref().item_id(), std::move(fields));
}

void NoteForLog(const Command& command) {
  if (const auto* taken = std::get_if<JournalLeases>(&command)) {
    for (const rendernode::Lease& lease : taken->leases) {
      NoteForLog(lease);
    }
  } else if (const auto* forgotten = std::get_if<JournalForget>(&command)) {
    for (const LeaseKey& key : forgotten->keys) {
      ForgetItemLogFields(key.item_id);
    }
  }
}

}  // namespace rn
