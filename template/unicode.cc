#include "template/unicode.h"

#include <unicode/brkiter.h>
#include <unicode/bytestream.h>
#include <unicode/casemap.h>
#include <unicode/edits.h>
#include <unicode/uchar.h>
#include <unicode/utext.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <cstdint>
#include <memory>

namespace rn {
namespace {

// One a thread: opening the rules costs more than applying them.
icu::BreakIterator* ThreadIterator() {
  // NOLINTNEXTLINE(clang-analyzer-cplusplus.NewDelete): it lives as long as the thread.
  thread_local const std::unique_ptr<icu::BreakIterator> iterator = [] {
    UErrorCode error = U_ZERO_ERROR;
    return std::unique_ptr<icu::BreakIterator>(
        icu::BreakIterator::createCharacterInstance(icu::Locale::getRoot(), error));
  }();
  return iterator.get();
}

bool IsEmojiPart(UChar32 c) {
  constexpr UChar32 kVariationSelector = 0xFE0F;
  constexpr UChar32 kJoiner = 0x200D;
  constexpr UChar32 kTagFirst = 0xE0020;
  constexpr UChar32 kTagLast = 0xE007F;
  return u_hasBinaryProperty(c, UCHAR_EXTENDED_PICTOGRAPHIC) != 0 ||
         u_hasBinaryProperty(c, UCHAR_EMOJI_MODIFIER) != 0 ||
         u_hasBinaryProperty(c, UCHAR_REGIONAL_INDICATOR) != 0 || c == kVariationSelector ||
         c == kJoiner || (c >= kTagFirst && c <= kTagLast);
}

}  // namespace

std::size_t ValidPrefix(absl::string_view text) {
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  const auto size = static_cast<std::int32_t>(text.size());
  for (std::int32_t at = 0; at < size;) {
    const std::int32_t begin = at;
    UChar32 c = 0;
    U8_NEXT(bytes, at, size, c);
    if (c < 0) return static_cast<std::size_t>(begin);
  }
  return text.size();
}

std::vector<std::size_t> GraphemeEnds(absl::string_view text) {
  std::vector<std::size_t> ends;
  UErrorCode error = U_ZERO_ERROR;
  UText opened = UTEXT_INITIALIZER;
  const std::unique_ptr<UText, decltype(&utext_close)> utf8(
      utext_openUTF8(&opened, text.data(), static_cast<std::int64_t>(text.size()), &error),
      &utext_close);
  icu::BreakIterator* iterator = ThreadIterator();
  if (U_FAILURE(error) != 0 || iterator == nullptr) return ends;
  iterator->setText(utf8.get(), error);
  for (std::int32_t at = iterator->next(); at != icu::BreakIterator::DONE; at = iterator->next()) {
    ends.push_back(static_cast<std::size_t>(at));
  }
  return ends;
}

std::size_t CharacterCount(absl::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::size_t GraphemeCount(absl::string_view text) {
  return GraphemeEnds(text).size();
}

absl::string_view WithoutTrailingEmoji(absl::string_view text) {
  constexpr UChar32 kKeycap = 0x20E3;
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  const auto size = static_cast<std::int32_t>(text.size());
  std::int32_t end = size;
  bool found = false;
  bool keycap = false;  // its digit is part of it
  for (std::int32_t before = size; before > 0;) {
    UChar32 c = 0;
    U8_PREV(bytes, 0, before, c);
    const bool emoji = c == kKeycap || IsEmojiPart(c) || keycap;
    if (emoji) {
      keycap = c == kKeycap || (keycap && IsEmojiPart(c));
      found = true;
    } else if (u_isUWhiteSpace(c) == 0) {
      break;
    }
    end = before;
  }
  return found ? text.substr(0, static_cast<std::size_t>(end)) : text;
}

std::string InCase(absl::string_view text,
                   LetterCase letter_case,
                   const std::string& language,
                   std::vector<CaseStep>* steps) {
  std::string result;
  icu::StringByteSink<std::string> sink(&result);
  icu::Edits edits;
  UErrorCode error = U_ZERO_ERROR;
  const icu::StringPiece source(text.data(), static_cast<std::int32_t>(text.size()));
  switch (letter_case) {
    case LetterCase::kUpper:
      icu::CaseMap::utf8ToUpper(language.c_str(), 0, source, sink, &edits, error);
      break;
    case LetterCase::kLower:
      icu::CaseMap::utf8ToLower(language.c_str(), 0, source, sink, &edits, error);
      break;
    case LetterCase::kCapitalized:
      icu::CaseMap::utf8ToTitle(
          language.c_str(), U_TITLECASE_NO_LOWERCASE, nullptr, source, sink, &edits, error);
      break;
    case LetterCase::kAsWritten:
      result.assign(text.data(), text.size());
      break;
  }
  if (steps == nullptr) return result;
  steps->assign({{0, 0}});
  icu::Edits::Iterator edit = edits.getFineIterator();
  while (letter_case != LetterCase::kAsWritten && edit.next(error) != 0) {
    steps->push_back({static_cast<std::size_t>(edit.sourceIndex()),
                      static_cast<std::size_t>(edit.destinationIndex())});
  }
  steps->push_back({text.size(), result.size()});
  return result;
}

}  // namespace rn
