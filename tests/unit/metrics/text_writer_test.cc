#include "metrics/text_writer.h"

#include <gtest/gtest.h>
#include <prometheus/client_metric.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "base/text.h"

namespace pgvigil::metrics {
namespace {

Column Gauge(const std::string& name, const std::string& help = "Help") { return {name, name, Type::kGauge, help}; }

struct Row {
  std::string labels;
  std::vector<std::optional<double>> values;
};

PageEntry Entry(std::vector<Column> columns, const std::vector<Row>& rows, const std::string& identity = {}) {
  BlockBuilder builder(std::make_shared<const std::vector<Column>>(std::move(columns)));
  for (const auto& row : rows) {
    builder.StartRow(row.labels);
    for (std::size_t c = 0; c < row.values.size(); ++c) {
      if (row.values[c]) builder.Set(c, *row.values[c]);
    }
  }
  return {std::move(builder).Finish(), identity};
}

// The value as it stands on a page.
std::string Written(double value) {
  const auto entry = Entry({Gauge("x", "")}, {{"", {value}}});
  const auto page = WritePage({&entry, 1});
  const auto lines = base::Split(page.text, '\n');
  return std::string(lines[1].substr(2));
}

TEST(TextWriterTest, WritesHelpTypeAndSamplesWithIdentityFirst) {
  const auto entry = Entry({Gauge("pg_backends", "Backends by state")},
                           {{R"(state="active")", {3}}, {R"(state="idle")", {0}}, {"", {1}}},
                           R"(pg_cluster="orders",pg_instance="orders-1")");
  const auto page = WritePage({&entry, 1});
  EXPECT_EQ(page.text, R"(# HELP pg_backends Backends by state
# TYPE pg_backends gauge
pg_backends{pg_cluster="orders",pg_instance="orders-1",state="active"} 3
pg_backends{pg_cluster="orders",pg_instance="orders-1",state="idle"} 0
pg_backends{pg_cluster="orders",pg_instance="orders-1"} 1
)");
  EXPECT_EQ(page.series, 3U);
  EXPECT_EQ(page.duplicates, 0U);
}

TEST(TextWriterTest, WithoutAnyLabelThereAreNoBraces) {
  const auto entry = Entry({Gauge("pgvigil_x")}, {{"", {1}}});
  EXPECT_NE(WritePage({&entry, 1}).text.find("\npgvigil_x 1\n"), std::string::npos);
}

TEST(TextWriterTest, EveryTypeIsNamedAsPrometheusNamesIt) {
  for (const auto& [type, name] : {std::pair{Type::kGauge, "gauge"}, std::pair{Type::kCounter, "counter"},
                                   std::pair{Type::kHistogram, "histogram"}, std::pair{Type::kUntyped, "untyped"}}) {
    const auto entry = Entry({{"x", "x", type, {}}}, {{"", {1}}});
    EXPECT_EQ(WritePage({&entry, 1}).text, std::string("# TYPE x ") + name + "\nx 1\n");
  }
}

TEST(TextWriterTest, NumbersAreWrittenAsPeopleReadThem) {
  struct Case {
    double value;
    const char* text;
  };
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (const auto& [value, text] : {
           Case{0, "0"},
           Case{-0.0, "-0"},
           Case{1, "1"},
           Case{-17, "-17"},
           Case{1e6, "1000000"},
           Case{1e15, "1000000000000000"},
           Case{9007199254740991, "9007199254740991"},
           Case{1e17, "1e+17"},
           Case{0.1, "0.1"},
           Case{-2.5, "-2.5"},
           Case{1.0 / 3, "0.3333333333333333"},
           Case{1767225600.123456, "1767225600.123456"},
           Case{1e300, "1e+300"},
           Case{5e-324, "5e-324"},
           Case{1.7976931348623157e308, "1.7976931348623157e+308"},
           Case{std::numeric_limits<double>::quiet_NaN(), "NaN"},
           Case{-std::numeric_limits<double>::quiet_NaN(), "NaN"},
           Case{kInfinity, "+Inf"},
           Case{-kInfinity, "-Inf"},
       }) {
    EXPECT_EQ(Written(value), text);
  }
}

TEST(TextWriterTest, EveryFiniteNumberReadsBackTheSame) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 100'000; ++i) {
    const auto bits = random();
    double value = 0;
    std::memcpy(&value, &bits, sizeof value);
    if (!std::isfinite(value)) continue;
    if (i % 4 == 0) value = std::trunc(std::fmod(value, 1e17));  // around the largest exact integers
    const auto text = Written(value);
    double back = 0;
    const auto [stop, problem] = std::from_chars(text.data(), text.data() + text.size(), back);
    ASSERT_EQ(problem, std::errc{}) << text;
    ASSERT_EQ(stop, text.data() + text.size()) << text;
    ASSERT_EQ(back, value) << text;
  }
}

TEST(TextWriterTest, HelpIsEscapedAndValidUtf8) {
  struct Case {
    std::string help;
    std::string written;
  };
  for (const auto& [help, written] : {
           Case{"Bytes", "# HELP x Bytes\n"},
           Case{"two\nlines", "# HELP x two\\nlines\n"},
           Case{R"(a \ b)", "# HELP x a \\\\ b\n"},
           Case{R"(a "quote" stays)", "# HELP x a \"quote\" stays\n"},
           Case{"bad \xC0 byte", "# HELP x bad \xEF\xBF\xBD byte\n"},
           Case{"", ""},
       }) {
    const auto entry = Entry({Gauge("x", help)}, {{"", {1}}});
    EXPECT_EQ(WritePage({&entry, 1}).text, written + "# TYPE x gauge\nx 1\n");
  }
}

TEST(TextWriterTest, FamiliesAreContiguousAcrossBlocksAndInstances) {
  const std::vector<PageEntry> entries = {
      Entry({Gauge("a"), Gauge("b")}, {{R"(l="1")", {1, 2}}}, R"(pg_instance="one")"),
      Entry({Gauge("c")}, {{"", {3}}}, R"(pg_instance="one")"),
      Entry({Gauge("a", "another help"), Gauge("b")}, {{R"(l="1")", {4, 5}}}, R"(pg_instance="two")"),
      Entry({Gauge("b")}, {{R"(l="2")", {6}}}, R"(pg_instance="one")"),
  };
  EXPECT_EQ(WritePage(entries).text, R"(# HELP a Help
# TYPE a gauge
a{pg_instance="one",l="1"} 1
a{pg_instance="two",l="1"} 4
# HELP b Help
# TYPE b gauge
b{pg_instance="one",l="1"} 2
b{pg_instance="two",l="1"} 5
b{pg_instance="one",l="2"} 6
# HELP c Help
# TYPE c gauge
c{pg_instance="one"} 3
)");
}

TEST(TextWriterTest, WhereTypesDisagreeTheFirstWins) {
  const std::vector<PageEntry> entries = {Entry({{"a", "a", Type::kCounter, {}}}, {{"", {1}}}, R"(i="1")"),
                                          Entry({{"a", "a", Type::kGauge, "later"}}, {{"", {2}}}, R"(i="2")")};
  EXPECT_EQ(WritePage(entries).text, "# TYPE a counter\na{i=\"1\"} 1\na{i=\"2\"} 2\n");
}

TEST(TextWriterTest, AFamilyWithoutAValueIsLeftOut) {
  const std::vector<PageEntry> entries = {
      Entry({Gauge("a"), Gauge("b")}, {{R"(l="1")", {std::nullopt, 2}}, {R"(l="2")", {std::nullopt, 3}}}),
      Entry({Gauge("c")}, {})};
  const auto page = WritePage(entries);
  EXPECT_EQ(page.text, "# HELP b Help\n# TYPE b gauge\nb{l=\"1\"} 2\nb{l=\"2\"} 3\n");
  EXPECT_EQ(page.series, 2U);
}

TEST(TextWriterTest, ASeriesAppearsOnceAndTheRestIsCounted) {
  const std::vector<PageEntry> entries = {
      Entry({Gauge("a")}, {{R"(d="1")", {1}}, {R"(d="2")", {2}}}, R"(i="1")"),
      Entry({Gauge("a")}, {{R"(d="2")", {20}}, {R"(d="3")", {3}}}, R"(i="1")"),
      Entry({Gauge("a")}, {{R"(d="2")", {4}}}, R"(i="2")"),
      Entry({Gauge("a"), Gauge("a")}, {{R"(d="9")", {5, 50}}}, R"(i="3")"),  // within one block, too
  };
  const auto page = WritePage(entries);
  EXPECT_EQ(page.text, R"(# HELP a Help
# TYPE a gauge
a{i="1",d="1"} 1
a{i="1",d="2"} 2
a{i="1",d="3"} 3
a{i="2",d="2"} 4
a{i="3",d="9"} 5
)");
  EXPECT_EQ(page.series, 5U);
  EXPECT_EQ(page.duplicates, 2U);
}

TEST(TextWriterTest, AHistogramIsOneFamilyOfBucketsSumAndCount) {
  const std::vector<Column> columns = {{"h", "h_bucket", Type::kHistogram, "Times"},
                                       {"h", "h_sum", Type::kHistogram, "Times"},
                                       {"h", "h_count", Type::kHistogram, "Times"},
                                       Gauge("g")};
  const auto entry = Entry(columns, {{R"(q="1")", {std::nullopt, 1.5, 3, 7}},
                                     {R"(q="1",le="0.5")", {2, std::nullopt, std::nullopt, std::nullopt}},
                                     {R"(q="1",le="+Inf")", {3, std::nullopt, std::nullopt, std::nullopt}}});
  const auto page = WritePage({&entry, 1});
  EXPECT_EQ(page.text, R"(# HELP h Times
# TYPE h histogram
h_bucket{q="1",le="0.5"} 2
h_bucket{q="1",le="+Inf"} 3
h_sum{q="1"} 1.5
h_count{q="1"} 3
# HELP g Help
# TYPE g gauge
g{q="1"} 7
)");
}

TEST(TextWriterTest, AnEmptyPageIsEmpty) {
  const auto page = WritePage({});
  EXPECT_EQ(page.text, "");
  EXPECT_EQ(page.series, 0U);
}

// prometheus-cpp's own serializer is right for ordinary values; it escapes no HELP and spells NaN its own way.
TEST(TextWriterTest, SaysWhatPrometheusCppSaysOfOrdinaryValues) {
  std::vector<prometheus::MetricFamily> families;
  std::vector<PageEntry> entries;
  for (const auto& [name, type] : {std::pair{"pg_a", Type::kGauge}, std::pair{"pg_b_total", Type::kCounter}}) {
    prometheus::MetricFamily family;
    family.name = name;
    family.help = "Help with \"quotes\"";
    family.type = type == Type::kGauge ? prometheus::MetricType::Gauge : prometheus::MetricType::Counter;
    std::vector<Row> rows;
    for (const double value :
         {0.0, 1.0, 42.0, 0.25, -3.5, 123456.0, 1767225600.5, std::numeric_limits<double>::infinity()}) {
      std::string labels;
      prometheus::ClientMetric metric;
      for (const auto& [label, text] : {std::pair{"database", "shop \"A\"\\B\nC"}, std::pair{"n", "größe"}}) {
        AppendLabel(labels, label, text);
        metric.label.push_back({label, text});
      }
      const auto number = std::to_string(rows.size());
      AppendLabel(labels, "row", number);
      metric.label.push_back({"row", number});
      (type == Type::kGauge ? metric.gauge.value : metric.counter.value) = value;
      family.metric.push_back(metric);
      rows.push_back({labels, {value}});
    }
    families.push_back(family);
    entries.push_back(Entry({{name, name, type, family.help}}, rows));
  }
  EXPECT_EQ(WritePage(entries).text, prometheus::TextSerializer().Serialize(families));
}

}  // namespace
}  // namespace pgvigil::metrics
