#include "coordinator/json_fields.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/nearest.h"

namespace rn {
namespace {

using nlohmann::json;

std::string Kind(const json& value) {
  return value.is_number() ? "a number" : absl::StrCat("a ", value.type_name());
}

std::int64_t CodePoints(absl::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  });
}

constexpr int kDepthMax = 16;
constexpr std::size_t kQuotedBytesMax = 100;

// Walks the text before there is a tree of it: deep ones are never built, since dumping them
// recurses. The parser's own hook for that looks through all of a list at the end of each object
// in it: minutes for a body of empty objects.
class BodyGuard : public nlohmann::json_sax<json> {
 public:
  const std::string& mistake() const { return mistake_; }

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool key(string_t&) override { return true; }
  bool start_object(std::size_t) override { return Enter(); }
  bool start_array(std::size_t) override { return Enter(); }
  bool end_object() override { return Leave(); }
  bool end_array() override { return Leave(); }
  bool parse_error(std::size_t position,
                   const std::string&,
                   const nlohmann::detail::exception&) override {
    mistake_ = absl::StrCat("the body is not JSON (byte ", position, ")");
    return false;
  }

 private:
  bool Enter() {
    if (++depth_ > kDepthMax) {
      mistake_ = absl::StrCat("the body is nested deeper than ", kDepthMax);
    }
    return depth_ <= kDepthMax;
  }
  bool Leave() {
    --depth_;
    return true;
  }

  int depth_ = 0;
  std::string mistake_ = "the body is not JSON";
};

}  // namespace

json ParseJsonObject(absl::string_view body, std::vector<FieldError>& errors) {
  BodyGuard guard;
  try {
    if (json::sax_parse(body.begin(), body.end(), &guard)) {
      json document = json::parse(body.begin(), body.end());
      if (document.is_object()) {
        return document;
      }
      errors.push_back({"", "the body must be a JSON object"});
      return nullptr;
    }
  } catch (const json::exception&) {  // None is known that the guard lets through.
  }
  errors.push_back({"", guard.mistake()});
  return nullptr;
}

std::string Quotable(absl::string_view text) {
  if (text.size() <= kQuotedBytesMax) {
    return std::string(text);
  }
  std::size_t end = kQuotedBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) {
    --end;
  }
  return absl::StrCat(text.substr(0, end), "…");
}

JsonFields::JsonFields(const json& object, std::string pointer, std::vector<FieldError>& errors)
    : object_(object), pointer_(std::move(pointer)), errors_(errors) {}

bool JsonFields::String(const std::string& name,
                        Presence presence,
                        int characters_max,
                        std::string& target) {
  const json* value = Find(name, presence);
  if (value == nullptr) {
    return false;
  }
  if (!value->is_string()) {
    Fail(name, absl::StrCat("must be a string, not ", Kind(*value)));
    return false;
  }
  const std::string text(absl::StripAsciiWhitespace(value->get_ref<const std::string&>()));
  if (text.empty()) {
    Fail(name, "must not be empty");
    return false;
  }
  if (absl::StrContains(text, '\0')) {
    Fail(name, "must not hold the character U+0000");  // No database keeps it.
    return false;
  }
  if (CodePoints(text) > characters_max) {
    Fail(name, absl::StrCat("is ", CodePoints(text), " characters long; at most ", characters_max));
    return false;
  }
  target = text;
  return true;
}

bool JsonFields::Name(const std::string& name,
                      Presence presence,
                      const std::vector<std::string>& valid,
                      std::string& target) {
  const json* value = Find(name, presence);
  if (value == nullptr) {
    return false;
  }
  const std::string text = value->is_string() ? value->get<std::string>() : Kind(*value);
  if (std::find(valid.begin(), valid.end(), text) == valid.end()) {
    Fail(name, UnknownName(name, Quotable(text), valid));
    return false;
  }
  target = text;
  return true;
}

bool JsonFields::Integer(const std::string& name,
                         Presence presence,
                         std::int64_t min,
                         std::int64_t max,
                         std::int64_t& target) {
  const json* value = Find(name, presence);
  if (value == nullptr) {
    return false;
  }
  const bool fits = value->is_number_integer() &&
                    !(value->is_number_unsigned() &&
                      value->get<std::uint64_t>() > static_cast<std::uint64_t>(max));
  if (!fits || value->get<std::int64_t>() < min || value->get<std::int64_t>() > max) {
    Fail(name, absl::StrCat("must be a whole number from ", min, " to ", max));
    return false;
  }
  target = value->get<std::int64_t>();
  return true;
}

const json* JsonFields::Object(const std::string& name, Presence presence) {
  const json* value = Find(name, presence);
  if (value != nullptr && !value->is_object()) {
    Fail(name, absl::StrCat("must be an object, not ", Kind(*value)));
    return nullptr;
  }
  return value;
}

void JsonFields::Fail(const std::string& name, std::string message) {
  if (errors_.size() < kFieldErrorsMax) {
    errors_.push_back({PointerTo(Quotable(name)), std::move(message)});
  }
}

std::string JsonFields::PointerTo(const std::string& name) const {
  return absl::StrCat(pointer_, "/", absl::StrReplaceAll(name, {{"~", "~0"}, {"/", "~1"}}));
}

bool JsonFields::Number(
    const std::string& name, Presence presence, double min, double max, double& target) {
  const json* value = Find(name, presence);
  if (value == nullptr) {
    return false;
  }
  const double number = value->is_number() ? value->get<double>() : min - 1;
  if (!(number >= min && number <= max)) {
    Fail(name, absl::StrCat("must be a number from ", min, " to ", max));
    return false;
  }
  target = number;
  return true;
}

bool JsonFields::Strings(const std::string& name,
                         Presence presence,
                         std::size_t count_max,
                         std::vector<std::string>& target) {
  const json* value = Find(name, presence);
  if (value == nullptr) {
    return false;
  }
  const bool fits = value->is_array() && !value->empty() && value->size() <= count_max &&
                    std::all_of(value->begin(), value->end(), [](const json& one) {
                      return one.is_string() && !one.get_ref<const std::string&>().empty();
                    });
  if (!fits) {
    Fail(name, absl::StrCat("must be a list of 1 to ", count_max, " strings"));
    return false;
  }
  target = value->get<std::vector<std::string>>();
  return true;
}

bool JsonFields::IsNull(const std::string& name) {
  known_.insert(name);
  const auto found = object_.find(name);
  return found != object_.end() && found->is_null();
}

void JsonFields::Finish() {
  const std::vector<std::string> valid(known_.begin(), known_.end());
  for (const auto& [name, _] : object_.items()) {
    if (known_.count(name) == 0) {
      Fail(name, UnknownName("field", Quotable(name), valid));
    }
  }
}

const json* JsonFields::Find(const std::string& name, Presence presence) {
  known_.insert(name);
  const auto found = object_.find(name);
  if (found != object_.end() && !found->is_null()) {
    return &*found;
  }
  if (presence == Presence::kRequired) {
    Fail(name, "is required");
  }
  return nullptr;
}

}  // namespace rn
