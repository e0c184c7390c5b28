#include "template/template_document.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace rn {
namespace {

using nlohmann::json;

// Walks the text before there is a tree of it: for what the tree can no longer tell (keys written
// twice) and what the parser would not refuse. The parser's own hook into the making of the tree
// looks through all that is there at every object's end: minutes for a list of a hundred thousand.
class DocumentGuard : public nlohmann::json_sax<json> {
 public:
  DocumentGuard(absl::string_view text,
                const TemplateLimits& limits,
                std::vector<Problem>* problems)
      : text_(text), limits_(limits), problems_(*problems) {}

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool string(string_t& value) override {
    if (value.size() > limits_.string_bytes_max) {
      Report(Place(), absl::StrCat("text of more than ", limits_.string_bytes_max, " bytes"));
    }
    return true;
  }

  bool start_object(std::size_t) override { return Enter(); }
  bool start_array(std::size_t) override { return Enter(); }
  bool end_object() override { return Leave(); }
  bool end_array() override { return Leave(); }

  bool key(string_t& key) override {
    if (key.size() > limits_.key_bytes_max) {
      Report(Place(), absl::StrCat("a key of more than ", limits_.key_bytes_max, " bytes"));
      return false;
    }
    last_key_ = key;
    if (!keys_.back().insert(key).second) {
      Report(Place(), "the same key stands twice in one object");
    }
    return true;
  }

  bool parse_error(std::size_t position,
                   const std::string& last_token,
                   const nlohmann::detail::exception& error) override {
    // What the library says of a number too large has no place in it.
    const bool too_large = dynamic_cast<const json::out_of_range*>(&error) != nullptr;
    Report("",
           too_large ? absl::StrCat("line ",
                                    LineOf(position),
                                    ": a number beyond ±1.8e308: ",
                                    absl::ClippedSubstr(last_token, 0, kShownMax))
                     : absl::StrCat("not JSON: ", error.what()));
    return false;
  }

 private:
  static constexpr std::size_t kShownMax = 40;

  bool Enter() {
    if (keys_.size() >= static_cast<std::size_t>(limits_.depth_max)) {
      Report(Place(), absl::StrCat("nested more than ", limits_.depth_max, " deep"));
      return false;
    }
    keys_.emplace_back();
    return true;
  }

  bool Leave() {
    keys_.pop_back();
    return true;
  }

  // The key read last: of what is being read, or of the list that it is in.
  std::string Place() const {
    return last_key_.empty() ? "" : absl::StrCat("/…/", PointerStep(last_key_));
  }

  std::ptrdiff_t LineOf(std::size_t position) const {
    const absl::string_view before = text_.substr(0, std::min(position, text_.size()));
    return std::count(before.begin(), before.end(), '\n') + 1;
  }

  void Report(std::string pointer, std::string message) {
    constexpr std::size_t kReportedMax = 20;  // A hostile file must not buy a long answer.
    if (problems_.size() < kReportedMax) {
      problems_.push_back({std::move(pointer), std::move(message)});
    }
  }

  const absl::string_view text_;
  const TemplateLimits& limits_;
  std::vector<Problem>& problems_;
  std::vector<std::set<std::string>> keys_;  // of the objects around; none of a list
  std::string last_key_;
};

}  // namespace

json ParseDocument(absl::string_view text,
                   const TemplateLimits& limits,
                   std::vector<Problem>* problems) {
  if (text.size() > limits.json_bytes_max) {
    problems->push_back(
        {"", absl::StrCat("template of ", text.size(), " bytes; at most ", limits.json_bytes_max)});
    return nullptr;
  }
  try {
    DocumentGuard guard(text, limits, problems);
    if (!json::sax_parse(text.begin(), text.end(), &guard) || !problems->empty()) return nullptr;
    json document = json::parse(text.begin(), text.end());
    if (!document.is_object()) problems->push_back({"", "a template is a JSON object"});
    return document.is_object() ? document : json(nullptr);
  } catch (const json::exception& error) {
    problems->push_back({"", absl::StrCat("not JSON: ", error.what())});
    return nullptr;
  }
}

std::string PointerStep(absl::string_view key) {
  return absl::StrReplaceAll(key, {{"~", "~0"}, {"/", "~1"}});
}

}  // namespace rn
