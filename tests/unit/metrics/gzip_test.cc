#include "metrics/gzip.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <random>

namespace pgvigil::metrics {
namespace {

// What any client makes of it; empty if it is not one whole gzip member.
std::string Gunzip(const std::string& packed, std::size_t size) {
  constexpr int kGzipOnly = 15 + 16;
  z_stream stream{};
  if (inflateInit2(&stream, kGzipOnly) != Z_OK) return {};
  std::string text(size + 1, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  const int result = inflate(&stream, Z_FINISH);
  const bool whole = result == Z_STREAM_END && stream.avail_in == 0;
  text.resize(stream.total_out);
  inflateEnd(&stream);
  return whole ? text : std::string();
}

TEST(GzipTest, UnpacksToTheSameText) {
  std::string page;
  for (int i = 0; i < 100'000; ++i) page += "pg_x{pg_instance=\"orders-1\",n=\"" + std::to_string(i) + "\"} 1\n";
  const auto packed = Gzip(page);
  EXPECT_LT(packed.size(), page.size() / 5);
  EXPECT_EQ(Gunzip(packed, page.size()), page);
}

TEST(GzipTest, TakesWhatCannotBeCompressed) {
  std::mt19937 random(7);
  std::string noise;
  for (int i = 0; i < 1'000'000; ++i) noise += static_cast<char>(random());
  EXPECT_EQ(Gunzip(Gzip(noise), noise.size()), noise);
}

TEST(GzipTest, AnEmptyTextIsAWholeMember) {
  const auto packed = Gzip("");
  EXPECT_GE(packed.size(), 18U);  // header and trailer
  EXPECT_EQ(Gunzip(packed, 0), "");
}

}  // namespace
}  // namespace pgvigil::metrics
