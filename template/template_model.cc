#include "template/template_model.h"

#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "proto/item_error.h"
#include "template/binder.h"
#include "template/composition_model.h"
#include "template/template_document.h"
#include "template/template_schema.h"

namespace rn {
namespace {

using nlohmann::json;

// Every variant, style and colour scheme that the schema allows; it has refused what has more.
constexpr std::size_t kSelectionsMax = 1 + 16 + 64 + 64;

// A message repeats what it is about: no more of it than helps. What is valid stands at the end.
std::string Shortened(const std::string& message) {
  constexpr std::size_t kHeadMax = 400, kTailMax = 300;
  if (message.size() <= kHeadMax + kTailMax) return message;
  const auto inside = [&](std::size_t at) { return (message[at] & 0xC0) == 0x80; };
  std::size_t head = kHeadMax;
  while (head > 0 && inside(head)) --head;
  std::size_t tail = message.size() - kTailMax;
  while (tail < message.size() && inside(tail)) ++tail;
  return absl::StrCat(message.substr(0, head), " … ", message.substr(tail));
}

// The same mistake seen through several variants is one mistake.
class DistinctProblems {
 public:
  void Add(const std::vector<Problem>& problems) {
    for (const Problem& problem : problems) {
      if (full() || !seen_.emplace(problem.pointer, problem.message).second) continue;
      problems_.push_back({problem.pointer, Shortened(problem.message)});
    }
  }
  bool full() const { return problems_.size() > kProblemsMax; }
  std::vector<Problem> Take() && { return std::move(problems_); }

 private:
  std::set<std::pair<std::string, std::string>> seen_;
  std::vector<Problem> problems_;
};

// Those of groups too.
std::size_t ElementsIn(const json& owner) {
  if (!owner.is_object()) return 0;
  const auto elements = owner.find("elements");
  if (elements == owner.end() || !elements->is_array()) return 0;
  std::size_t count = elements->size();
  for (const json& element : *elements) count += ElementsIn(element);
  return count;
}

void CheckElementCount(const json& document,
                       const TemplateLimits& limits,
                       std::vector<Problem>* problems) {
  std::size_t elements = ElementsIn(document);
  const json scenes = document.value("scenes", json::array());
  for (const json& scene : scenes) elements += ElementsIn(scene);
  if (elements > limits.elements_max || scenes.size() > limits.scenes_max) {
    problems->push_back({"",
                         absl::StrCat(scenes.size(),
                                      " scenes with ",
                                      elements,
                                      " elements; at most ",
                                      limits.scenes_max,
                                      " and ",
                                      limits.elements_max)});
  }
}

void CollectSources(const json& node, std::set<std::string>* sources) {
  if (node.is_object() && node.contains("source") && node["source"].is_string()) {
    const auto source = node["source"].get<std::string>();
    const bool constant = !absl::StrContains(source, "{{");
    if (constant && (absl::StartsWith(source, "music:") || absl::StartsWith(source, "asset:"))) {
      sources->insert(source);
    }
  }
  if (node.is_structured()) {
    for (const json& child : node) CollectSources(child, sources);
  }
}

}  // namespace

absl::Status ProblemsToStatus(const std::vector<Problem>& problems) {
  if (problems.empty()) return absl::OkStatus();
  DistinctProblems distinct;
  distinct.Add(problems);
  const bool more = distinct.full();
  const std::vector<Problem> shown = std::move(distinct).Take();
  std::string message = more                ? absl::StrCat("more than ", kProblemsMax, " problems:")
                        : shown.size() == 1 ? "1 problem:"
                                            : absl::StrCat(shown.size(), " problems:");
  for (std::size_t i = 0; i < shown.size() && i < kProblemsMax; ++i) {
    const std::string& pointer = shown[i].pointer;
    absl::StrAppend(&message, "\n  ", pointer.empty() ? "/" : pointer, ": ", shown[i].message);
  }
  if (more) absl::StrAppend(&message, "\n  …");
  return WithItemError(absl::InvalidArgumentError(message),
                       rendernode::ITEM_ERROR_TEMPLATE_RENDER_ERROR);
}

std::vector<Problem> CheckTemplate(const json& document, const FontFamilies* fonts) {
  std::vector<Problem> found;
  CheckElementCount(document, TemplateLimits(), &found);
  if (!found.empty()) return found;  // not safe to walk

  DistinctProblems distinct;
  distinct.Add(CheckStructure(document));
  const VariableMap variables = ReadVariables(document, &found);
  distinct.Add(found);
  std::vector<Selection> selections = EverySelection(document);
  if (selections.size() > kSelectionsMax) selections.resize(kSelectionsMax);
  for (const Selection& selection : selections) {
    if (distinct.full()) break;
    found.clear();
    ReadModel({document, variables, fonts}, selection, nullptr, nullptr, &found);
    distinct.Add(found);
  }
  return std::move(distinct).Take();
}

// NOLINTNEXTLINE(bugprone-exception-escape): the JSON library says that a move throws nothing.
struct Template::Impl {
  json document;
  VariableMap variables;
  std::vector<std::string> sources;
  const FontFamilies* fonts = nullptr;
};

Template::Template(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Template::Template(const Template&) = default;
Template::Template(Template&&) noexcept = default;
Template::~Template() = default;

absl::StatusOr<Template> Template::Parse(absl::string_view text, const FontFamilies* fonts) {
  std::vector<Problem> problems;
  auto impl = std::make_shared<Impl>();
  impl->document = ParseDocument(text, TemplateLimits(), &problems);
  if (problems.empty()) problems = CheckTemplate(impl->document, fonts);
  if (!problems.empty()) return ProblemsToStatus(problems);
  impl->variables = ReadVariables(impl->document, &problems);
  impl->fonts = fonts;

  std::set<std::string> sources;
  CollectSources(impl->document, &sources);
  impl->sources.assign(sources.begin(), sources.end());
  return Template(std::move(impl));
}

const std::map<std::string, VariableInfo>& Template::variables() const {
  return impl_->variables;
}
const std::vector<std::string>& Template::sources() const {
  return impl_->sources;
}

absl::StatusOr<Composition> Template::Bind(const BindInput& input) const {
  std::vector<Problem> problems;
  const VariableValues values = ValuesOf(impl_->variables, input, &problems);
  const Selection selection = SelectFor(impl_->document, input, &problems);
  auto model = ReadModel(
      {impl_->document, impl_->variables, impl_->fonts}, selection, &values, &input, &problems);
  if (problems.empty()) return Composition(std::move(model));
  for (Problem& problem : problems) {
    problem.pointer = absl::StrCat("row ", input.item.row(), ": ", problem.pointer);
  }
  return ProblemsToStatus(problems);
}

}  // namespace rn
