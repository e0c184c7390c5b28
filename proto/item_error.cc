#include "proto/item_error.h"

#include "absl/strings/ascii.h"
#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/disk_full.h"

namespace rn {
namespace {

constexpr char kPayloadUrl[] = "rendernode/item_error_code";
constexpr char kPrefix[] = "ITEM_ERROR_";

}  // namespace

absl::Status WithItemError(absl::Status status, rendernode::ItemErrorCode code) {
  if (!status.ok() && !status.GetPayload(kPayloadUrl).has_value()) {
    status.SetPayload(kPayloadUrl, absl::Cord(ItemErrorName(code)));
  }
  return status;
}

rendernode::ItemErrorCode ItemErrorOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kPayloadUrl);
  return payload.has_value() ? ItemErrorFromName(std::string(*payload))
                             : rendernode::ITEM_ERROR_TEMPLATE_RENDER_ERROR;
}

std::string ItemErrorName(rendernode::ItemErrorCode code) {
  return absl::AsciiStrToLower(absl::StripPrefix(rendernode::ItemErrorCode_Name(code), kPrefix));
}

rendernode::ItemErrorCode ItemErrorFromName(absl::string_view name) {
  rendernode::ItemErrorCode code = rendernode::ITEM_ERROR_UNSPECIFIED;
  rendernode::ItemErrorCode_Parse(absl::StrCat(kPrefix, absl::AsciiStrToUpper(name)), &code);
  return code;
}

rendernode::ItemResult FailedResult(const absl::Status& status) {
  rendernode::ItemResult result;
  result.set_outcome(rendernode::FAILED);
  result.set_error_code(IsDiskFull(status) ? rendernode::ITEM_ERROR_QUOTA_EXCEEDED
                                           : ItemErrorOf(status));
  result.set_error_message(std::string(status.message()));
  result.set_infrastructure(absl::IsResourceExhausted(status) &&
                            result.error_code() == rendernode::ITEM_ERROR_VIDEO_ENCODING_ERROR);
  result.set_retryable(result.infrastructure() || IsDiskFull(status) ||
                       absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status));
  return result;
}

}  // namespace rn
