#include "archive/dump_file.h"

#include <gtest/gtest.h>

#include "archive_on_disk.h"

namespace pgvigil::archive {
namespace {

TEST(DumpFileTest, ReadsTheContentsOfACustomDump) {
  const auto dump = Fixture("dumps/db.dump");
  const auto contents = ParseDump(dump);
  ASSERT_TRUE(contents.ok()) << contents.error().message;
  EXPECT_EQ(contents->format, DumpFormat::kCustom);
  EXPECT_EQ(contents->database, "postgres");
  EXPECT_TRUE(contents->server_version.starts_with("15.")) << contents->server_version;
  EXPECT_TRUE(contents->has_data);
  EXPECT_GT(contents->last_data, 1000U);
  EXPECT_LT(contents->last_data, dump.size());
  EXPECT_TRUE(EndsCustomDump(dump));
}

TEST(DumpFileTest, ReadsThatOfPostgres17) {
  const auto contents = ParseDump(Fixture("dumps/pg17.dump"));
  ASSERT_TRUE(contents.ok()) << contents.error().message;
  EXPECT_EQ(contents->database, "postgres");
  EXPECT_GT(contents->last_data, 1000U);
}

TEST(DumpFileTest, ADumpOfTheSchemaHasNoData) {
  const auto contents = ParseDump(Fixture("dumps/schema.dump"));
  ASSERT_TRUE(contents.ok());
  EXPECT_FALSE(contents->has_data);
}

TEST(DumpFileTest, NamesTheMembersOfADirectory) {
  const auto contents = ParseDump(Fixture("dumps/db.dir/toc.dat"));
  ASSERT_TRUE(contents.ok());
  EXPECT_EQ(contents->members, (std::vector<std::string>{"3343.dat", "3344.dat"}));
}

TEST(DumpFileTest, AnyShorterContentsEndTooEarly) {
  const auto dump = Fixture("dumps/schema.dump");
  ASSERT_TRUE(ParseDump(dump).ok());
  for (std::size_t size = 5; size < dump.size(); ++size) {
    const auto contents = ParseDump(dump.substr(0, size));
    ASSERT_FALSE(contents.ok()) << size;
    EXPECT_EQ(contents.error().kind, base::ErrorKind::kLimit) << size;
  }
}

TEST(DumpFileTest, RejectsOtherVersionsAndNonsense) {
  auto dump = Fixture("dumps/schema.dump");
  EXPECT_EQ(ParseDump("SET statement_timeout = 0;").error().kind, base::ErrorKind::kMalformed);
  dump[6] = 99;
  EXPECT_EQ(ParseDump(dump).error().kind, base::ErrorKind::kUnsupported);
  dump[6] = 14;
  dump[8] = 77;  // bytes of an integer
  EXPECT_EQ(ParseDump(dump).error().kind, base::ErrorKind::kMalformed);
}

TEST(DumpFileTest, KnowsTheEndOfEachFormat) {
  EXPECT_TRUE(EndsPlainDump(Fixture("dumps/db.sql")));  // an \unrestrict follows
  EXPECT_TRUE(EndsPlainDump("--\n-- PostgreSQL database cluster dump complete\n--\n\n"));
  EXPECT_FALSE(EndsPlainDump("COPY public.s (g) FROM stdin;\n1\n"));
  EXPECT_TRUE(EndsTar(Fixture("dumps/db.tar")));
  EXPECT_FALSE(EndsTar(Fixture("dumps/db.tar").substr(0, 7000)));
  EXPECT_FALSE(EndsCustomDump(Fixture("dumps/db.dump").substr(0, 1800)));
}

}  // namespace
}  // namespace pgvigil::archive
