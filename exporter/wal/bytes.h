// Numbers in WAL as a little-endian server wrote them, on any machine. The caller knows that the bytes are there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pgvigil::wal {

template <typename Unsigned>
Unsigned LittleEndian(std::string_view bytes, std::size_t at) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(Unsigned); ++i) {
    value |= std::uint64_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
  }
  return static_cast<Unsigned>(value);
}

}  // namespace pgvigil::wal
