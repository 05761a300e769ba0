#include "wal/crc32c.h"

#include <gtest/gtest.h>

#include <string>

namespace pgvigil::wal {
namespace {

TEST(Crc32cTest, IsCastagnolis) {
  std::string rising;
  for (char byte = 0; byte < 32; ++byte) rising += byte;
  EXPECT_EQ(Crc32c(""), 0U);
  EXPECT_EQ(Crc32c("123456789"), 0xE3069283);
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8A9136AA);  // RFC 3720, B.4
  EXPECT_EQ(Crc32c(std::string(32, '\xFF')), 0x62A8AB43);
  EXPECT_EQ(Crc32c(rising), 0x46DD794E);
}

TEST(Crc32cTest, GoesOnWhereverItIsCut) {
  const std::string text = "the quick brown fox jumps over the lazy dog";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    EXPECT_EQ(Crc32c(text.substr(cut), Crc32c(text.substr(0, cut))), Crc32c(text)) << cut;
  }
}

}  // namespace
}  // namespace pgvigil::wal
