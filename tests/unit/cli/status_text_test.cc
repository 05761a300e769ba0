// What `pgvigil status` prints.
#include "cli/status_text.h"

#include <gtest/gtest.h>

namespace pgvigil::cli {
namespace {

constexpr std::string_view kStatus = R"({"version":"1.2.3","at":"2027-01-15T08:00:00Z","standing":"broken","clusters":[
{"namespace":"shop","cluster":"orders","standing":"broken","replica":false,"answers":[
 {"question":"primary","asks":"Who?","standing":"broken","says":[
  {"standing":"fine","text":"Primary: a."},
  {"standing":"broken","text":"It is wrong in a way that takes a great many words to say, so that the line has to be broken somewhere between two of them.","next":"Mend it.","details":["to the start: restore backup 20261123T065022 of a server with a long name, then recovery_target_time = '2026-11-23 06:50:22.123456+00'"]},
  {"standing":"unknown","text":"One is  not known."},
  {"standing":"note","text":"By the way."}],
  "evidence":[{"source":"sql","name":"a","age_seconds":0.5},{"source":"objectstore","name":"s3","error":"gone"}]}],
 "instances":[{"name":"a","answering":true,"role":"primary","timeline":7},
  {"name":"a-longer-one","answering":true,"role":"standby","timeline":7,"replication":"streaming","replayed":{"bytes":2048,"seconds":1.5}},
  {"name":"c","answering":false}],
 "loss":{"site":{}},"archives":[]}]})";

TEST(StatusTextTest, ForAPerson) {
  const auto rendered = RenderStatus(kStatus, false);
  ASSERT_TRUE(rendered);
  EXPECT_EQ(rendered->standing, "broken");
  EXPECT_EQ(rendered->text, R"(shop/orders: broken

Who?
  ok       Primary: a.
  BROKEN   It is wrong in a way that takes a great many words to say, so that the line has to be broken
           somewhere between two of them.
           -> Mend it.
           - to the start: restore backup 20261123T065022 of a server with a long name, then recovery_target_time = '2026-11-23 06:50:22.123456+00'
  UNKNOWN  One is not known.
           By the way.
           read: sql of a 0.5 s ago; objectstore of s3 never

  instance      role             timeline  replication  replay behind
  a             primary          7         -            -
  a-longer-one  standby          7         streaming    2.0 KiB, 1.5 s
  c             does not answer  -         -            -

pgvigil 1.2.3, 2027-01-15T08:00:00Z
)");
}

TEST(StatusTextTest, InColourOnATerminal) {
  const auto rendered = RenderStatus(kStatus, true);
  ASSERT_TRUE(rendered);
  EXPECT_NE(rendered->text.find("\x1b[1;31mBROKEN   \x1b[0m"), std::string::npos);
  EXPECT_EQ(RenderStatus(kStatus, false)->text.find('\x1b'), std::string::npos);
}

TEST(StatusTextTest, WhatATerminalWouldObeyIsReplaced) {
  const auto rendered =
      RenderStatus(R"({"version":"\u001b]0;x\u0007","at":"\u009b31m\u007f","standing":"fine","clusters":[]})", false);
  ASSERT_TRUE(rendered);
  EXPECT_EQ(rendered->text, "No cluster is configured.\npgvigil ?]0;x?, ?31m?\n");
}

TEST(StatusTextTest, JsonOfSomebodyElseIsRefused) {
  for (const auto* json : {"", "<html>", "[]", "{}", R"({"clusters":[{}],"standing":"fine"})",
                           R"({"version":1,"at":"","standing":"fine","clusters":[]})"})
    EXPECT_FALSE(RenderStatus(json, false)) << json;
}

}  // namespace
}  // namespace pgvigil::cli
