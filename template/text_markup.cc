#include "template/text_markup.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/nearest.h"
#include "base/status.h"

namespace rn {
namespace {

constexpr std::size_t kDepthMax = 32;

// The character that `markup` begins with as "&name;", and how many bytes that takes; else nothing.
std::pair<absl::string_view, std::size_t> EntityAt(absl::string_view markup) {
  static constexpr std::array<std::pair<absl::string_view, absl::string_view>, 6> kEntities = {
      {{"&lt;", "<"},
       {"&gt;", ">"},
       {"&amp;", "&"},
       {"&quot;", "\""},
       {"&apos;", "'"},
       {"&nbsp;", "\u00A0"}}};
  for (const auto& [name, character] : kEntities) {
    if (absl::StartsWith(markup, name)) return {character, name.size()};
  }
  return {};
}

class MarkupReader {
 public:
  MarkupReader(absl::string_view markup, const Palette& palette)
      : markup_(markup), palette_(palette) {}

  absl::StatusOr<MarkedText> Read() {
    while (at_ < markup_.size()) {
      if (BeginsTag()) {
        RETURN_IF_ERROR(ReadTag());
      } else {
        ReadCharacter();
      }
    }
    if (!open_.empty()) {
      return Mistake(open_.back().at, absl::StrCat("<", open_.back().name, "> is never closed"));
    }
    EndRange();
    return std::move(result_);
  }

 private:
  struct Open {
    std::string name;
    std::size_t at = 0;  // its "<"
    TextRange outer;     // the look around it
  };

  bool BeginsTag() const {
    if (markup_[at_] != '<' || at_ + 1 >= markup_.size()) return false;
    const char next = markup_[at_ + 1];
    return next == '/' || absl::ascii_isalpha(static_cast<unsigned char>(next));
  }

  void ReadCharacter() {
    const auto [character, bytes] = EntityAt(markup_.substr(at_));
    if (bytes > 0) {
      absl::StrAppend(&result_.text, character);
      at_ += bytes;
    } else {
      result_.text.push_back(markup_[at_++]);
    }
  }

  absl::Status Mistake(std::size_t at, absl::string_view message) const {
    return absl::InvalidArgumentError(absl::StrCat(
        "markup, character ", CharacterCount(markup_.substr(0, at)) + 1, ": ", message));
  }

  absl::Status ReadTag() {
    const std::size_t begin = at_;
    const std::size_t end = TagEnd();
    if (end == absl::string_view::npos) return Mistake(begin, "a tag without its \">\"");
    absl::string_view tag = markup_.substr(begin + 1, end - begin - 1);
    at_ = end + 1;
    if (absl::ConsumePrefix(&tag, "/")) return Close(begin, absl::StripAsciiWhitespace(tag));
    const std::size_t name_end = tag.find_first_of(" \t\n=/");
    const absl::string_view name = tag.substr(0, name_end);
    const absl::string_view rest = name_end == absl::string_view::npos ? "" : tag.substr(name_end);
    if (name == "br") {
      result_.text.push_back('\n');
      return absl::OkStatus();
    }
    if (open_.size() >= kDepthMax) {
      return Mistake(begin, absl::StrCat("tags within tags, more than ", kDepthMax, " deep"));
    }
    EndRange();
    open_.push_back({std::string(name), begin, look_});
    return Apply(begin, name, rest);
  }

  // Of the ">" that is not within quotes.
  std::size_t TagEnd() const {
    char quote = 0;
    for (std::size_t i = at_; i < markup_.size(); ++i) {
      const char c = markup_[i];
      if (quote != 0) {
        if (c == quote) quote = 0;
      } else if (c == '"' || c == '\'') {
        quote = c;
      } else if (c == '>') {
        return i;
      }
    }
    return absl::string_view::npos;
  }

  absl::Status Close(std::size_t at, absl::string_view name) {
    if (open_.empty()) return Mistake(at, absl::StrCat("</", name, "> closes nothing"));
    if (open_.back().name != name) {
      return Mistake(
          at, absl::StrCat("</", name, "> where <", open_.back().name, "> is to be closed first"));
    }
    EndRange();
    look_ = open_.back().outer;
    look_.begin = result_.text.size();
    open_.pop_back();
    return absl::OkStatus();
  }

  absl::Status Apply(std::size_t at, absl::string_view name, absl::string_view rest) {
    constexpr int kBold = 700;
    if (name == "color") {
      if (!absl::ConsumePrefix(&rest, "=")) return Mistake(at, "a colour is <color=#ffb400>");
      return Set(at, "color", Unquoted(absl::StripAsciiWhitespace(rest)));
    }
    if (name == "span") return SetAll(at, rest);
    if (!absl::StripAsciiWhitespace(rest).empty()) {
      return Mistake(at, absl::StrCat("<", name, "> takes nothing more; <span …> does"));
    }
    if (name == "b") {
      look_.font_weight = kBold;
    } else if (name == "i") {
      look_.italic = true;
    } else if (name == "u") {
      look_.underline = true;
    } else if (name == "s") {
      look_.strikethrough = true;
    } else {
      return Mistake(
          at, UnknownName("tag", std::string(name), {"b", "br", "color", "i", "s", "span", "u"}));
    }
    return absl::OkStatus();
  }

  // The properties of a span: name="value", name='value' or name=value.
  absl::Status SetAll(std::size_t at, absl::string_view rest) {
    for (rest = absl::StripAsciiWhitespace(rest); !rest.empty();
         rest = absl::StripLeadingAsciiWhitespace(rest)) {
      const std::size_t equals = rest.find('=');
      if (equals == absl::string_view::npos) {
        return Mistake(at, absl::StrCat("\"", rest, "\" in <span> has no value"));
      }
      const absl::string_view key = absl::StripAsciiWhitespace(rest.substr(0, equals));
      rest = absl::StripLeadingAsciiWhitespace(rest.substr(equals + 1));
      const bool quoted = !rest.empty() && (rest[0] == '"' || rest[0] == '\'');
      const std::size_t end =
          quoted ? rest.find(rest[0], 1) : std::min(rest.find_first_of(" \t\n"), rest.size());
      const absl::string_view value = quoted ? rest.substr(1, end - 1) : rest.substr(0, end);
      rest.remove_prefix(quoted ? end + 1 : end);
      RETURN_IF_ERROR(Set(at, key, value));
    }
    return absl::OkStatus();
  }

  static absl::string_view Unquoted(absl::string_view value) {
    const bool quoted = value.size() >= 2 && (value.front() == '"' || value.front() == '\'') &&
                        value.back() == value.front();
    return quoted ? value.substr(1, value.size() - 2) : value;
  }

  absl::Status Set(std::size_t at, absl::string_view key, absl::string_view value) {
    if (key == "color") {
      const auto color = palette_.Color(value);
      if (!color.ok()) return Mistake(at, color.status().message());
      look_.fill = *color;
    } else if (key == "font") {
      const auto font = palette_.Font(value);
      if (!font.ok()) return Mistake(at, font.status().message());
      look_.font_family = *font;
    } else if (key == "weight") {
      int weight = 0;
      if (!absl::SimpleAtoi(value, &weight) || weight < 100 || weight > 900 || weight % 100 != 0) {
        return Mistake(at, absl::StrCat("weight \"", value, "\"; valid: 100, 200 … 900"));
      }
      look_.font_weight = weight;
    } else if (key == "style") {
      if (value != "italic" && value != "normal") {
        return Mistake(at, UnknownName("style", std::string(value), {"italic", "normal"}));
      }
      look_.italic = value == "italic";
    } else if (key == "size") {
      return SetSize(at, value);
    } else {
      return Mistake(at,
                     UnknownName("property of <span>",
                                 std::string(key),
                                 {"color", "font", "size", "style", "weight"}));
    }
    return absl::OkStatus();
  }

  absl::Status SetSize(std::size_t at, absl::string_view value) {
    constexpr double kMin = 10;
    constexpr double kMax = 500;
    absl::string_view digits = value;
    double percent = 0;
    if (!absl::ConsumeSuffix(&digits, "%") || !absl::SimpleAtod(digits, &percent) ||
        !(percent >= kMin && percent <= kMax)) {
      return Mistake(at, absl::StrCat("size \"", value, "\"; valid: \"10%\" to \"500%\""));
    }
    look_.size = percent / 100;
    return absl::OkStatus();
  }

  // What has been read in the look so far is a range, if that is a look of its own.
  void EndRange() {
    look_.end = result_.text.size();
    TextRange plain;
    plain.begin = look_.begin;
    plain.end = look_.end;
    if (look_.begin < look_.end && !(look_ == plain)) result_.ranges.push_back(look_);
    look_.begin = look_.end;
  }

  const absl::string_view markup_;
  const Palette& palette_;
  std::size_t at_ = 0;
  MarkedText result_;
  TextRange look_;  // from `begin` on
  std::vector<Open> open_;
};

}  // namespace

absl::StatusOr<MarkedText> ParseMarkup(absl::string_view markup, const Palette& palette) {
  return MarkupReader(markup, palette).Read();
}

MarkedText InCase(const MarkedText& marked, LetterCase letter_case, const std::string& language) {
  if (letter_case == LetterCase::kAsWritten) return marked;
  MarkedText result;
  std::vector<CaseStep> steps;
  result.text = InCase(marked.text, letter_case, language, &steps);
  // A letter that becomes several belongs where it did.
  const auto moved = [&](std::size_t byte) {
    const auto after = std::upper_bound(
        steps.begin(), steps.end(), byte, [](std::size_t at, const CaseStep& step) {
          return at < step.from;
        });
    const CaseStep& step = *std::prev(after);
    const std::size_t next = after == steps.end() ? result.text.size() : after->to;
    return std::min(step.to + (byte - step.from), next);
  };
  for (TextRange range : marked.ranges) {
    range.begin = moved(range.begin);
    range.end = moved(range.end);
    if (range.begin < range.end) result.ranges.push_back(std::move(range));
  }
  return result;
}

}  // namespace rn
