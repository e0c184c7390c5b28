#include "template/variables.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/nearest.h"
#include "template/palette.h"
#include "template/template_document.h"

namespace rn {
namespace {

using nlohmann::json;

const std::map<std::string, VariableType>& TypesByName() {
  static const auto* const types =
      new std::map<std::string, VariableType>{{"string", VariableType::kString},
                                              {"number", VariableType::kNumber},
                                              {"color", VariableType::kColor},
                                              {"image", VariableType::kImage},
                                              {"video", VariableType::kVideo},
                                              {"audio", VariableType::kAudio},
                                              {"voice", VariableType::kVoice},
                                              {"subtitles", VariableType::kSubtitles}};
  return *types;
}

// Overrides that are not variables.
const std::vector<std::string>& KnownOverrides() {
  static const auto* const names =
      new std::vector<std::string>{"style", "color_scheme", "background_music"};
  return *names;
}

// Characters of well-formed UTF-8 without NUL; −1 when it is not.
std::ptrdiff_t CharactersIn(absl::string_view text) {
  std::ptrdiff_t characters = 0;
  for (std::size_t i = 0; i < text.size(); ++characters) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const int length = lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (lead == 0 || length == 0 || lead > 0xF4 || i + length > text.size()) return -1;
    for (int k = 1; k < length; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      const bool overlong =
          k == 1 && ((lead == 0xE0 && next < 0xA0) || (lead == 0xF0 && next < 0x90));
      const bool outside =
          k == 1 && ((lead == 0xED && next > 0x9F) || (lead == 0xF4 && next > 0x8F));
      if ((next & 0xC0) != 0x80 || overlong || outside) return -1;
    }
    i += static_cast<std::size_t>(length);
  }
  return characters;
}

// Empty: it is a value of that type.
std::string Mistake(const VariableInfo& info, const std::string& value) {
  const std::ptrdiff_t characters = CharactersIn(value);
  if (characters < 0) return "is not valid UTF-8 text";
  if (static_cast<std::size_t>(characters) > info.characters_max) {
    return absl::StrCat("has ", characters, " characters; at most ", info.characters_max);
  }
  double number = 0;
  if (info.type == VariableType::kNumber &&
      (!absl::SimpleAtod(value, &number) || !std::isfinite(number))) {
    return absl::StrCat("\"", value, "\" is not a number");
  }
  if (info.type == VariableType::kColor && !absl::StartsWith(value, "$")) {
    if (const auto color = ParseColor(value); !color.ok()) {
      return std::string(color.status().message());
    }
  }
  return "";
}

std::string TextOf(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.is_number() ? value.dump() : "";
}

VariableInfo ReadVariable(const std::string& pointer,
                          const json& variable,
                          std::vector<Problem>* problems) {
  VariableInfo info;
  if (!variable.is_object()) return info;
  const auto type = TypesByName().find(TextOf(variable.value("type", json())));
  if (type != TypesByName().end()) info.type = type->second;
  const json required = variable.value("required", json(false));
  info.required = required.is_boolean() && required.get<bool>();
  const json length = variable.value("max_length", json());
  if (length.is_number_unsigned()) info.characters_max = length.get<std::size_t>();
  info.default_value = TextOf(variable.value("default", json()));
  const std::string mistake = info.default_value.empty() ? "" : Mistake(info, info.default_value);
  if (!mistake.empty()) problems->push_back({absl::StrCat(pointer, "/default"), mistake});
  return info;
}

bool IsName(absl::string_view name) {
  const auto valid = [](char c) { return absl::ascii_isalnum(c) || c == '_'; };
  return !name.empty() && !absl::ascii_isdigit(name[0]) && name != "true" && name != "false" &&
         std::all_of(name.begin(), name.end(), valid);
}

void CheckNames(const VariableMap& variables, const BindInput& input, std::vector<Problem>* out) {
  for (const auto& [column, value] : input.item.values()) {
    if (variables.count(column) == 0) {
      out->push_back({column, UnknownName("column", column, VariableNames(variables))});
    }
  }
  std::vector<std::string> valid = VariableNames(variables);
  valid.insert(valid.end(), KnownOverrides().begin(), KnownOverrides().end());
  for (const auto& [name, value] : input.job.overrides()) {
    if (std::find(valid.begin(), valid.end(), name) == valid.end()) {
      out->push_back({absl::StrCat("overrides/", name), UnknownName("override", name, valid)});
    }
  }
}

}  // namespace

std::vector<std::string> VariableNames(const VariableMap& variables) {
  std::vector<std::string> names;
  for (const auto& [name, info] : variables) names.push_back(name);
  return names;
}

VariableMap ReadVariables(const json& document, std::vector<Problem>* problems) {
  VariableMap variables;
  const auto found = document.find("variables");
  if (found == document.end() || !found->is_object()) return variables;
  for (const auto& [name, variable] : found->items()) {
    const std::string pointer = absl::StrCat("/variables/", PointerStep(name));
    if (!IsName(name)) {
      problems->push_back({pointer, "a variable's name is letters, digits and _"});
    }
    variables[name] = ReadVariable(pointer, variable, problems);
  }
  return variables;
}

VariableValues ValuesOf(const VariableMap& variables,
                        const BindInput& input,
                        std::vector<Problem>* problems) {
  CheckNames(variables, input, problems);
  VariableValues values;
  for (const auto& [name, info] : variables) {
    std::string& value = values[name];
    value = info.default_value;
    if (const auto job = input.job.overrides().find(name);
        job != input.job.overrides().end() && !job->second.empty()) {
      value = job->second;
    }
    if (const auto row = input.item.values().find(name);
        row != input.item.values().end() && !absl::StripAsciiWhitespace(row->second).empty()) {
      value = row->second;
    }
    if (value.empty()) {
      if (info.required) problems->push_back({name, "a value is required; the row has none"});
    } else if (const std::string mistake = Mistake(info, value); !mistake.empty()) {
      problems->push_back({name, mistake});
    }
  }
  return values;
}

}  // namespace rn
