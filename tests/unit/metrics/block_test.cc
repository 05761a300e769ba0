#include "metrics/block.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

namespace pgvigil::metrics {
namespace {

Block::Columns Columns(int count) {
  std::vector<Column> columns;
  for (int c = 0; c < count; ++c) {
    const auto name = "pg_column_" + std::to_string(c);
    columns.push_back({name, name, Type::kGauge, "Help"});
  }
  return std::make_shared<const std::vector<Column>>(std::move(columns));
}

TEST(LabelTest, IsEscapedAsTheTextFormatAsks) {
  struct Case {
    const char* description;
    std::string value;
    std::string expected;
  };
  for (const auto& [description, value, expected] : {
           Case{"plain", "orders", R"(l="orders")"},
           Case{"quote", R"(a"b)", R"(l="a\"b")"},
           Case{"backslash", R"(C:\pg)", R"(l="C:\\pg")"},
           Case{"newline", "a\nb", R"(l="a\nb")"},
           Case{"braces and commas need none", "a{b},c=d", R"(l="a{b},c=d")"},
           Case{"other control characters pass", "a\tb\r", "l=\"a\tb\r\""},
           Case{"UTF-8 passes", "größe", R"(l="größe")"},
           Case{"a byte that is not UTF-8 is replaced", "a\xFFz", "l=\"a\xEF\xBF\xBDz\""},
           Case{"a sequence cut short is replaced", "a\xC3", "l=\"a\xEF\xBF\xBD\""},
           Case{"a forged label stays a value", "x\",evil=\"1", R"(l="x\",evil=\"1")"},
           Case{"an empty value is an absent label", "", ""},
       }) {
    std::string text;
    AppendLabel(text, "l", value);
    EXPECT_EQ(text, expected) << description;
  }
}

TEST(LabelTest, CommasStandBetweenLabelsOnly) {
  std::string text;
  AppendLabel(text, "a", "1");
  AppendLabel(text, "b", "");
  AppendLabel(text, "c", "3");
  EXPECT_EQ(text, R"(a="1",c="3")");
}

TEST(BlockTest, HoldsWhatWasSetAndKnowsWhatWasNot) {
  BlockBuilder builder(Columns(3));
  EXPECT_TRUE(builder.StartRow(R"(state="active")"));
  builder.Set(0, 1);
  builder.Set(2, std::numeric_limits<double>::quiet_NaN());
  EXPECT_TRUE(builder.StartRow(""));
  builder.Set(1, 0);
  const auto block = std::move(builder).Finish();

  ASSERT_EQ(block->rows(), 2U);
  EXPECT_EQ(block->labels(0), R"(state="active")");
  EXPECT_EQ(block->labels(1), "");
  EXPECT_EQ(block->samples(), 3U);
  const bool expected[2][3] = {{true, false, true}, {false, true, false}};
  for (std::size_t row = 0; row < 2; ++row) {
    for (std::size_t column = 0; column < 3; ++column) EXPECT_EQ(block->has(row, column), expected[row][column]);
  }
  EXPECT_EQ(block->value(0, 0), 1);
  EXPECT_TRUE(std::isnan(block->value(0, 2)));
}

TEST(BlockTest, SettingAValueTwiceKeepsTheLastAndCountsOne) {
  BlockBuilder builder(Columns(1));
  builder.StartRow("");
  builder.Set(0, 1);
  builder.Set(0, 2);
  const auto block = std::move(builder).Finish();
  EXPECT_EQ(block->samples(), 1U);
  EXPECT_EQ(block->value(0, 0), 2);
}

TEST(BlockTest, OfDuplicateRowsTheFirstWins) {
  BlockBuilder builder(Columns(1));
  EXPECT_TRUE(builder.StartRow(R"(a="1")"));
  builder.Set(0, 1);
  EXPECT_FALSE(builder.StartRow(R"(a="1")"));
  builder.Set(0, 2);
  EXPECT_TRUE(builder.StartRow(R"(a="2")"));
  builder.Set(0, 3);
  EXPECT_FALSE(builder.StartRow(R"(a="1")"));
  EXPECT_EQ(builder.duplicates(), 2U);
  const auto block = std::move(builder).Finish();
  ASSERT_EQ(block->rows(), 2U);
  EXPECT_EQ(block->value(0, 0), 1);
  EXPECT_EQ(block->value(1, 0), 3);
  EXPECT_EQ(block->samples(), 2U);
}

TEST(BlockTest, RowsAreFoundAgainHoweverManyThereAre) {
  constexpr int kRows = 10'000;
  const auto labels = [](int row) { return "a=\"" + std::to_string(row) + '"'; };
  BlockBuilder builder(Columns(3));
  for (int row = 0; row < kRows; ++row) {
    ASSERT_TRUE(builder.StartRow(labels(row)));
    builder.Set(static_cast<std::size_t>(row % 3), row);
  }
  for (int row = 0; row < kRows; ++row) EXPECT_FALSE(builder.StartRow(labels(row))) << row;
  const auto block = std::move(builder).Finish();
  ASSERT_EQ(block->rows(), static_cast<std::size_t>(kRows));
  for (int row = 0; row < kRows; ++row) {
    const auto r = static_cast<std::size_t>(row);
    ASSERT_EQ(block->labels(r), labels(row));
    for (std::size_t column = 0; column < 3; ++column) ASSERT_EQ(block->has(r, column), column == r % 3);
    ASSERT_EQ(block->value(r, r % 3), row);
  }
}

TEST(BlockTest, WithoutRowsIsEmpty) {
  const auto block = BlockBuilder(Columns(2)).Finish();
  EXPECT_EQ(block->rows(), 0U);
  EXPECT_EQ(block->samples(), 0U);
  EXPECT_EQ(block->columns().size(), 2U);
}

}  // namespace
}  // namespace pgvigil::metrics
