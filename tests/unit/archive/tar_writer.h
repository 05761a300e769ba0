// Writes the tars that tests read.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

namespace pgvigil::archive {

inline std::string TarHeader(const std::string& name, std::uint64_t size, char kind = '0') {
  std::string block(512, '\0');
  char digits[16];
  block.replace(0, name.size(), name);
  std::snprintf(digits, sizeof digits, "%011llo", static_cast<unsigned long long>(size));
  block.replace(124, 11, digits);
  block[156] = kind;
  block.replace(257, 5, "ustar");
  block.replace(263, 2, "00");
  block.replace(148, 8, "        ");
  unsigned sum = 0;
  for (const char byte : block) sum += static_cast<unsigned char>(byte);
  std::snprintf(digits, sizeof digits, "%06o", sum);
  block.replace(148, 7, std::string(digits, 6) + '\0');
  return block;
}

inline std::string TarMemberOf(const std::string& name, const std::string& content, char kind = '0') {
  return TarHeader(name, content.size(), kind) + content + std::string((512 - content.size() % 512) % 512, '\0');
}

inline const std::string kTarEnd(1024, '\0');

}  // namespace pgvigil::archive
