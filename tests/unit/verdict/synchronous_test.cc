#include "verdict/synchronous.h"

#include <gtest/gtest.h>

namespace pgvigil::verdict {
namespace {

TEST(SynchronousStandbysTest, AreCountedAsPostgresReadsTheSetting) {
  struct Case {
    const char* setting;
    std::optional<int> required;
  };
  for (const auto& [setting, required] : {
           Case{"", 0},
           Case{"   ", 0},
           Case{"a", 1},
           Case{"a,b", 1},
           Case{"a, b ,c", 1},
           Case{"*", 1},
           Case{"2", 1},  // a standby of that name
           Case{"2 (a, b)", 2},
           Case{"2(a,b)", 2},
           Case{"1 (*)", 1},
           Case{"FIRST 2 (a, b, c)", 2},
           Case{"first 3 (a,b,c)", 3},
           Case{"First\t2\n(a, b)", 2},
           Case{"ANY 1 (*)", 1},
           Case{"any 2 (a, b, c)", 2},
           Case{"ANY\n2 (a, b, c)", 2},
           Case{"  ANY   4 ( s1, s2 , s3,s4, s5 )  ", 4},
           Case{"ANY 1 (\"orders-2\",\"orders-3\")", 1},  // as CloudNativePG writes it
           Case{"\"weird (name)\"", 1},
           Case{"a, \"2 (b)\"", 1},
           Case{"FIRST 1 (\"a(b\")", 1},
           Case{"\"first\", b", 1},
           Case{"firsthand", 1},
           Case{"anyone, b", 1},
           Case{"FIRST a, b", std::nullopt},
           Case{"FIRST (a)", std::nullopt},
           Case{"ANY x (a)", std::nullopt},
           Case{"0 (a)", std::nullopt},
           Case{"ANY -1 (a)", std::nullopt},
           Case{"2 (a, b", std::nullopt},
       }) {
    EXPECT_EQ(RequiredSynchronousStandbys(setting), required) << '"' << setting << '"';
  }
}

}  // namespace
}  // namespace pgvigil::verdict
