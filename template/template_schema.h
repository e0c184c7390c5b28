// The structure of templates, from templates/schema.json (embedded at build).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "template/problem.h"

namespace rn {

// templates/schema.json, byte for byte.
absl::string_view TemplateSchemaText();

// Every place where `document` is not as the schema says: unknown and missing properties, wrong
// types, values out of range; not many more than kProblemsMax. Thread-safe.
std::vector<Problem> CheckStructure(const nlohmann::json& document);

}  // namespace rn
