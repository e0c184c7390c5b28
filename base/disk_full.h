// A full disk, told apart from every mistake in the data: nobody's fault, and it passes.
#pragma once

#include <cerrno>

#include "absl/status/status.h"
#include "absl/strings/cord.h"
#include "absl/strings/string_view.h"
#include "base/status.h"

namespace rn {

inline constexpr char kDiskFullUrl[] = "rendernode/disk_full";

// Whether the disk was full or its quota used up, whatever the status has been wrapped in since.
inline bool IsDiskFull(const absl::Status& status) {
  return status.GetPayload(kDiskFullUrl).has_value();
}

// As ErrnoStatus, for what writes: ENOSPC and EDQUOT are marked so that IsDiskFull knows them.
inline absl::Status WriteErrnoStatus(int error_number, absl::string_view what) {
  absl::Status status = ErrnoStatus(error_number, what);
  if (error_number == ENOSPC || error_number == EDQUOT) {
    status.SetPayload(kDiskFullUrl, absl::Cord());
  }
  return status;
}

}  // namespace rn
