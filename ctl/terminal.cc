#include "ctl/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace rn {
namespace {

constexpr std::size_t kColumnsWithoutTerminal = 120;

// Cells of a terminal, for text without wide or combining characters: its code points.
std::size_t Cells(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char byte) { return (byte & 0xC0) != 0x80; }));
}

std::string Clipped(const std::string& text, std::size_t cells) {
  std::size_t end = 0;
  for (std::size_t seen = 0; end < text.size(); ++end) {
    if ((text[end] & 0xC0) != 0x80 && seen++ == cells) {
      break;
    }
  }
  return text.substr(0, end);
}

std::size_t Columns(std::FILE* out) {
  winsize size{};
  return ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col
                                                                       : kColumnsWithoutTerminal;
}

}  // namespace

std::string Bar(double fraction, int cells) {
  const int full = static_cast<int>(std::lround(std::clamp(fraction, 0.0, 1.0) * cells));
  std::string bar;
  for (int i = 0; i < cells; ++i) {
    bar += i < full ? "█" : "░";
  }
  return bar;
}

std::string ShortSeconds(double seconds) {
  if (seconds < 10) {
    return absl::StrFormat("0:%04.1f", seconds);
  }
  const auto whole = static_cast<long>(std::lround(seconds));
  return absl::StrFormat("%d:%02d", whole / 60, whole % 60);
}

std::string Table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], Cells(row[i]));
    }
  }
  std::string table;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      absl::StrAppend(&table, row[i]);
      if (i + 1 < row.size()) {
        table.append(widths[i] - Cells(row[i]) + 2, ' ');
      }
    }
    table += '\n';
  }
  return table;
}

LiveLines::LiveLines(std::FILE* out) : out_(out), terminal_(isatty(fileno(out)) == 1) {}

void LiveLines::Show(const std::vector<std::string>& lines, const std::string& event) {
  if (!terminal_) {
    if (!event.empty() && event != said_) {
      std::fprintf(out_, "%s\n", event.c_str());
      said_ = event;
    }
  } else {
    std::string screen;
    if (shown_ > 0) {
      absl::StrAppend(&screen, "\x1b[", shown_, "A");  // Up to the first line.
    }
    absl::StrAppend(&screen, "\r\x1b[J");  // Clear from there on.
    for (const std::string& line : lines) {
      absl::StrAppend(&screen, Clipped(line, Columns(out_)), "\n");
    }
    std::fputs(screen.c_str(), out_);
    shown_ = lines.size();
  }
  std::fflush(out_);
}

void LiveLines::Finish() {
  shown_ = 0;
}

}  // namespace rn
