#include "base/text.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>

namespace pgvigil::base {
namespace {

using std::chrono::milliseconds;

TEST(DurationTest, ReadsOneNumberWithOneUnitAndPrintsItBack) {
  struct Case {
    const char* text;
    milliseconds span;
    const char* printed;
  };
  for (const auto& [text, span, printed] :
       {Case{"500ms", milliseconds(500), "500ms"}, Case{"30s", milliseconds(30'000), "30s"},
        Case{"26h", milliseconds(93'600'000), "26h"}, Case{"7d", milliseconds(604'800'000), "7d"},
        Case{"24h", milliseconds(86'400'000), "1d"}, Case{"90s", milliseconds(90'000), "90s"},
        Case{"0s", milliseconds(0), "0ms"}}) {
    const auto read = ParseDuration(text);
    ASSERT_TRUE(read.ok()) << text;
    EXPECT_EQ(*read, span) << text;
    EXPECT_EQ(FormatDuration(*read), printed);
  }
}

TEST(DurationTest, RejectsWhatCouldBeMisread) {
  for (const char* text :
       {"", "30", "s", "30 s", "1.5h", "-5s", "5m30s", "1w", "5M", "99999999999999999999s", "99999999d"}) {
    const auto read = ParseDuration(text);
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_EQ(read.error().kind, ErrorKind::kMalformed);
    EXPECT_EQ(read.error().subject, text);
  }
}

TEST(SizeTest, CountsInPowersOfTwo) {
  struct Case {
    const char* text;
    std::uint64_t bytes;
    const char* printed;
  };
  for (const auto& [text, bytes, printed] :
       {Case{"16MiB", 16ULL << 20, "16MiB"}, Case{"8GiB", 8ULL << 30, "8GiB"}, Case{"1000", 1000, "1000B"},
        Case{"1024", 1024, "1KiB"}, Case{"0", 0, "0B"}}) {
    const auto read = ParseSize(text);
    ASSERT_TRUE(read.ok()) << text;
    EXPECT_EQ(*read, bytes) << text;
    EXPECT_EQ(FormatSize(*read), printed);
  }
}

TEST(SizeTest, RejectsDecimalUnitsRatherThanGuessing) {
  for (const char* text : {"", "16MB", "16M", "16 MiB", "-1", "1.5GiB", "99999999TiB", "18446744073709551615"}) {
    EXPECT_FALSE(ParseSize(text).ok()) << text;
  }
}

TEST(NumberTest, ReadsTheWholeTextOrNothing) {
  EXPECT_EQ(ParseDouble("12.5"), 12.5);
  EXPECT_EQ(ParseDouble("+1e3"), 1000);
  EXPECT_EQ(ParseDouble("-Infinity"), -INFINITY);
  EXPECT_TRUE(std::isnan(*ParseDouble("NaN")));
  for (const char* text : {"", "+", "++1", "1 day", "2026-01-01", "0x10", "1e400", "nan(7)", " 1", "1,5"}) {
    EXPECT_EQ(ParseDouble(text), std::nullopt) << text;
  }
}

TEST(GlobTest, MatchesAsAShellDoes) {
  struct Case {
    const char* pattern;
    const char* text;
    bool matches;
  };
  for (const auto& [pattern, text, matches] :
       {Case{"*", "", true}, Case{"*", "a/b", true}, Case{"a*c", "abbc", true}, Case{"a*c", "abcd", false},
        Case{"a*b*c", "a-b-b-c", true}, Case{"?", "", false}, Case{"a?", "ab", true}, Case{"[a-c]x", "bx", true},
        Case{"[!a-c]x", "bx", false}, Case{"[]]", "]", true}, Case{"[a", "[a", true}, Case{"\\*", "*", true},
        Case{"\\*", "x", false}, Case{"template*", "template0", true}, Case{"", "", true}, Case{"", "a", false}}) {
    EXPECT_EQ(MatchesGlob(pattern, text), matches) << pattern << " on " << text;
  }
}

TEST(GlobTest, ManyStarsDoNotTakeForEver) {
  EXPECT_FALSE(MatchesGlob("*a*a*a*a*a*a*a*a*a*a*a*a*b", std::string(5000, 'a')));
}

TEST(Utf8Test, ReplacesEachByteThatIsNoPartOfACharacter) {
  struct Case {
    std::string text;
    std::string valid;
  };
  const std::string r = "\xEF\xBF\xBD";
  for (const auto& [text, valid] : {Case{"Zürich 東京 🐘", "Zürich 東京 🐘"},
                                    Case{"a\xFF"
                                         "b",
                                         "a" + r + "b"},
                                    Case{"\xC0\xAF", r + r}, Case{"\xED\xA0\x80", r + r + r}, Case{"\xE2\x82", r + r},
                                    Case{std::string("a\0b", 3), std::string("a\0b", 3)}}) {
    EXPECT_EQ(ValidUtf8(text), valid);
  }
}

TEST(ContentHashTest, IsStableAcrossProcesses) {
  EXPECT_EQ(ContentHash(""), "cbf29ce484222325");
  EXPECT_EQ(ContentHash("a"), "af63dc4c8601ec8c");
}

TEST(SplitTest, KeepsEmptyParts) {
  EXPECT_EQ(Split("a,,b", ','), (std::vector<std::string_view>{"a", "", "b"}));
  EXPECT_EQ(Split("", ','), (std::vector<std::string_view>{""}));
}

class ReadFileTest : public testing::Test {
 protected:
  std::string Write(const std::string& content) {
    std::ofstream(path_, std::ios::binary) << content;
    return path_;
  }
  void TearDown() override { std::filesystem::remove(path_); }

  const std::string path_ = testing::TempDir() + "read_file_test_" + std::to_string(getpid());
};

TEST_F(ReadFileTest, LeavesOutOneTrailingNewlineAsEditorsAddIt) {
  EXPECT_EQ(*ReadFile(Write("secret\n"), 100), "secret");
  EXPECT_EQ(*ReadFile(Write("secret\r\n"), 100), "secret");
  EXPECT_EQ(*ReadFile(Write(" two\n\n"), 100), " two\n");
  EXPECT_EQ(*ReadFile(Write(""), 100), "");
}

TEST_F(ReadFileTest, SaysWhichFileAndWhyNot) {
  EXPECT_EQ(ReadFile(Write("12345"), 4).error().kind, ErrorKind::kLimit);
  EXPECT_EQ(ReadFile(path_ + ".absent", 4).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(ReadFile(path_ + ".absent", 4).error().subject, path_ + ".absent");
  EXPECT_EQ(ReadFile(testing::TempDir(), 4).error().kind, ErrorKind::kUnavailable);
}

}  // namespace
}  // namespace pgvigil::base
