#include "pipeline/template_document.h"

#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace rn {
namespace {

using nlohmann::json;

// What the parser's own tree can no longer tell: keys written twice; and what it would not refuse.
class DocumentGuard {
 public:
  DocumentGuard(const TemplateLimits& limits, std::vector<Problem>* problems)
      : limits_(limits), problems_(*problems) {}

  bool operator()(int depth, json::parse_event_t event, json& parsed) {
    switch (event) {
      case json::parse_event_t::object_start:
      case json::parse_event_t::array_start:
        if (depth >= limits_.depth_max) {
          Report("", absl::StrCat("nested more than ", limits_.depth_max, " deep"));
        }
        keys_.emplace_back();
        break;
      case json::parse_event_t::object_end:
      case json::parse_event_t::array_end:
        keys_.pop_back();
        break;
      case json::parse_event_t::key:
        NoteKey(parsed.get_ref<const std::string&>());
        break;
      case json::parse_event_t::value:
        if (parsed.is_string() &&
            parsed.get_ref<const std::string&>().size() > limits_.string_bytes_max) {
          Report(absl::StrCat("/…/", PointerStep(last_key_)),
                 absl::StrCat("text of more than ", limits_.string_bytes_max, " bytes"));
        }
        break;
    }
    return true;
  }

 private:
  void NoteKey(const std::string& key) {
    last_key_ = key;
    if (!keys_.empty() && !keys_.back().insert(key).second) {
      Report(absl::StrCat("/…/", PointerStep(key)), "the same key stands twice in one object");
    }
  }

  void Report(std::string pointer, std::string message) {
    constexpr std::size_t kReportedMax = 20;  // A hostile file must not buy a long answer.
    if (problems_.size() < kReportedMax) {
      problems_.push_back({std::move(pointer), std::move(message)});
    }
  }

  const TemplateLimits& limits_;
  std::vector<Problem>& problems_;
  std::vector<std::set<std::string>> keys_;
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
  DocumentGuard guard(limits, problems);
  try {
    json document = json::parse(text.begin(), text.end(), std::ref(guard));
    if (!problems->empty()) return nullptr;
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
