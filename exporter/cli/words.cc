#include "cli/words.h"

namespace pgvigil::cli {

std::string Printable(std::string_view text) {
  std::string safe;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool second = byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (second) ++i;  // U+0080 to U+009F
    safe += byte < 0x20 || byte == 0x7F || second ? '?' : text[i];
  }
  return safe;
}

}  // namespace pgvigil::cli
