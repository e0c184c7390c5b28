// Strings with `{{…}}` in them: variables, quoted text, ==, !=, &&, ||, ! and parentheses.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rn {

using VariableValues = std::map<std::string, std::string>;

// Parsed once; evaluated in one pass: what a variable holds is text and never parsed again.
// An empty string, "false" and "0" are false in conditions; truths print as "true" and "false".
class Expression {
 public:
  static constexpr int kNestingMax = 32;

  // InvalidArgument says what was expected and where (byte offset).
  static absl::StatusOr<Expression> Parse(absl::string_view text);

  // Plain text, without any `{{`.
  bool constant() const;
  // Every variable it names, in order, repeats kept.
  std::vector<std::string> variables() const;
  // "{{name}}" and nothing else: that name. Empty otherwise.
  std::string lone_variable() const;
  // A single `{{…}}` around everything, as a condition must be.
  bool lone_substitution() const { return parts_.size() == 1 && parts_[0].kind == Kind::kOuter; }

  // A variable without a value reads as empty.
  std::string Evaluate(const VariableValues& values) const;

 private:
  friend class ExpressionParser;
  enum class Kind { kText, kOuter, kVariable, kString, kNumber, kNot, kAnd, kOr, kEqual, kUnequal };
  struct Node {
    Kind kind = Kind::kText;
    std::string text;            // literal, or the variable's name
    std::vector<Node> children;  // operands
  };
  static std::string ValueOf(const Node& node, const VariableValues& values);
  static bool Equal(const Node& node, const VariableValues& values);
  static void CollectVariables(const Node& node, std::vector<std::string>* names);

  std::vector<Node> parts_;
};

// As conditions read a value.
bool Truthy(absl::string_view value);

}  // namespace rn
