#include "catalog/voices.h"

#include <google/protobuf/util/json_util.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace rn {

absl::StatusOr<std::map<std::string, rendernode::Voice>> ReadVoices(absl::string_view text) {
  const auto document =
      nlohmann::json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (!document.is_object() || document.empty()) {
    return absl::InvalidArgumentError("not a JSON object of voices by name");
  }
  std::map<std::string, rendernode::Voice> voices;
  std::vector<std::string> mistakes;
  for (const auto& item : document.items()) {
    // The fields are those of the message; an unknown one is an error.
    google::protobuf::util::JsonParseOptions strict;
    rendernode::Voice& voice = voices[item.key()];
    const auto status =
        google::protobuf::util::JsonStringToMessage(item.value().dump(), &voice, strict);
    if (!status.ok()) {
      mistakes.push_back(absl::StrCat("/", item.key(), ": ", std::string(status.message())));
    } else if (voice.engine().empty() || voice.voice().empty()) {
      mistakes.push_back(absl::StrCat("/", item.key(), ": \"engine\" and \"voice\" are needed"));
    }
  }
  if (!mistakes.empty()) {
    return absl::InvalidArgumentError(absl::StrJoin(mistakes, "\n"));
  }
  return voices;
}

}  // namespace rn
