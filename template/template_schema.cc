#include "template/template_schema.h"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/nearest.h"
#include "base/status.h"
#include "template/template_document.h"

namespace rn {
namespace {

using nlohmann::json;
using valijson::adapters::NlohmannJsonAdapter;

const json& SchemaJson() {
  static const json* const schema = new json(json::parse(TemplateSchemaText()));
  return *schema;
}

// Parsed once per process. Const afterwards: valijson keeps its caches in the Validator.
const valijson::Schema& ParsedSchema() {
  static const valijson::Schema* const parsed = [] {
    auto schema = std::make_unique<valijson::Schema>();
    valijson::SchemaParser(valijson::SchemaParser::kDraft7)
        .populateSchema(NlohmannJsonAdapter(SchemaJson()), *schema);
    return schema.release();
  }();
  return *parsed;
}

// Every part of `schema` that governs `value`: references followed, conditions decided.
void Applicable(const json& schema, const json& value, std::vector<const json*>* parts) {
  if (!schema.is_object()) return;
  if (const auto ref = schema.find("$ref"); ref != schema.end()) {
    const std::string target = ref->get<std::string>().substr(1);  // without "#"
    return Applicable(SchemaJson().at(json::json_pointer(target)), value, parts);
  }
  parts->push_back(&schema);
  if (const auto all = schema.find("allOf"); all != schema.end()) {
    for (const json& part : *all) Applicable(part, value, parts);
  }
  if (const auto condition = schema.find("if"); condition != schema.end()) {
    // Ours decide on the element's type alone.
    const json& wanted = condition->at("properties").at("type").at("const");
    const bool holds = value.is_object() && value.contains("type") && value["type"] == wanted;
    if (holds) Applicable(schema.at("then"), value, parts);
  }
}

// The parts that govern `value`'s child at `key` (an object's) or at an index (`key` empty).
std::vector<const json*> ChildParts(const std::vector<const json*>& parts,
                                    const std::string& key,
                                    const json& child) {
  std::vector<const json*> result;
  for (const json* part : parts) {
    if (key.empty()) {
      if (part->contains("items")) Applicable(part->at("items"), child, &result);
    } else if (part->contains("properties") && part->at("properties").contains(key)) {
      Applicable(part->at("properties").at(key), child, &result);
    } else if (part->contains("additionalProperties")) {
      Applicable(part->at("additionalProperties"), child, &result);
    }
  }
  return result;
}

std::string TypeName(const json& value) {
  if (value.is_boolean()) return "true or false";
  if (value.is_number()) return "a number";
  if (value.is_string()) return "a text";
  if (value.is_array()) return "a list";
  return value.is_object() ? "an object" : "null";
}

std::string TypeName(const std::string& type) {
  if (type == "boolean") return "true or false";
  if (type == "number") return "a number";
  if (type == "integer") return "a whole number";
  if (type == "string") return "a text";
  if (type == "array") return "a list";
  return type == "object" ? "an object" : type;
}

bool HasType(const json& value, const std::string& type) {
  if (type == "integer") return value.is_number_integer();
  if (type == "number") return value.is_number();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "array") return value.is_array();
  if (type == "object") return value.is_object();
  return value.is_null();
}

// Says what is wrong with one value, in the words of the schema parts that govern it.
class Explainer {
 public:
  Explainer(std::string pointer, std::string key, const json& value, std::vector<Problem>* problems)
      : pointer_(std::move(pointer)), key_(std::move(key)), value_(value), problems_(*problems) {}

  void Explain(const std::vector<const json*>& parts) {
    for (const json* part : parts) {
      if (!ExplainType(*part)) return;  // Its range or properties would only confuse.
    }
    for (const json* part : parts) {
      ExplainChoice(*part);
      if (value_.is_number()) ExplainRange(*part, "minimum", "maximum", value_.get<double>(), "");
      if (value_.is_string()) {
        ExplainRange(*part, "minLength", "maxLength", Characters(), " characters");
      }
      if (value_.is_array()) {
        ExplainRange(*part, "minItems", "maxItems", static_cast<double>(value_.size()), " entries");
      }
      if (value_.is_object()) {
        ExplainRange(*part,
                     "minProperties",
                     "maxProperties",
                     static_cast<double>(value_.size()),
                     " entries");
        ExplainMissing(*part);
      }
    }
    if (value_.is_object()) ExplainUnknown(parts);
  }

 private:
  double Characters() const {
    const auto& text = value_.get_ref<const std::string&>();
    return static_cast<double>(
        std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
  }

  bool ExplainType(const json& part) {
    const auto type = part.find("type");
    if (type == part.end()) return true;
    const auto types = type->is_array() ? type->get<std::vector<std::string>>()
                                        : std::vector<std::string>{type->get<std::string>()};
    const bool matches =
        std::any_of(types.begin(), types.end(), [&](const auto& t) { return HasType(value_, t); });
    if (!matches) {
      const auto name = [](std::string* out, const std::string& t) { *out += TypeName(t); };
      Report(
          absl::StrCat("must be ", absl::StrJoin(types, " or ", name), ", not ", TypeName(value_)));
    }
    return matches;
  }

  void ExplainChoice(const json& part) {
    if (const auto constant = part.find("const"); constant != part.end() && *constant != value_) {
      Report(absl::StrCat("must be ", constant->dump()));
    }
    const auto choice = part.find("enum");
    if (choice == part.end()) return;
    if (std::find(choice->begin(), choice->end(), value_) != choice->end()) return;
    // A choice among numbers and null says itself; among names the nearest helps.
    std::vector<std::string> names;
    for (const json& option : *choice) {
      names.push_back(option.is_string() ? option.get<std::string>() : option.dump());
    }
    if (!value_.is_string()) {
      Report(absl::StrCat("must be one of ", absl::StrJoin(names, ", ")));
    } else {
      Report(UnknownName(key_.empty() ? "name" : key_, value_.get<std::string>(), names));
    }
  }

  void ExplainRange(const json& part,
                    const char* low,
                    const char* high,
                    double measured,
                    absl::string_view unit) {
    const auto minimum = part.find(low);
    const auto maximum = part.find(high);
    if (minimum != part.end() && measured < minimum->get<double>()) {
      Report(absl::StrCat("must be at least ", minimum->dump(), unit, "; it is ", measured));
    } else if (maximum != part.end() && measured > maximum->get<double>()) {
      Report(absl::StrCat("must be at most ", maximum->dump(), unit, "; it is ", measured));
    }
  }

  void ExplainMissing(const json& part) {
    const auto required = part.find("required");
    if (required == part.end()) return;
    for (const json& name : *required) {
      if (!value_.contains(name.get<std::string>())) {
        Report(absl::StrCat("\"", name.get<std::string>(), "\" is missing"));
      }
    }
  }

  void ExplainUnknown(const std::vector<const json*>& parts) {
    std::set<std::string> known;
    bool closed = false;
    for (const json* part : parts) {
      if (part->contains("properties")) {
        for (const auto& [name, schema] : part->at("properties").items()) known.insert(name);
      }
      closed = closed || part->value("additionalProperties", json(true)) == json(false);
    }
    if (!closed) return;
    for (const auto& [name, member] : value_.items()) {
      if (known.count(name) > 0) continue;
      if (problems_.size() > kProblemsMax) return;
      problems_.push_back({absl::StrCat(pointer_, "/", PointerStep(name)),
                           UnknownName("property", name, {known.begin(), known.end()})});
    }
  }

  void Report(std::string message) { problems_.push_back({pointer_, std::move(message)}); }

  const std::string pointer_;
  const std::string key_;  // the last step of the pointer; empty in lists
  const json& value_;
  std::vector<Problem>& problems_;
};

// valijson says where ("<root>", "[scenes]", "[0]"); this says what.
void ExplainAt(const json& document,
               const std::vector<std::string>& context,
               std::vector<Problem>* problems) {
  const json* value = &document;
  std::string pointer;
  std::string key;
  std::vector<const json*> parts;
  Applicable(SchemaJson(), document, &parts);
  for (std::size_t i = 1; i < context.size(); ++i) {
    const std::string step = context[i].substr(1, context[i].size() - 2);
    if (value->is_array()) {
      key.clear();
      value = &value->at(std::stoul(step));
    } else if (value->is_object() && value->contains(step)) {
      key = step;
      value = &value->at(step);
    } else {
      break;
    }
    absl::StrAppend(&pointer, "/", PointerStep(step));
    parts = ChildParts(parts, key, *value);
  }
  Explainer(pointer, key, *value, problems).Explain(parts);
}

}  // namespace

std::vector<Problem> CheckStructure(const json& document) {
  std::vector<Problem> problems;
  try {
    valijson::ValidationResults results;
    valijson::Validator validator;
    if (validator.validate(ParsedSchema(), NlohmannJsonAdapter(document), &results)) return {};
    std::set<std::vector<std::string>> places;
    for (const auto& error : results) places.insert(error.context);
    for (const auto& place : places) {
      if (problems.size() > kProblemsMax) break;
      ExplainAt(document, place, &problems);
    }
    if (problems.empty()) {
      // Nothing of ours to say: the validator's own words are better than none.
      for (const auto& error : results) {
        problems.push_back({absl::StrJoin(error.context, "/"), error.description});
      }
    }
  } catch (const std::exception& error) {
    problems.push_back({"", absl::StrCat("cannot be checked against the schema: ", error.what())});
  }
  return problems;
}

}  // namespace rn
