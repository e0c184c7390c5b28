// What a person sees: bars that are redrawn in place on a terminal, and plain lines in a pipe.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

namespace rn {

// "██████░░░░" for `fraction` in [0, 1].
std::string Bar(double fraction, int cells);

// "1:05", "0:07.4" below ten seconds.
std::string ShortSeconds(double seconds);

// Columns as wide as their widest cell, two blanks apart; the first row is the heading.
std::string Table(const std::vector<std::vector<std::string>>& rows);

// Lines that are replaced by the next ones. In a pipe, where nothing can be replaced, only lines
// that say something new are printed. One thread.
class LiveLines {
 public:
  explicit LiveLines(std::FILE* out);

  // `lines` for a terminal, at most as wide as it is; `event` for a pipe, unless said before.
  void Show(const std::vector<std::string>& lines, const std::string& event);
  // Leaves the last lines standing.
  void Finish();

 private:
  std::FILE* const out_;
  const bool terminal_;
  std::size_t shown_ = 0;
  std::string said_;
};

}  // namespace rn
