#include "yaml/document.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace pgvigil::yaml {
namespace {

std::string ErrorsOf(std::string_view text, const Limits& limits = {}) {
  base::Diagnostics diagnostics;
  const auto root = Parse(text, "f.yaml", limits, diagnostics);
  EXPECT_TRUE(root != nullptr || diagnostics.HasErrors());
  return diagnostics.Format();
}

TEST(DocumentTest, KnowsThePlaceOfEveryKeyAndValue) {
  base::Diagnostics diagnostics;
  const auto root = Parse("a: 1\nb:\n  - x\n  - {c: \"007\"}\n", "f.yaml", {}, diagnostics);
  ASSERT_TRUE(root) << diagnostics.Format();
  ASSERT_TRUE(root->IsMap());
  EXPECT_EQ(root->members()[1].key, "b");
  EXPECT_EQ(root->members()[1].place.line, 2);
  const auto& items = root->Find("b")->items();
  EXPECT_EQ(items[0].text(), "x");
  EXPECT_EQ(items[0].place().line, 3);
  EXPECT_EQ(items[0].place().column, 5);
  EXPECT_EQ(items[1].Find("c")->text(), "007");
  EXPECT_TRUE(items[1].Find("c")->quoted());
  EXPECT_EQ(items[1].Find("d"), nullptr);
}

TEST(DocumentTest, AScalarStaysTheTextThatItIs) {
  base::Diagnostics diagnostics;
  const auto root = Parse("[yes, on, 017, 0x1F, 1_000, 5s, '']", "f.yaml", {}, diagnostics);
  ASSERT_TRUE(root);
  std::vector<std::string> texts;
  for (const auto& item : root->items()) texts.push_back(item.text());
  EXPECT_EQ(texts, (std::vector<std::string>{"yes", "on", "017", "0x1F", "1_000", "5s", ""}));
}

TEST(DocumentTest, NothingAndNullAreNull) {
  for (const char* text : {"", "# only a word\n", "---\n", "~", "null"}) {
    base::Diagnostics diagnostics;
    const auto root = Parse(text, "f.yaml", {}, diagnostics);
    ASSERT_TRUE(root) << text;
    EXPECT_TRUE(root->IsNull()) << text;
  }
}

TEST(DocumentTest, SaysWhereAndWhatIsWrong) {
  struct Case {
    const char* text;
    const char* errors;
  };
  for (const auto& [text, errors] : {
           Case{"a: 1\na: 2\nb: 3\nb: 4\n",
                "f.yaml:2:1: a: duplicate key: it is already there on line 1\n"
                "f.yaml:4:1: b: duplicate key: it is already there on line 3\n"},
           Case{"a:\n  - b: 1\n  - c:\n      d: 1\n      d: 2\n",
                "f.yaml:5:7: a[1].c.d: duplicate key: it is already there on line 4\n"},
           Case{"a:\n\tb: 1\n", "f.yaml:2:1: a tab indents this line: YAML indents with spaces\n"},
           Case{"a: 1\n---\nb: 2\n", "f.yaml:3:1: expected one document, found a second one behind ---\n"},
           Case{"a: \xFF\n", "f.yaml:1:4: expected UTF-8, found a byte that is none\n"},
           Case{"base: &x {a: 1}\nb:\n  <<: *x\n",
                "f.yaml:3:3: b.<<: merge keys (<<) are not supported: write the members out\n"},
           Case{"? [a]\n: 1\n", "f.yaml:1:3: expected a plain key, found a list or a map\n"},
       }) {
    EXPECT_EQ(ErrorsOf(text), errors) << text;
  }
}

TEST(DocumentTest, ReadsOnBehindADuplicateAndMarksWhatIsFlawed) {
  base::Diagnostics diagnostics;
  const auto root = Parse("a: {x: {y: 1, y: 2}}\nb: {z: 1}\nb: 3\n", "f.yaml", {}, diagnostics);
  ASSERT_TRUE(root);
  EXPECT_TRUE(diagnostics.HasErrors());
  EXPECT_EQ(root->Find("a")->Find("x")->Find("y")->text(), "1") << "the first one is kept";
  EXPECT_TRUE(root->Find("a")->flawed()) << "something in it is";
  EXPECT_FALSE(root->Find("b")->flawed());
  EXPECT_TRUE(root->flawed());
}

TEST(DocumentTest, OnlyATabThatIndentsIsRefused) {
  struct Case {
    const char* text;
    const char* errors;  // or none
  };
  for (const auto& [text, errors] : {
           Case{"sql: |\n  SELECT 1,\n  \t2\n", ""},
           Case{"q:\n  sql: >\n    a\n    \tb\n  c: 1\n", ""},
           Case{"a: {b: 1,\n  \tc: 2}\n", ""},
           Case{"a: \"x\n  \ty\"\n", ""},
           Case{"a:\t1\n", ""},
           Case{"a:\n\tb: 1\n", "f.yaml:2:1: a tab indents this line: YAML indents with spaces\n"},
           Case{"a:\n  \tb: 1\n", "f.yaml:2:3: a tab indents this line: YAML indents with spaces\n"},
           Case{"a:\n  b: 1\n\tc: 1\n", "f.yaml:3:1: a tab indents this line: YAML indents with spaces\n"},
           Case{"a:\n\tb\n", "f.yaml:2:1: a tab indents this line: YAML indents with spaces\n"},
           Case{"a:\n\t- b\n", "f.yaml:2:1: a tab indents this line: YAML indents with spaces\n"},
       }) {
    EXPECT_EQ(ErrorsOf(text), errors) << text;
  }
}

TEST(DocumentTest, ASyntaxErrorHasItsPlace) {
  EXPECT_TRUE(ErrorsOf("a: [1, 2\nb: 3\n").starts_with("f.yaml:2:")) << ErrorsOf("a: [1, 2\nb: 3\n");
  EXPECT_TRUE(ErrorsOf("a: 1\n  b: 2\n").starts_with("f.yaml:2:"));
}

TEST(DocumentTest, ABinaryFileIsCalledOne) {
  EXPECT_EQ(ErrorsOf(std::string_view("\x7F"
                                      "ELF\0\1",
                                      6)),
            "f.yaml:1:5: expected a text file, found a NUL byte: is this a binary file?\n");
}

TEST(DocumentTest, AnAliasBombIsRefusedBeforeItGoesOff) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    const auto before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 10; ++k) bomb += (k > 0 ? ", " : "") + before;
    bomb += "]\n";
  }
  const auto errors = ErrorsOf(bomb);
  EXPECT_NE(errors.find("expected at most 200000 values"), std::string::npos) << errors;
}

TEST(DocumentTest, AnAliasInsideWhatItStandsForIsRefused) {
  EXPECT_NE(ErrorsOf("&x [*x]").find("f.yaml:1:"), std::string::npos);
}

TEST(DocumentTest, DeepNestingIsRefusedWithItsLimit) {
  EXPECT_NE(ErrorsOf(std::string(40, '[') + std::string(40, ']')).find("at most 32 levels"), std::string::npos);
  EXPECT_NE(ErrorsOf(std::string(100'000, '[')).find("f.yaml:1:"), std::string::npos);
}

TEST(DocumentTest, AFileThatIsTooLargeIsNotRead) {
  const std::string path = testing::TempDir() + std::to_string(getpid()) + "large.yaml";
  std::ofstream(path) << std::string(2000, '#');
  base::Diagnostics diagnostics;
  EXPECT_EQ(Load(path, {.bytes = 1000}, diagnostics), nullptr);
  EXPECT_EQ(diagnostics.Format(), path + ": is larger than the 1000B expected at most\n");
}

TEST(DocumentTest, AMissingFileIsNamed) {
  base::Diagnostics diagnostics;
  EXPECT_EQ(Load("/nowhere/f.yaml", {}, diagnostics), nullptr);
  EXPECT_EQ(diagnostics.Format(), "/nowhere/f.yaml: No such file or directory\n");
}

}  // namespace
}  // namespace pgvigil::yaml
