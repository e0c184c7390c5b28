// The API's item error code, carried by an absl::Status as a payload.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "proto/render.pb.h"

namespace rn {

// `status` with the code attached; a code it already carries is kept: the innermost cause wins.
absl::Status WithItemError(absl::Status status, rendernode::ItemErrorCode code);

// The attached code; TEMPLATE_RENDER_ERROR when there is none.
rendernode::ItemErrorCode ItemErrorOf(const absl::Status& status);

// "asset_download_failed"; and back (UNSPECIFIED when unknown).
std::string ItemErrorName(rendernode::ItemErrorCode code);
rendernode::ItemErrorCode ItemErrorFromName(absl::string_view name);

// A FAILED result with the status's code and message; Unavailable and DeadlineExceeded are
// retryable. A full disk is nobody's mistake: QUOTA_EXCEEDED, retryable, whatever code the status
// carries; ResourceExhausted of an encoder (sessions, memory) is an infrastructure loss.
rendernode::ItemResult FailedResult(const absl::Status& status);

}  // namespace rn
