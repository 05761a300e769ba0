// Escaping of the text format 0.0.4 (Prometheus, "Exposition formats"): label values and HELP.
#pragma once

#include <string>
#include <string_view>

namespace pgvigil::metrics {

enum class Escape { kBackslashAndNewline, kQuotesToo };  // HELP, respectively a label's value

// Appends `value` escaped and made valid UTF-8: Prometheus refuses a whole page for one byte that is not.
void AppendEscaped(std::string& text, std::string_view value, Escape escape);

}  // namespace pgvigil::metrics
