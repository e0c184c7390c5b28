// Reads one JSON object field by field and notes every mistake with its pointer.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "coordinator/api_error.h"

namespace rn {

inline constexpr std::size_t kFieldErrorsMax = 100;  // More help nobody; the rest is left out.

// A request body that must be a JSON object, nested at most 16 deep. Null, with the mistake noted,
// for anything else; text is then known to be UTF-8.
nlohmann::json ParseJsonObject(absl::string_view body, std::vector<FieldError>& errors);

// `text` cut to a length fit for a message.
std::string Quotable(absl::string_view text);

enum class Presence { kRequired, kOptional };

// Each read says whether the field was there and good; otherwise its target is left alone and, but
// for an absent optional field, a mistake was noted. A null counts as absent. `object` and `errors`
// outlive the reader.
class JsonFields {
 public:
  // `pointer` is the object's own, "" for the whole document.
  JsonFields(const nlohmann::json& object, std::string pointer, std::vector<FieldError>& errors);

  // Characters are code points, counted after blanks around the text are taken off; none is U+0000.
  bool String(const std::string& name, Presence presence, int characters_max, std::string& target);
  bool Name(const std::string& name,
            Presence presence,
            const std::vector<std::string>& valid,
            std::string& target);
  bool Integer(const std::string& name,
               Presence presence,
               std::int64_t min,
               std::int64_t max,
               std::int64_t& target);
  bool Number(const std::string& name, Presence presence, double min, double max, double& target);
  // 1 to `count_max` of them, none empty.
  bool Strings(const std::string& name,
               Presence presence,
               std::size_t count_max,
               std::vector<std::string>& target);
  // Whether it is there and null, where that says something.
  bool IsNull(const std::string& name);
  // Null when absent or no object.
  const nlohmann::json* Object(const std::string& name, Presence presence);

  void Fail(const std::string& name, std::string message);
  std::string PointerTo(const std::string& name) const;

  // Notes every field that nobody asked for.
  void Finish();

 private:
  const nlohmann::json* Find(const std::string& name, Presence presence);

  const nlohmann::json& object_;
  const std::string pointer_;
  std::vector<FieldError>& errors_;
  std::set<std::string> known_;
};

}  // namespace rn
