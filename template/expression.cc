#include "template/expression.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "base/status.h"

namespace rn {
namespace {

constexpr absl::string_view kOpen = "{{";
constexpr absl::string_view kClose = "}}";

bool StartsName(char c) {
  return absl::ascii_isalpha(c) || c == '_';
}
bool ContinuesName(char c) {
  return absl::ascii_isalnum(c) || c == '_';
}

}  // namespace

bool Truthy(absl::string_view value) {
  return !value.empty() && value != "false" && value != "0";
}

// Recursive descent over what stands between `{{` and `}}`.
class ExpressionParser {
 public:
  using Kind = Expression::Kind;
  using Node = Expression::Node;

  explicit ExpressionParser(absl::string_view text) : text_(text) {}

  absl::StatusOr<std::vector<Node>> ParseAll() {
    std::vector<Node> parts;
    while (at_ < text_.size()) {
      const std::size_t open = text_.find(kOpen, at_);
      if (open != at_) {
        const std::size_t end = open == absl::string_view::npos ? text_.size() : open;
        parts.push_back({Kind::kText, std::string(text_.substr(at_, end - at_)), {}});
        at_ = end;
        continue;
      }
      at_ += kOpen.size();
      ASSIGN_OR_RETURN(Node node, Or());
      if (!Take(kClose)) return Expected("an operator or \"}}\"");
      parts.push_back({Kind::kOuter, "", {std::move(node)}});
    }
    return parts;
  }

 private:
  absl::StatusOr<Node> Or() { return Chain(Kind::kOr, "||", &ExpressionParser::And); }
  absl::StatusOr<Node> And() { return Chain(Kind::kAnd, "&&", &ExpressionParser::Comparison); }

  absl::StatusOr<Node> Chain(Kind kind,
                             absl::string_view token,
                             absl::StatusOr<Node> (ExpressionParser::*operand)()) {
    ASSIGN_OR_RETURN(Node left, (this->*operand)());
    while (Take(token)) {
      ASSIGN_OR_RETURN(Node right, (this->*operand)());
      if (left.kind != kind) left = {kind, "", {std::move(left)}};
      left.children.push_back(std::move(right));
    }
    return left;
  }

  absl::StatusOr<Node> Comparison() {
    ASSIGN_OR_RETURN(Node left, Unary());
    const bool equal = Take("==");
    if (!equal && !Take("!=")) return left;
    ASSIGN_OR_RETURN(Node right, Unary());
    return Node{equal ? Kind::kEqual : Kind::kUnequal, "", {std::move(left), std::move(right)}};
  }

  absl::StatusOr<Node> Unary() {
    // A "!" in front of "=" is the start of "!=", which needs a left-hand side.
    SkipBlanks();
    if (absl::StartsWith(text_.substr(at_), "!=")) return Expected("a variable or text");
    if (Take("!")) {
      ASSIGN_OR_RETURN(Node operand, Nested(&ExpressionParser::Unary));
      return Node{Kind::kNot, "", {std::move(operand)}};
    }
    if (Take("(")) {
      ASSIGN_OR_RETURN(Node inner, Nested(&ExpressionParser::Or));
      if (!Take(")")) return Expected("\")\"");
      // Wrapped, so that "(a || b) || c" does not append to the inner list by accident.
      return Node{Kind::kOr, "", {std::move(inner)}};
    }
    return Primary();
  }

  absl::StatusOr<Node> Nested(absl::StatusOr<Node> (ExpressionParser::*inner)()) {
    if (++nesting_ > Expression::kNestingMax) {
      return absl::InvalidArgumentError(
          absl::StrCat("expression is nested more than ", Expression::kNestingMax, " deep"));
    }
    auto node = (this->*inner)();
    --nesting_;
    return node;
  }

  absl::StatusOr<Node> Primary() {
    SkipBlanks();
    const std::size_t begin = at_;
    if (at_ >= text_.size()) return Expected("a variable or text");
    const char first = text_[at_];
    if (first == '\'' || first == '"') return Quoted(first);
    if (StartsName(first)) {
      while (at_ < text_.size() && ContinuesName(text_[at_])) ++at_;
      const std::string name(text_.substr(begin, at_ - begin));
      if (name == "true" || name == "false") return Node{Kind::kString, name, {}};
      return Node{Kind::kVariable, name, {}};
    }
    while (at_ < text_.size() && (absl::ascii_isdigit(text_[at_]) || text_[at_] == '.' ||
                                  (at_ == begin && text_[at_] == '-'))) {
      ++at_;
    }
    double number = 0;
    const absl::string_view digits = text_.substr(begin, at_ - begin);
    if (!absl::SimpleAtod(digits, &number)) {
      at_ = begin;
      return Expected("a variable or text");
    }
    return Node{Kind::kNumber, std::string(digits), {}};
  }

  absl::StatusOr<Node> Quoted(char quote) {
    const std::size_t end = text_.find(quote, at_ + 1);
    if (end == absl::string_view::npos)
      return Expected(absl::StrCat("a closing ", std::string(1, quote)));
    Node node{Kind::kString, std::string(text_.substr(at_ + 1, end - at_ - 1)), {}};
    at_ = end + 1;
    return node;
  }

  void SkipBlanks() {
    while (at_ < text_.size() && absl::ascii_isspace(text_[at_])) ++at_;
  }

  bool Take(absl::string_view token) {
    SkipBlanks();
    if (!absl::StartsWith(text_.substr(at_), token)) return false;
    at_ += token.size();
    return true;
  }

  absl::Status Expected(absl::string_view what) const {
    return absl::InvalidArgumentError(
        absl::StrCat("expected ", what, " at character ", at_ + 1, " of \"", text_, "\""));
  }

  const absl::string_view text_;
  std::size_t at_ = 0;
  int nesting_ = 0;
};

absl::StatusOr<Expression> Expression::Parse(absl::string_view text) {
  Expression expression;
  ASSIGN_OR_RETURN(expression.parts_, ExpressionParser(text).ParseAll());
  return expression;
}

bool Expression::constant() const {
  return parts_.empty() || (parts_.size() == 1 && parts_[0].kind == Kind::kText);
}

void Expression::CollectVariables(const Node& node, std::vector<std::string>* names) {
  if (node.kind == Kind::kVariable) names->push_back(node.text);
  for (const Node& child : node.children) CollectVariables(child, names);
}

std::vector<std::string> Expression::variables() const {
  std::vector<std::string> names;
  for (const Node& part : parts_) CollectVariables(part, &names);
  return names;
}

std::string Expression::lone_variable() const {
  if (!lone_substitution()) return "";
  const Node& node = parts_[0].children[0];
  return node.kind == Kind::kVariable ? node.text : "";
}

std::string Expression::Evaluate(const VariableValues& values) const {
  std::string result;
  for (const Node& part : parts_) result += ValueOf(part, values);
  return result;
}

bool Expression::Equal(const Node& node, const VariableValues& values) {
  const std::string left = ValueOf(node.children[0], values);
  const std::string right = ValueOf(node.children[1], values);
  double a = 0;
  double b = 0;
  // Against a number, "1.0" is 1; against text, spelling counts.
  const bool numeric =
      node.children[0].kind == Kind::kNumber || node.children[1].kind == Kind::kNumber;
  if (numeric && absl::SimpleAtod(left, &a) && absl::SimpleAtod(right, &b)) return a == b;
  return left == right;
}

std::string Expression::ValueOf(const Node& node, const VariableValues& values) {
  const auto truth = [](bool value) { return std::string(value ? "true" : "false"); };
  switch (node.kind) {
    case Kind::kText:
    case Kind::kString:
    case Kind::kNumber:
      return node.text;
    case Kind::kOuter:
      return ValueOf(node.children[0], values);
    case Kind::kVariable: {
      const auto found = values.find(node.text);
      return found == values.end() ? "" : found->second;
    }
    case Kind::kNot:
      return truth(!Truthy(ValueOf(node.children[0], values)));
    case Kind::kEqual:
      return truth(Equal(node, values));
    case Kind::kUnequal:
      return truth(!Equal(node, values));
    case Kind::kAnd:
      for (const Node& child : node.children) {
        if (!Truthy(ValueOf(child, values))) return truth(false);
      }
      return truth(true);
    case Kind::kOr:
      break;
  }
  // As in scripts: the first that is true, so that {{subtitle || brand}} picks a text.
  for (const Node& child : node.children) {
    std::string value = ValueOf(child, values);
    if (Truthy(value)) return value;
  }
  return node.children.size() == 1 ? ValueOf(node.children[0], values) : "";
}

}  // namespace rn
