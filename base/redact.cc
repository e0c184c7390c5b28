#include "base/redact.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

namespace rn {
namespace {

constexpr absl::string_view kPemBegin = "-----BEGIN ";
constexpr absl::string_view kPemEnd = "-----END ";

// Also one that is cut off: then to the end.
std::string WithoutPem(absl::string_view text) {
  std::string clean;
  while (true) {
    const std::size_t begin = text.find(kPemBegin);
    if (begin == absl::string_view::npos) {
      return absl::StrCat(clean, text);
    }
    absl::StrAppend(&clean, text.substr(0, begin), kRemoved);
    text.remove_prefix(begin);
    const std::size_t end = text.find(kPemEnd);
    const std::size_t close = end == absl::string_view::npos
                                  ? absl::string_view::npos
                                  : text.find("-----", end + kPemEnd.size());
    if (close == absl::string_view::npos) {
      return clean;
    }
    text.remove_prefix(close + 5);
  }
}

bool EndsWord(char c) {
  return absl::ascii_isspace(static_cast<unsigned char>(c)) || c == '"' || c == '\'' || c == '\\' ||
         c == ',' || c == '>' || c == ')';
}

std::size_t WordEnd(absl::string_view text, std::size_t at) {
  while (at < text.size() && !EndsWord(text[at])) {
    ++at;
  }
  return at;
}

std::string WithoutCredentials(absl::string_view text) {
  std::string clean;
  for (std::size_t at = 0; at < text.size();) {
    const absl::string_view rest = text.substr(at);
    const bool bearer = absl::StartsWithIgnoreCase(rest, "bearer ");
    if (bearer || absl::StartsWithIgnoreCase(rest, "basic ")) {
      const std::size_t scheme = bearer ? 7 : 6;
      absl::StrAppend(&clean, rest.substr(0, scheme), kRemoved);
      at = WordEnd(text, at + scheme);
    } else {
      clean += text[at++];
    }
  }
  return clean;
}

std::string CleanUrl(absl::string_view url) {
  const std::size_t host = url.find("://") + 3;
  const std::size_t path = std::min(url.find_first_of("/?#", host), url.size());
  const std::size_t user = url.substr(0, path).rfind('@');
  std::string clean(url.substr(0, host));
  const std::size_t from = user == absl::string_view::npos || user < host ? host : user;
  if (from != host) {
    clean += kRemoved;
  }
  const std::size_t query = url.find('?', path);
  absl::StrAppend(&clean,
                  url.substr(from, query == absl::string_view::npos ? query : query - from));
  return query == absl::string_view::npos ? clean : absl::StrCat(clean, "?", kRemoved);
}

std::string WithoutUrlSecrets(absl::string_view text) {
  std::string clean;
  while (true) {
    const std::size_t mark = text.find("://");
    if (mark == absl::string_view::npos) {
      return absl::StrCat(clean, text);
    }
    std::size_t begin = mark;
    while (begin > 0 && absl::ascii_isalnum(static_cast<unsigned char>(text[begin - 1]))) {
      --begin;
    }
    const std::size_t end = WordEnd(text, mark + 3);
    absl::StrAppend(&clean, text.substr(0, begin), CleanUrl(text.substr(begin, end - begin)));
    text.remove_prefix(end);
  }
}

bool SoundsSecret(absl::string_view key) {
  const std::string name = absl::AsciiStrToLower(key.substr(key.rfind('.') + 1));
  if (absl::EndsWith(name, "_file") || absl::EndsWith(name, "_folder")) {
    return false;
  }
  for (const char* word : {"password",
                           "passwd",
                           "secret",
                           "token",
                           "api_key",
                           "apikey",
                           "access_key",
                           "private_key",
                           "credential",
                           "authorization"}) {
    if (absl::StrContains(name, word)) {
      return true;
    }
  }
  return false;
}

// The strings of a list as ConfigReader::values() writes it: "A=x","B=y", each escaped.
std::vector<std::string> Strings(absl::string_view list) {
  std::vector<std::string> strings;
  bool inside = false;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i] == '"') {
      inside = !inside;
      if (inside) {
        strings.emplace_back();
      }
    } else if (inside) {
      strings.back() += list[i];
      if (list[i] == '\\' && i + 1 < list.size()) {
        strings.back() += list[++i];
      }
    }
  }
  return strings;
}

std::string List(const std::vector<std::string>& strings) {
  return absl::StrJoin(strings, ",", [](std::string* out, const std::string& string) {
    absl::StrAppend(out, "\"", string, "\"");
  });
}

std::string NamesOnly(absl::string_view environment) {
  std::vector<std::string> variables = Strings(environment);
  for (std::string& variable : variables) {
    variable = absl::StrCat(variable.substr(0, variable.find('=')), "=", kRemoved);
  }
  return List(variables);
}

// Options that sound like a secret lose their values: "--api-key=x" and "--api-key", "x".
std::string CleanCommand(absl::string_view command) {
  std::vector<std::string> words = Strings(command);
  bool secret = false;
  for (std::string& word : words) {
    if (std::exchange(secret, false)) {
      word = kRemoved;
      continue;
    }
    const std::string option = word.substr(0, word.find('='));
    if (absl::StartsWith(option, "-") && SoundsSecret(absl::StrReplaceAll(option, {{"-", "_"}}))) {
      secret = option == word;
      word = secret ? word : absl::StrCat(option, "=", kRemoved);
    } else {
      word = Redacted(word);
    }
  }
  return List(words);
}

}  // namespace

std::string Redacted(absl::string_view text) {
  return WithoutUrlSecrets(WithoutCredentials(WithoutPem(text)));
}

std::map<std::string, std::string> RedactedConfig(
    const std::map<std::string, std::string>& values) {
  std::map<std::string, std::string> clean;
  for (const auto& [key, value] : values) {
    if (SoundsSecret(key)) {
      clean[key] = kRemoved;
    } else if (absl::EndsWith(key, "environment")) {
      clean[key] = NamesOnly(value);
    } else if (absl::EndsWith(key, "command")) {
      clean[key] = CleanCommand(value);
    } else {
      clean[key] = Redacted(value);
    }
  }
  return clean;
}

}  // namespace rn
