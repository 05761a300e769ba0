#include "metrics/escape.h"

#include <algorithm>

#include "base/text.h"

namespace pgvigil::metrics {
namespace {

// Whether it can be copied as it is, as nearly everything can.
bool IsPlainAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return c >= 0x20 && c < 0x7F && c != '"' && c != '\\'; });
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
