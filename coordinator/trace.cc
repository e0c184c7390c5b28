#include "coordinator/trace.h"

#include "absl/strings/str_cat.h"
#include "base/file.h"

namespace rn {
namespace {

// https://www.w3.org/TR/trace-context/
constexpr std::size_t kTraceIdDigits = 32;
constexpr std::size_t kSpanIdDigits = 16;

}  // namespace

std::string TraceId(const std::string& job_id) {
  return Sha256(job_id).substr(0, kTraceIdDigits);
}

std::string TraceParent(const std::string& job_id, const rendernode::LeaseRef& attempt) {
  const std::string span = Sha256(absl::StrCat(attempt.item_id(), "/", attempt.fence()));
  return absl::StrCat("00-", TraceId(job_id), "-", span.substr(0, kSpanIdDigits), "-01");
}

}  // namespace rn
