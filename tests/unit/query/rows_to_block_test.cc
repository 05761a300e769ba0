#include "query/rows_to_block.h"

#include <gtest/gtest.h>

#include <cmath>

#include "metrics/text_writer.h"
#include "query/definition_reader.h"
#include "yaml/document.h"

namespace pgvigil::query {
namespace {

using Cell = std::optional<std::string>;

class TableRows final : public postgres::Rows {
 public:
  explicit TableRows(std::vector<std::vector<Cell>> cells) : cells_(std::move(cells)) {}
  std::size_t size() const override { return cells_.size(); }
  std::optional<std::string_view> text(std::size_t row, std::size_t column) const override {
    return cells_[row][column];
  }

 private:
  std::vector<std::vector<Cell>> cells_;
};

DefinitionPtr Define(const std::string& columns, const std::string& more = "") {
  base::Diagnostics diagnostics;
  const auto root = yaml::Parse("{sql: SELECT 1, " + more + "columns: " + columns + "}", "q.yaml", {}, diagnostics);
  auto definition = root ? ReadDefinition("q", *root, {}, diagnostics) : nullptr;
  EXPECT_TRUE(definition) << diagnostics.Format();
  return definition;
}

QueryResult ResultOf(const DefinitionPtr& definition, const std::vector<postgres::ResultColumn>& columns,
                     std::vector<std::vector<Cell>> cells, const postgres::Outcome& outcome = {}) {
  QueryResult result;
  const auto sink = MakeBlockSink(definition, [&](QueryResult done) { result = std::move(done); });
  sink->OnColumns(columns);
  sink->OnRows(TableRows(std::move(cells)));
  sink->OnDone(outcome);
  return result;
}

std::string Text(const QueryResult& result) {
  if (!result.block) return "";
  const std::vector<metrics::PageEntry> entries = {{result.block, ""}};
  std::string text = metrics::WritePage(entries).text, samples;
  for (std::size_t start = 0; start < text.size();) {
    const auto end = text.find('\n', start);
    if (text[start] != '#') samples += text.substr(start, end - start + 1);
    start = end + 1;
  }
  return samples;
}

TEST(RowsToBlockTest, NullGivesNoSampleUnlessADefaultIsSet) {
  const auto definition = Define("{l: {usage: label}, a: {usage: gauge}, b: {usage: gauge, default: 7}}");
  EXPECT_EQ(Text(ResultOf(definition, {{"l", 25}, {"a", 20}, {"b", 20}},
                          {{"x", std::nullopt, std::nullopt}, {std::nullopt, "1", "2"}})),
            "q_a 1\nq_b{l=\"x\"} 7\nq_b 2\n");
}

TEST(RowsToBlockTest, AValueThatIsNoNumberCostsItselfAlone) {
  const auto result = ResultOf(Define("{l: {usage: label}, a: {usage: gauge}, b: {usage: gauge}}"),
                               {{"l", 25}, {"a", 25}, {"b", 25}}, {{"x", "abc", "1"}, {"y", "2", "1 day"}});
  EXPECT_EQ(Text(result), "q_a{l=\"y\"} 2\nq_b{l=\"x\"} 1\n");
  EXPECT_EQ(result.bad_values, 2U);
  EXPECT_EQ(result.first_bad, "column \"a\": expected a number, found \"abc\"");
}

TEST(RowsToBlockTest, AnInfiniteTimestampIsNoMomentAndNoMistake) {
  const auto result = ResultOf(Define("{a: {usage: gauge}}"), {{"a", 1184}}, {{"infinity"}});
  EXPECT_EQ(Text(result), "");
  EXPECT_EQ(result.bad_values, 0U);
}

TEST(RowsToBlockTest, TheFirstOfDuplicateRowsWins) {
  const auto result = ResultOf(Define("{l: {usage: label}, a: {usage: gauge}}"), {{"l", 25}, {"a", 20}},
                               {{"x", "1"}, {"x", "2"}, {"y", "3"}});
  EXPECT_EQ(Text(result), "q_a{l=\"x\"} 1\nq_a{l=\"y\"} 3\n");
  EXPECT_EQ(result.duplicates, 1U);
}

TEST(RowsToBlockTest, RowsBeyondTheLimitAreCounted) {
  const auto result = ResultOf(Define("{l: {usage: label}, a: {usage: gauge}}", "max_series: 2, "),
                               {{"l", 25}, {"a", 20}}, {{"x", "1"}, {"y", "2"}, {"z", "3"}});
  EXPECT_EQ(Text(result), "q_a{l=\"x\"} 1\nq_a{l=\"y\"} 2\n");
  EXPECT_EQ(result.over_limit, 1U);
  EXPECT_EQ(result.rows, 3U);
}

TEST(RowsToBlockTest, AMissingColumnIsAnErrorAndAnUndeclaredOneIsNot) {
  const auto missing = ResultOf(Define("{a: {usage: gauge}, b: {usage: gauge}}"), {{"a", 20}}, {{"1"}});
  ASSERT_TRUE(missing.error);
  EXPECT_EQ(missing.error->kind, base::ErrorKind::kMalformed);
  EXPECT_EQ(missing.error->message, "the result has no column \"b\", which is declared");
  EXPECT_FALSE(missing.block);
  const auto more = ResultOf(Define("{a: {usage: gauge}}"), {{"a", 20}, {"c", 20}}, {{"1", "2"}});
  EXPECT_EQ(Text(more), "q_a 1\n");
  EXPECT_EQ(more.undeclared_columns, std::vector<std::string>{"c"});
}

TEST(RowsToBlockTest, AnErrorAfterSomeRowsDiscardsThem) {
  const auto result = ResultOf(Define("{a: {usage: gauge}}"), {{"a", 20}}, {{"1"}},
                               {.error = base::Error{base::ErrorKind::kTimeout, "late", "", "57014"}});
  EXPECT_FALSE(result.block);
  EXPECT_EQ(result.error->kind, base::ErrorKind::kTimeout);
}

TEST(RowsToBlockTest, MapsScalesAndReadsDurations) {
  const auto definition = Define(
      "{m: {usage: mapped, metric_mapping: {up: 1, down: 0}}, d: {usage: duration}, s: {usage: gauge, scale: 0.001}}");
  EXPECT_EQ(Text(ResultOf(definition, {{"m", 25}, {"d", 25}, {"s", 20}}, {{"down", "1m30s", "2500"}})),
            "q_m 0\nq_d 90\nq_s 2.5\n");
  const auto unmapped = ResultOf(definition, {{"m", 25}, {"d", 25}, {"s", 20}}, {{"sideways", "1s", "1"}});
  EXPECT_EQ(unmapped.first_bad, "column \"m\": expected a text that is mapped, found \"sideways\"");
}

TEST(RowsToBlockTest, AHistogramIsBucketsSumAndCountOfOneFamily) {
  const auto definition = Define("{l: {usage: label}, h: {usage: histogram}}");
  const std::vector<postgres::ResultColumn> columns = {
      {"l", 25}, {"h", 1022}, {"h_bucket", 1016}, {"h_sum", 701}, {"h_count", 20}};
  const auto result = ResultOf(definition, columns, {{"x", "{0.5,1}", "{1,3}", "4.5", "4"}});
  EXPECT_EQ(Text(result),
            "q_h_bucket{l=\"x\",le=\"0.5\"} 1\nq_h_bucket{l=\"x\",le=\"1\"} 3\nq_h_bucket{l=\"x\",le=\"+Inf\"} 4\n"
            "q_h_sum{l=\"x\"} 4.5\nq_h_count{l=\"x\"} 4\n");
  EXPECT_EQ(ResultOf(definition, columns, {{"x", "{0.5,1}", "{1}", "4.5", "4"}}).bad_values, 1U)
      << "a count is missing";
  EXPECT_EQ(ResultOf(definition, columns, {{"x", "{1,0.5}", "{1,3}", "4.5", "4"}}).bad_values, 1U) << "not ascending";
  EXPECT_EQ(ResultOf(definition, columns, {{"x", "{0.5,1}", "{3,1}", "4.5", "4"}}).bad_values, 1U) << "not cumulative";
  EXPECT_EQ(ResultOf(definition, columns, {{"x", "{-Infinity}", "{1}", "4.5", "4"}}).bad_values, 1U);
}

TEST(RowsToBlockTest, AHistogramWithoutASumIsUnknownAndNotWrong) {
  const auto result =
      ResultOf(Define("{h: {usage: histogram}}"), {{"h", 1022}, {"h_bucket", 1016}, {"h_sum", 701}, {"h_count", 20}},
               {{"{1}", "{1}", std::nullopt, "4"}});
  EXPECT_EQ(Text(result), "");
  EXPECT_EQ(result.bad_values, 0U);
}

TEST(RowsToBlockTest, BucketsDoNotUseUpTheRowsOfAQuery) {
  const auto definition = Define("{l: {usage: label}, h: {usage: histogram}}", "max_series: 2, ");
  const std::vector<postgres::ResultColumn> columns = {
      {"l", 25}, {"h", 1022}, {"h_bucket", 1016}, {"h_sum", 701}, {"h_count", 20}};
  const auto row = [](const char* label) {
    return std::vector<std::optional<std::string>>{label, "{1,2,3}", "{1,1,1}", "1", "1"};
  };
  EXPECT_EQ(ResultOf(definition, columns, {row("a"), row("b"), row("c")}).over_limit, 1U);
}

TEST(RowsToBlockTest, AStatementWithoutAResultIsNoSuccess) {
  query::QueryResult result;
  const auto sink = MakeBlockSink(Define("{a: {usage: gauge}}"), [&](QueryResult done) { result = std::move(done); });
  sink->OnDone({std::nullopt, 0, {}});
  ASSERT_TRUE(result.error.has_value());
  EXPECT_EQ(result.error->kind, base::ErrorKind::kMalformed);
}

TEST(RowsToBlockTest, LabelsAreEscapedAndMadeValid) {
  EXPECT_EQ(Text(ResultOf(Define("{l: {usage: label}, a: {usage: gauge}}"), {{"l", 25}, {"a", 20}},
                          {{"a\\b\"c\nd\xFF", "1"}})),
            "q_a{l=\"a\\\\b\\\"c\\nd\xEF\xBF\xBD\"} 1\n");
}

}  // namespace
}  // namespace pgvigil::query
