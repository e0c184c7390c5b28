#include "catalog/number_format.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "absl/time/civil_time.h"

namespace rn {
namespace {

constexpr int kDigits = 15;  // More a spreadsheet does not show, nor trust.
constexpr int kPlainExponentMin = -9, kPlainExponentMax = 20;
constexpr std::size_t kCodeCharsMax = 255;
constexpr double kDaysMax = 2958466;  // 9999-12-31 is the last.
constexpr int kDecimalsMax = 30;
constexpr std::int64_t kSecondsADay = 86'400;

// ---------------------------------------------------------------- decimals

// digits[0].digits[1]… × 10^exponent, rounded to kDigits; not negative. Zero has no digits.
struct Decimal {
  std::string digits;
  int exponent = 0;

  static Decimal Of(double value) {
    Decimal decimal;
    const std::string text = absl::StrFormat("%.*e", kDigits - 1, value);
    const std::size_t e = text.find('e');
    (void)absl::SimpleAtoi(absl::StripPrefix(absl::string_view(text).substr(e + 1), "+"),
                           &decimal.exponent);
    decimal.digits = absl::StrCat(text.substr(0, 1), text.substr(2, e - 2));
    decimal.Tidy();
    return decimal;
  }

  // Half goes away from zero, of the decimal digits that people see: 2.675 is 2.68.
  void RoundTo(int decimals) {
    const int keep = exponent + 1 + decimals;
    if (keep >= static_cast<int>(digits.size())) {
      return;
    }
    if (keep < 0) {
      digits.clear();
      return;
    }
    const bool up = digits[static_cast<std::size_t>(keep)] >= '5';
    digits.resize(static_cast<std::size_t>(keep));
    for (std::size_t i = digits.size(); up; --i) {
      if (i == 0) {
        digits.insert(digits.begin(), '1');
        ++exponent;
        break;
      }
      if (digits[i - 1] != '9') {
        ++digits[i - 1];
        break;
      }
      digits[i - 1] = '0';
    }
    Tidy();
  }

  void Tidy() {
    while (!digits.empty() && digits.back() == '0') {
      digits.pop_back();
    }
  }

  bool IsZero() const { return digits.empty(); }
  char At(int power) const {  // The digit of 10^power.
    const int i = exponent - power;
    return i >= 0 && i < static_cast<int>(digits.size()) ? digits[static_cast<std::size_t>(i)]
                                                         : '0';
  }
  std::string Whole() const {  // "" below one.
    std::string whole;
    for (int power = IsZero() ? -1 : exponent; power >= 0; --power) {
      whole.push_back(At(power));
    }
    return whole;
  }
};

std::string General(double value) {
  Decimal decimal = Decimal::Of(std::abs(value));
  if (decimal.IsZero()) {
    return "0";
  }
  const std::string sign = value < 0 ? "-" : "";
  if (decimal.exponent < kPlainExponentMin || decimal.exponent > kPlainExponentMax) {
    const std::string rest = decimal.digits.substr(1);
    return absl::StrCat(sign,
                        decimal.digits.substr(0, 1),
                        rest.empty() ? "" : ".",
                        rest,
                        decimal.exponent < 0 ? "E-" : "E+",
                        absl::Dec(std::abs(decimal.exponent), absl::kZeroPad2));
  }
  std::string text = absl::StrCat(sign, decimal.exponent < 0 ? "0" : decimal.Whole());
  const int decimals = static_cast<int>(decimal.digits.size()) - 1 - decimal.exponent;
  for (int i = 1; i <= decimals; ++i) {
    absl::StrAppend(&text, i == 1 ? "." : "", absl::string_view(std::string(1, decimal.At(-i))));
  }
  return text;
}

// ---------------------------------------------------------------- sections

enum class Kind {
  kLiteral,
  kDigit,    // 0 # ?
  kPoint,    // .
  kPercent,  // %
  kGeneral,
  kText,   // @
  kYear,   // By count.
  kMonth,  // m, where it is no minute.
  kDay,
  kHour,
  kMinute,
  kSecond,
  kFraction,  // ".00" of a second.
  kHalf,      // AM/PM
  kElapsed,   // [h], [m], [s]: `text` says which.
  kIsoDate,
  kIsoTime,
};

struct Token {
  Kind kind = Kind::kLiteral;
  std::string text;  // Of a literal, and the digit placeholder.
  int count = 1;
};

bool IsDate(Kind kind) {
  return kind >= Kind::kYear;
}

// The number's day and time.
struct Moment {
  absl::CivilDay day;
  std::int64_t second_of_day = 0;
  int milliseconds = 0;
  std::int64_t seconds_elapsed = 0;
};

// Nothing where the calendar ends.
std::optional<Moment> MomentOf(double serial, bool since_1904, int fraction_digits) {
  if (!(serial >= 0 && serial < kDaysMax)) {
    return std::nullopt;
  }
  const std::int64_t scale = fraction_digits == 0 ? 1 : 1000;
  const auto ticks =
      static_cast<std::int64_t>(std::llround(serial * static_cast<double>(kSecondsADay * scale)));
  const std::int64_t seconds = ticks / scale;
  const std::int64_t days = seconds / kSecondsADay;
  Moment moment;
  moment.seconds_elapsed = seconds;
  moment.second_of_day = seconds % kSecondsADay;
  moment.milliseconds = static_cast<int>(ticks % scale);
  // Day 60 is 1900-02-29, which never was: those before it count from a day later.
  moment.day = since_1904 ? absl::CivilDay(1904, 1, 1) + days
                          : absl::CivilDay(1899, 12, days < 60 ? 31 : 30) + days;
  return moment;
}

const char* MonthName(int month) {
  static constexpr std::array kNames = {"January",
                                        "February",
                                        "March",
                                        "April",
                                        "May",
                                        "June",
                                        "July",
                                        "August",
                                        "September",
                                        "October",
                                        "November",
                                        "December"};
  return kNames[static_cast<std::size_t>(month - 1)];
}

const char* DayName(const absl::CivilDay& day) {
  static constexpr std::array kNames = {
      "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};
  return kNames[static_cast<std::size_t>(absl::GetWeekday(day))];
}

std::string Padded(std::int64_t value, int width) {
  return absl::StrFormat("%0*d", width, value);
}

}  // namespace

// What stands between two semicolons.
struct NumberFormat::Section {
  std::vector<Token> tokens;
  bool date = false;
  bool usable = true;  // Else it is shown as General.
  // Of numbers.
  bool grouped = false;
  int thousands = 0;  // Trailing commas: each divides by a thousand.
  int percents = 0;
  int whole_min = 0;  // Digits in front of the point, at least.
  int decimals_min = 0, decimals_max = 0;
  // Of times.
  bool halves = false;
  int fraction_digits = 0;

  std::string ShowNumber(double value, bool negative) const;
  std::string ShowDate(double serial, bool since_1904) const;
  std::string ShowPart(const Token& token, const Moment& moment) const;
};

namespace {

// Reads the code of a format.
class CodeReader {
 public:
  explicit CodeReader(absl::string_view code) : rest_(code) {}

  // False: a section ended; there is another.
  bool Next(std::vector<Token>& tokens, bool& usable) {
    while (!rest_.empty()) {
      if (absl::ConsumePrefix(&rest_, ";")) {
        return false;
      }
      ReadToken(tokens, usable);
    }
    return true;
  }

 private:
  void Literal(std::vector<Token>& tokens, absl::string_view text) {
    if (!tokens.empty() && tokens.back().kind == Kind::kLiteral) {
      absl::StrAppend(&tokens.back().text, text);
    } else {
      tokens.push_back({.kind = Kind::kLiteral, .text = std::string(text)});
    }
  }

  absl::string_view Char() {  // A whole one, of UTF-8.
    std::size_t size = 1;
    while (size < rest_.size() && (static_cast<unsigned char>(rest_[size]) & 0xC0) == 0x80) {
      ++size;
    }
    const absl::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(taken.size());
    return taken;
  }

  void ReadToken(std::vector<Token>& tokens, bool& usable) {
    if (absl::ConsumePrefix(&rest_, "\"")) {
      const std::size_t end = std::min(rest_.find('"'), rest_.size());
      Literal(tokens, rest_.substr(0, end));
      rest_.remove_prefix(std::min(end + 1, rest_.size()));
    } else if (absl::ConsumePrefix(&rest_, "\\")) {
      Literal(tokens, Char());
    } else if (absl::ConsumePrefix(&rest_, "_")) {
      Char();
      Literal(tokens, " ");  // As wide as that character.
    } else if (absl::ConsumePrefix(&rest_, "*")) {
      Char();  // Repeated to fill the cell.
    } else if (absl::ConsumePrefix(&rest_, "[")) {
      ReadBracket(tokens, usable);
    } else if (absl::StartsWithIgnoreCase(rest_, "General")) {
      rest_.remove_prefix(7);
      tokens.push_back({.kind = Kind::kGeneral});
    } else if (absl::StartsWithIgnoreCase(rest_, "AM/PM")) {
      rest_.remove_prefix(5);
      tokens.push_back({.kind = Kind::kHalf, .count = 2});
    } else if (absl::StartsWithIgnoreCase(rest_, "A/P")) {
      rest_.remove_prefix(3);
      tokens.push_back({.kind = Kind::kHalf, .count = 1});
    } else {
      ReadLetter(tokens, usable);
    }
  }

  // [Red], [$€-407], [h], [>100]
  void ReadBracket(std::vector<Token>& tokens, bool& usable) {
    const std::size_t end = std::min(rest_.find(']'), rest_.size());
    absl::string_view inside = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    const char first = inside.empty() ? '\0' : absl::ascii_tolower(inside.front());
    const bool repeated = std::all_of(
        inside.begin(), inside.end(), [&](char c) { return absl::ascii_tolower(c) == first; });
    if (absl::ConsumePrefix(&inside, "$")) {
      if (absl::StartsWithIgnoreCase(inside, "-F800")) {
        tokens = {{.kind = Kind::kIsoDate}};  // The system's own long date; the rest is ignored.
        rest_ = "";
      } else if (absl::StartsWithIgnoreCase(inside, "-F400")) {
        tokens = {{.kind = Kind::kIsoTime}};
        rest_ = "";
      } else {
        Literal(tokens, inside.substr(0, inside.find('-')));
      }
    } else if (repeated && (first == 'h' || first == 'm' || first == 's')) {
      tokens.push_back({.kind = Kind::kElapsed,
                        .text = std::string(1, first),
                        .count = static_cast<int>(inside.size())});
    } else if (!inside.empty() && !absl::ascii_isalpha(inside.front())) {
      usable = false;  // A condition.
    }                  // Else a colour.
  }

  int Run(char c) {  // How often it comes in a row, `c` in lower case.
    int count = 0;
    while (!rest_.empty() && absl::ascii_tolower(rest_.front()) == c) {
      rest_.remove_prefix(1);
      ++count;
    }
    return count;
  }

  void ReadLetter(std::vector<Token>& tokens, bool& usable) {
    const char c = absl::ascii_tolower(rest_.front());
    switch (c) {
      case 'y':
        return tokens.push_back({.kind = Kind::kYear, .count = Run(c)});
      case 'm':
        return tokens.push_back({.kind = Kind::kMonth, .count = Run(c)});
      case 'd':
        return tokens.push_back({.kind = Kind::kDay, .count = Run(c)});
      case 'h':
        return tokens.push_back({.kind = Kind::kHour, .count = Run(c)});
      case 's':
        return tokens.push_back({.kind = Kind::kSecond, .count = Run(c)});
      case '0':
      case '#':
      case '?':
        rest_.remove_prefix(1);
        return tokens.push_back({.kind = Kind::kDigit, .text = std::string(1, c)});
      case '.':
        rest_.remove_prefix(1);
        return tokens.push_back({.kind = Kind::kPoint});
      case '%':
        rest_.remove_prefix(1);
        return tokens.push_back({.kind = Kind::kPercent});
      case '@':
        rest_.remove_prefix(1);
        return tokens.push_back({.kind = Kind::kText});
      case ',':
        rest_.remove_prefix(1);
        return tokens.push_back({.kind = Kind::kDigit, .text = ","});
      case '/':  // In dates; else a fraction, which is seen later.
        rest_.remove_prefix(1);
        return tokens.push_back({.kind = Kind::kLiteral, .text = "/", .count = 2});
      case 'e':
      case 'g':
      case 'b':
        usable = false;  // Exponents and other calendars.
        rest_.remove_prefix(1);
        return;
    }
    Literal(tokens, Char());
  }

  absl::string_view rest_;
};

// An m behind an hour or in front of a second is a minute; ".00" behind a second is a part of it.
void ReadTimes(std::vector<Token>& tokens) {
  std::optional<Kind> last;  // Of those that are about time.
  std::vector<Token> read;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    Token token = tokens[i];
    const bool hours = last == Kind::kHour;
    if (token.kind == Kind::kMonth) {
      const auto next = std::find_if(tokens.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                                     tokens.end(),
                                     [](const Token& one) { return IsDate(one.kind); });
      const bool seconds = next != tokens.end() && next->kind == Kind::kSecond;
      if (token.count <= 2 && (hours || seconds)) {
        token.kind = Kind::kMinute;
      }
    }
    const bool part_of_second = token.kind == Kind::kPoint && !read.empty() &&
                                read.back().kind == Kind::kSecond && i + 1 < tokens.size() &&
                                tokens[i + 1].text == "0";
    if (part_of_second) {
      token = {.kind = Kind::kFraction, .count = 0};
      while (i + 1 < tokens.size() && tokens[i + 1].kind == Kind::kDigit &&
             tokens[i + 1].text == "0") {
        ++token.count;
        ++i;
      }
    } else if (token.kind == Kind::kPoint || token.text == ",") {
      token = {.kind = Kind::kLiteral, .text = token.kind == Kind::kPoint ? "." : ","};
    } else if (IsDate(token.kind)) {
      last = token.kind;
      if (token.kind == Kind::kElapsed) {
        last = token.text == "h" ? Kind::kHour : token.text == "s" ? Kind::kSecond : Kind::kMinute;
      }
    }
    read.push_back(std::move(token));
  }
  tokens = std::move(read);
}

}  // namespace

NumberFormat::NumberFormat() = default;

NumberFormat NumberFormat::OfCode(absl::string_view code) {
  if (code.empty() || code.size() > kCodeCharsMax || absl::EqualsIgnoreCase(code, "General")) {
    return {};
  }
  std::vector<Section> sections;
  CodeReader reader(code);
  for (bool last = false; !last;) {
    Section& section = sections.emplace_back();
    last = reader.Next(section.tokens, section.usable);
    section.date = std::any_of(section.tokens.begin(), section.tokens.end(), [](const Token& one) {
      return IsDate(one.kind);
    });
    if (section.date) {
      ReadTimes(section.tokens);
    }
    bool behind_point = false;
    int digits = 0;
    for (std::size_t i = 0; i < section.tokens.size(); ++i) {
      const Token& token = section.tokens[i];
      section.halves = section.halves || token.kind == Kind::kHalf;
      if (token.kind == Kind::kFraction) {
        section.fraction_digits = token.count;
        section.usable = section.usable && token.count >= 1 && token.count <= 3;
      }
      if (section.date) {
        section.usable = section.usable && token.kind != Kind::kDigit &&
                         token.kind != Kind::kPoint && token.kind != Kind::kGeneral;
        continue;
      }
      section.percents += token.kind == Kind::kPercent ? 1 : 0;
      if (token.kind == Kind::kPoint) {
        section.usable = section.usable && !behind_point;
        behind_point = true;
      } else if (token.kind == Kind::kDigit && token.text == ",") {
        const bool more = std::any_of(
            section.tokens.begin() + static_cast<std::ptrdiff_t>(i),
            section.tokens.end(),
            [](const Token& one) { return one.kind == Kind::kDigit && one.text != ","; });
        // Between digits it groups; behind the last one it divides.
        section.grouped = section.grouped || (more && digits > 0 && !behind_point);
        section.thousands += !more && digits > 0 ? 1 : 0;
      } else if (token.kind == Kind::kDigit) {
        ++digits;
        if (behind_point) {
          ++section.decimals_max;
          section.decimals_min = token.text == "0" ? section.decimals_max : section.decimals_min;
        } else {
          section.whole_min += token.text == "0" ? 1 : 0;
        }
      } else if (token.kind == Kind::kLiteral && token.count == 2) {
        section.usable = section.usable && digits == 0;  // A fraction.
      }
    }
    section.usable = section.usable && section.decimals_max <= kDecimalsMax;
  }
  if (sections.size() > 4) {
    return {};
  }
  return NumberFormat(std::make_shared<const std::vector<Section>>(std::move(sections)));
}

NumberFormat NumberFormat::BuiltIn(int id) {
  switch (id) {
    case 1:
      return OfCode("0");
    case 2:
      return OfCode("0.00");
    case 3:
      return OfCode("#,##0");
    case 4:
      return OfCode("#,##0.00");
    case 9:
      return OfCode("0%");
    case 10:
      return OfCode("0.00%");
    case 14:
      return OfCode("yyyy-mm-dd");  // The reader's own short date.
    case 15:
      return OfCode("d-mmm-yy");
    case 16:
      return OfCode("d-mmm");
    case 17:
      return OfCode("mmm-yy");
    case 18:
      return OfCode("h:mm AM/PM");
    case 19:
      return OfCode("h:mm:ss AM/PM");
    case 20:
      return OfCode("h:mm");
    case 21:
      return OfCode("h:mm:ss");
    case 22:
      return OfCode("yyyy-mm-dd hh:mm");
    case 37:
    case 38:
      return OfCode("#,##0;(#,##0)");
    case 39:
    case 40:
      return OfCode("#,##0.00;(#,##0.00)");
    case 41:
    case 42:
      return OfCode("#,##0;(#,##0);\"-\"");
    case 43:
    case 44:
      return OfCode("#,##0.00;(#,##0.00);\"-\"");
    case 45:
      return OfCode("mm:ss");
    case 46:
      return OfCode("[h]:mm:ss");
    case 47:
      return OfCode("mm:ss.0");
  }
  const bool east_asian_date =
      (id >= 27 && id <= 31) || id == 36 || (id >= 50 && id <= 54) || id == 57 || id == 58;
  return east_asian_date ? OfCode("yyyy-mm-dd") : NumberFormat();
}

std::string NumberFormat::Show(double value, bool since_1904) const {
  if (sections_ == nullptr) {
    return General(value);
  }
  const std::vector<Section>& all = *sections_;
  std::size_t chosen = 0;
  if (value < 0 && all.size() >= 2) {
    chosen = 1;
  } else if (value == 0 && all.size() >= 3) {
    chosen = 2;
  }
  const Section& section = all[chosen];
  if (!section.usable) {
    return General(value);
  }
  if (section.date) {
    return section.ShowDate(value, since_1904);
  }
  return section.ShowNumber(std::abs(value), value < 0 && chosen == 0);
}

std::string NumberFormat::Section::ShowNumber(double value, bool negative) const {
  Decimal decimal = Decimal::Of(value);
  if (decimal.exponent > kPlainExponentMax) {
    return General(negative ? -value : value);
  }
  decimal.exponent += 2 * percents - 3 * thousands;
  decimal.RoundTo(decimals_max);
  std::string whole = decimal.Whole();
  if (whole.size() < static_cast<std::size_t>(whole_min)) {
    whole.insert(0, static_cast<std::size_t>(whole_min) - whole.size(), '0');
  }
  int decimals = decimals_max;
  while (decimals > decimals_min && decimal.At(-decimals) == '0') {
    --decimals;
  }
  // From the right: digits go to their places, those that are left over to the first one.
  const auto point = std::find_if(
      tokens.begin(), tokens.end(), [](const Token& one) { return one.kind == Kind::kPoint; });
  const auto first = std::find_if(tokens.begin(), tokens.end(), [](const Token& one) {
    return one.kind == Kind::kDigit && one.text != ",";
  });
  std::string front;
  std::size_t placed = 0;
  const auto place = [&] {
    if (placed < whole.size()) {
      if (grouped && placed > 0 && placed % 3 == 0) {
        front.insert(0, ",");
      }
      front.insert(front.begin(), whole[whole.size() - 1 - placed++]);
    }
  };
  const bool no_whole_places = first == tokens.end() || first >= point;
  for (auto token = point; token != tokens.begin();) {
    --token;
    if (token->kind == Kind::kLiteral) {
      front.insert(0, token->text);
    } else if (token->kind == Kind::kPercent) {
      front.insert(0, "%");
    } else if (token->kind == Kind::kGeneral) {
      front.insert(0, General(value));
    } else if (token->kind == Kind::kDigit && token->text != ",") {
      place();
      while (token == first && placed < whole.size()) {
        place();
      }
    }
  }
  if (no_whole_places && point != tokens.end()) {
    front += whole;  // ".00" shows 12.5 as "12.50".
  }
  std::string text = front;
  int decimal_place = 0;
  for (auto token = point; token != tokens.end(); ++token) {
    if (token->kind == Kind::kPoint) {
      text += decimals > 0 ? "." : "";
    } else if (token->kind == Kind::kDigit && token->text != ",") {
      if (++decimal_place <= decimals) {
        text.push_back(decimal.At(-decimal_place));
      }
    } else if (token->kind == Kind::kPercent) {
      text += "%";
    } else if (token->kind == Kind::kLiteral) {
      text += token->text;
    }
  }
  const bool only_text = std::any_of(
      tokens.begin(), tokens.end(), [](const Token& one) { return one.kind == Kind::kText; });
  if (only_text) {
    return General(negative ? -value : value);
  }
  const bool minus = negative && (!decimal.IsZero() ||
                                  std::any_of(tokens.begin(), tokens.end(), [](const Token& one) {
                                    return one.kind == Kind::kGeneral;
                                  }));
  return minus ? absl::StrCat("-", text) : text;
}

std::string NumberFormat::Section::ShowDate(double serial, bool since_1904) const {
  const std::optional<Moment> moment = MomentOf(serial, since_1904, fraction_digits);
  if (!moment.has_value()) {
    return General(serial);
  }
  std::string text;
  for (const Token& token : tokens) {
    text += ShowPart(token, *moment);
  }
  return text;
}

std::string NumberFormat::Section::ShowPart(const Token& token, const Moment& moment) const {
  const std::int64_t hour = moment.second_of_day / 3600;
  switch (token.kind) {
    case Kind::kYear:
      return token.count <= 2 ? Padded(moment.day.year() % 100, 2) : Padded(moment.day.year(), 4);
    case Kind::kMonth:
      return token.count <= 2   ? Padded(moment.day.month(), token.count)
             : token.count == 3 ? std::string(MonthName(moment.day.month()), 3)
             : token.count == 5 ? std::string(MonthName(moment.day.month()), 1)
                                : std::string(MonthName(moment.day.month()));
    case Kind::kDay:
      return token.count <= 2   ? Padded(moment.day.day(), token.count)
             : token.count == 3 ? std::string(DayName(moment.day), 3)
                                : std::string(DayName(moment.day));
    case Kind::kHour:
      return Padded(halves ? (hour + 11) % 12 + 1 : hour, std::min(token.count, 2));
    case Kind::kMinute:
      return Padded(moment.second_of_day / 60 % 60, token.count);
    case Kind::kSecond:
      return Padded(moment.second_of_day % 60, std::min(token.count, 2));
    case Kind::kFraction:
      return absl::StrCat(
          ".", Padded(moment.milliseconds, 3).substr(0, static_cast<std::size_t>(token.count)));
    case Kind::kHalf:
      return std::string(hour < 12 ? "AM" : "PM", static_cast<std::size_t>(token.count));
    case Kind::kElapsed:
      return Padded(token.text == "h"   ? moment.seconds_elapsed / 3600
                    : token.text == "m" ? moment.seconds_elapsed / 60
                                        : moment.seconds_elapsed,
                    std::min(token.count, 9));
    case Kind::kIsoDate:
      return absl::FormatCivilTime(moment.day);
    case Kind::kIsoTime:
      return absl::StrCat(Padded(hour, 2),
                          ":",
                          Padded(moment.second_of_day / 60 % 60, 2),
                          ":",
                          Padded(moment.second_of_day % 60, 2));
    case Kind::kLiteral:
      return token.text;
    case Kind::kDigit:
    case Kind::kPoint:
    case Kind::kPercent:
    case Kind::kGeneral:
    case Kind::kText:
      return "";
  }
  return "";
}

}  // namespace rn
