#include "yaml/form.h"

#include <gtest/gtest.h>

#include <array>

namespace pgvigil::yaml {
namespace {

using enum KeyType;

constexpr std::array<std::string_view, 2> kColours = {"red", "green"};
constexpr std::array kItem = {
    Key{"name", kText, "", "Its name"}.Required().NotEmpty(),
    Key{"prefix", kName, "", "Its prefix"},
};
constexpr std::array kTable = {
    Key{"title", kText, "", "A title"}.NotEmpty(),
    Key{"period", kDuration, "1s", "A period"}.From("100ms").To("5m"),
    Key{"room", kSize, "1MiB", "A size"},
    Key{"count", kCount, "3", "A count"}.From("2").To("10"),
    Key{"some", kCount, "1", "A count"}.From("1"),
    Key{"share", kRatio, "", "A share"},
    Key{"on", kSwitch, "true", "A switch"},
    Key{"colour", kChoice, "red", "A colour"}.OneOf(kColours),
    Key{"colours", kTexts, "", "Colours"}.OneOf(kColours),
    Key{"words", kTexts, "", "Words"}.NotEmpty(),
    Key{"users", kTextMap, "", "Users"}.NotEmpty(),
    Key{"paint", kTextMap, "", "Paint"}.OneOf(kColours),
    Key{"items", kMaps, "", "Items", kItem}.NotEmpty(),
    Key{"box", kMap, "", "A box", kItem},
    Key{"old", kRefused, "", "is not taken: use title"},
};

std::string ErrorsOf(std::string_view text, Nothing nothing = Nothing::kRefused) {
  base::Diagnostics diagnostics;
  const auto root = Parse(text, "f", {}, diagnostics);
  CheckForm(*root, kTable, nothing, diagnostics);
  return diagnostics.Format();
}

TEST(FormTest, SaysWhatWasExpectedAndWhatWasFound) {
  struct Case {
    const char* text;
    const char* error;  // behind "f:1:"
  };
  for (const auto& [text, error] : {
           Case{"title: ''", "8: title: expected text that is not empty, found \"\""},
           Case{"title: [a]", "8: title: expected text that is not empty, found a list"},
           Case{"period: 10",
                "9: period: expected a duration such as 500ms, 30s, 5m, 26h or 7d, from 100ms to 5m, found \"10\""},
           Case{"period: 6m",
                "9: period: expected a duration such as 500ms, 30s, 5m, 26h or 7d, from 100ms to 5m, found \"6m\""},
           Case{"count: 1", "8: count: expected a whole number from 2 to 10, found \"1\""},
           Case{"count: 4294967297", "8: count: expected a whole number from 2 to 10, found \"4294967297\""},
           Case{"some: 0", "7: some: expected a whole number, 1 or more, found \"0\""},
           Case{"share: 1.5", "8: share: expected a number from 0 to 1, found \"1.5\""},
           Case{"on: maybe", "5: on: expected true or false, found \"maybe\""},
           Case{"colour: blue", "9: colour: expected one of red, green, found \"blue\""},
           Case{"colours: red", "10: colours: expected a list of text, found text"},
           Case{"colours: [blue]", "11: colours[0]: expected one of red, green, found \"blue\""},
           Case{"words: []", "8: words: expected a list of text with at least one, found an empty list"},
           Case{"users: hunter2", "8: users: expected a map to text with at least one, found text"},
           Case{"users: [a: hunter2]", "8: users: expected a map to text with at least one, found a list"},
           Case{"users: {}", "8: users: expected a map to text with at least one, found an empty map"},
           Case{"users:", "1: users: expected a map to text with at least one, found nothing"},
           Case{"users: {a: [b]}", "12: users.a: expected text, found a list"},
           Case{"paint: {blue: x}", "9: paint.blue: unknown key; there are: red, green"},
           Case{"items: {name: a}", "8: items: expected a list of maps with at least one, found a map"},
           Case{"items: [{prefix: a-b, name: x}]",
                "18: items[0].prefix: expected a name of letters, digits and underscores, not starting with a digit, "
                "found \"a-b\""},
           Case{"items: [{}]", "9: items[0].name: missing: Its name"},
           Case{"box: [a]", "6: box: expected a map, found a list"},
           Case{"old: 1", "1: old: is not taken: use title"},
           Case{"titel: x", "1: titel: unknown key; did you mean \"title\"?"},
       }) {
    EXPECT_EQ(ErrorsOf(text), "f:1:" + std::string(error) + "\n") << text;
  }
}

TEST(FormTest, WhatFitsIsReadAndTheRestIsAsIfItWereNotThere) {
  base::Diagnostics diagnostics;
  const auto root = Parse(
      "{title: x, period: 1d, room: 2KiB, count: 4, on: 'false', items: [{name: a}, 7, {name: b}], users: {u: [], v: "
      "w}}",
      "f", {}, diagnostics);
  const auto unfit = CheckForm(*root, kTable, Nothing::kAsAbsent, diagnostics);
  const Section section(root.get(), unfit);
  EXPECT_EQ(section.Text("title"), "x");
  EXPECT_EQ(section.Duration("period"), std::nullopt) << "too long";
  EXPECT_EQ(section.Size("room"), 2048U);
  EXPECT_EQ(section.Count("count"), 4U);
  EXPECT_FALSE(section.Switch("on", true));
  ASSERT_EQ(section.Items("items").size(), 2U);
  EXPECT_EQ(section.Items("items")[1].index, 2U) << "as the file counts";
  ASSERT_EQ(section.Members("users").size(), 1U);
  EXPECT_EQ(section.Members("users")[0]->key, "v");
  EXPECT_FALSE(section.Member("box").Has("name"));
}

TEST(FormTest, AKeyWithoutAValueIsAbsentWhereThatIsHarmless) {
  EXPECT_EQ(ErrorsOf("title:\nbox:\n", Nothing::kAsAbsent), "");
  EXPECT_EQ(ErrorsOf("items: [{name: }]", Nothing::kAsAbsent), "f:1:9: items[0].name: missing: Its name\n");
}

}  // namespace
}  // namespace pgvigil::yaml
