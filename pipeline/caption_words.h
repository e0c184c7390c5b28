// Words as captions take them: where sentences and clauses end, how words join into a line.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "pipeline/speech.h"

namespace rn {

// Silence that separates as a full stop does.
inline constexpr absl::Duration kSentencePauseMin = absl::Milliseconds(600);

// [begin, end): indices of words, or of bytes.
struct WordRange {
  std::size_t begin = 0, end = 0;
};

// The words with something in them, `offset` later, in order: none begins before the one before
// it or ends before it begins.
std::vector<SpokenWord> OnTimeline(const std::vector<SpokenWord>& words, absl::Duration offset);

// A "word" without spaces (Chinese, Japanese, Thai, a URL) cut where a line may break into pieces
// of a few characters, its time divided in proportion.
std::vector<SpokenWord> SplitLongWords(const std::vector<SpokenWord>& words);

// Runs of words up to a full stop (in any script) or a pause.
std::vector<WordRange> SplitSentences(absl::Span<const SpokenWord> words);

// Ends with a comma, a dash …, or a sentence's end.
bool EndsClause(absl::string_view word);

// With a space between words that do not touch in the script. `bytes`: each word's own.
std::string JoinWords(absl::Span<const SpokenWord> words, std::vector<WordRange>* bytes);

}  // namespace rn
