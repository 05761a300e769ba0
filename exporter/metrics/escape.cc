#include "metrics/escape.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/text.h"

namespace pgvigil::metrics {
namespace {

constexpr bool IsPlain(unsigned char c) { return c >= 0x20 && c < 0x7F && c != '"' && c != '\\'; }

// The same of eight characters at once: a bit of kHigh is set in the result for a character that may not be plain
// (Warren, "Hacker's Delight", 6-1). What it takes for a suspect is looked at one by one.
std::uint64_t Suspects(std::uint64_t eight) {
  constexpr std::uint64_t kOnes = 0x0101010101010101, kHigh = 0x8080808080808080;
  const auto zero = [](std::uint64_t x) { return (x - kOnes) & ~x; };
  return (eight | (eight - kOnes * 0x20) | zero(eight ^ kOnes * '"') | zero(eight ^ kOnes * '\\') |
          zero(eight ^ kOnes * 0x7F)) &
         kHigh;
}

// Whether it can be copied as it is, as nearly everything can.
bool IsPlainAscii(std::string_view text) {
  std::size_t at = 0;
  for (std::uint64_t eight = 0; at + sizeof eight <= text.size(); at += sizeof eight) {
    std::memcpy(&eight, text.data() + at, sizeof eight);
    if (Suspects(eight) != 0) break;
  }
  return std::all_of(text.begin() + static_cast<std::ptrdiff_t>(at), text.end(), IsPlain);
}

}  // namespace

void AppendEscaped(std::string& text, std::string_view value, Escape escape) {
  if (IsPlainAscii(value)) {
    text += value;
    return;
  }
  for (const char c : base::ValidUtf8(value)) {
    if (c == '\n') {
      text += "\\n";
      continue;
    }
    if (c == '\\' || (c == '"' && escape == Escape::kQuotesToo)) text += '\\';
    text += c;
  }
}

}  // namespace pgvigil::metrics
