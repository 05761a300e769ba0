#include "json/selection.h"

#include <gtest/gtest.h>

namespace pgvigil::json {
namespace {

std::string Kept(std::string_view text, const Selection& selection) {
  const auto read = ReadSelected(text, selection);
  return read.ok() ? read->dump() : read.error().message;
}

TEST(SelectionTest, KeepsWhatAPathLeadsToAndNothingBesideIt) {
  const auto text = R"({"metadata": {"name": "orders", "managedFields": [{"f:spec": {}}], "labels": {"a": "b"}},
                        "spec": {"instances": 3, "storage": {"size": "1Gi"}}, "status": null})";
  EXPECT_EQ(Kept(text, {"metadata.name", "spec.instances"}),
            R"({"metadata":{"name":"orders"},"spec":{"instances":3}})");
  EXPECT_EQ(Kept(text, {"metadata.labels", "status"}), R"({"metadata":{"labels":{"a":"b"}},"status":null})");
  EXPECT_EQ(Kept(text, {"spec"}), R"({"spec":{"instances":3,"storage":{"size":"1Gi"}}})");
  EXPECT_EQ(Kept(text, {"nothing"}), "{}");
}

TEST(SelectionTest, WhatIsSaidOfAnArrayIsSaidOfEachElement) {
  const auto text = R"({"conditions": [{"type": "Ready", "status": "True", "message": "x"}, {"type": "B"}, 7, [8]],
                        "names": ["a", ["b", {"c": 1}]]})";
  EXPECT_EQ(Kept(text, {"conditions.type", "conditions.status"}),
            R"({"conditions":[{"status":"True","type":"Ready"},{"type":"B"},[]]})");
  EXPECT_EQ(Kept(text, {"names"}), R"({"names":["a",["b",{"c":1}]]})");
}

TEST(SelectionTest, APathThatLeadsOnKeepsNoPlainValue) {
  EXPECT_EQ(Kept(R"({"a": 7, "b": {"c": 8}})", {"a.b", "b.c.d"}), R"({"b":{}})");
}

TEST(SelectionTest, NumbersAndTextStayWhatTheyAre) {
  EXPECT_EQ(
      Kept(R"({"a": -1, "b": 18446744073709551615, "c": 0.5, "d": true, "e": "\u00e9\n"})", {"a", "b", "c", "d", "e"}),
      "{\"a\":-1,\"b\":18446744073709551615,\"c\":0.5,\"d\":true,\"e\":\"é\\n\"}");
}

TEST(SelectionTest, AListIsHandedOutItemByItem) {
  std::vector<std::string> items;
  const auto rest = ReadList(R"({"kind": "List", "metadata": {"resourceVersion": "7", "continue": "c", "x": 1},
                                 "items": [{"metadata": {"name": "a"}, "spec": {"items": [1]}}, {}, 5, {"spec": 1}]})",
                             {"metadata.resourceVersion", "metadata.continue"}, {"metadata.name", "spec.items"},
                             [&](const Value& item) { items.push_back(item.dump()); });
  ASSERT_TRUE(rest.ok()) << rest.error().message;
  EXPECT_EQ(rest->dump(), R"({"metadata":{"continue":"c","resourceVersion":"7"}})");
  EXPECT_EQ(items, (std::vector<std::string>{R"({"metadata":{"name":"a"},"spec":{"items":[1]}})", "{}", "{}"}));
}

TEST(SelectionTest, WhatIsNoJsonIsSaidWithItsPlace) {
  const auto cut = ReadSelected(R"({"a": {"b": 1)", {"a"});
  ASSERT_FALSE(cut.ok());
  EXPECT_EQ(cut.error().kind, base::ErrorKind::kMalformed);
  EXPECT_TRUE(cut.error().message.starts_with("byte 14 is no JSON")) << cut.error().message;
  EXPECT_FALSE(ReadSelected("", {"a"}).ok());
  EXPECT_FALSE(ReadSelected("{} {}", {"a"}).ok());
  EXPECT_FALSE(ReadSelected("{\"a\": \"\xff\"}", {"a"}).ok());
}

TEST(SelectionTest, BracketsWithoutEndAreRefused) {
  const auto deep = ReadSelected(std::string(100'000, '['), {"a"});
  ASSERT_FALSE(deep.ok());
  EXPECT_EQ(deep.error().kind, base::ErrorKind::kLimit);
  EXPECT_TRUE(ReadSelected("{\"a\": " + std::string(63, '[') + std::string(63, ']') + "}", {"a"}).ok());
}

TEST(SelectionTest, WhatIsPassedOverCountsForDepthAsWell) {
  EXPECT_FALSE(ReadSelected("{\"b\": " + std::string(64, '[') + std::string(64, ']') + "}", {"a"}).ok());
}

}  // namespace
}  // namespace pgvigil::json
