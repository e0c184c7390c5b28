// voices.json: names for people, each with the engine's own voice behind it.
#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "proto/render.pb.h"

namespace rn {

// InvalidArgument: every mistake with its pointer.
absl::StatusOr<std::map<std::string, rendernode::Voice>> ReadVoices(absl::string_view json);

}  // namespace rn
