#include "postgres/dsn.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace pgvigil::postgres {
namespace {

class DsnTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"PGHOST", "PGHOSTADDR", "PGPORT", "PGSERVICE", "PGSERVICEFILE"}) unsetenv(name);
  }
  void TearDown() override { SetUp(); }
};

TEST_F(DsnTest, ReadsBothFormsAsLibpqDoes) {
  for (const char* text : {"host=db1 port=5433 user=u dbname='my db'", "postgresql://u@db1:5433/my%20db"}) {
    const auto parsed = ParseDsn(text);
    ASSERT_TRUE(parsed.ok()) << parsed.error().message;
    ASSERT_EQ(parsed->size(), 1U);
    EXPECT_EQ(parsed->front().host_port(), "db1:5433");
    EXPECT_EQ(parsed->front().Redacted(), "dbname='my db' host=db1 port=5433 user=u");
  }
}

TEST_F(DsnTest, ExpandsHostsWithTheirPorts) {
  struct Case {
    const char* text;
    std::vector<std::string> hosts;
  };
  for (const auto& [text, hosts] :
       {Case{"host=a,b,c", {"a:5432", "b:5432", "c:5432"}}, Case{"host=a,b port=1,2", {"a:1", "b:2"}},
        Case{"postgresql://a:1,b:2/x", {"a:1", "b:2"}}, Case{"hostaddr=::1", {"[::1]:5432"}},
        Case{"", {"/var/run/postgresql:5432"}}}) {
    const auto parsed = ParseDsn(text);
    ASSERT_TRUE(parsed.ok()) << text;
    std::vector<std::string> found;
    for (const auto& dsn : *parsed) found.push_back(dsn.host_port());
    EXPECT_EQ(found, hosts) << text;
  }
  EXPECT_FALSE(ParseDsn("host=a,b port=1,2,3").ok());
}

TEST_F(DsnTest, RefusesAPasswordWithoutRepeatingIt) {
  for (const char* text : {"host=a password=hunter2", "postgresql://u:hunter2@a/x", "postgresql://a/x?password=hunter2",
                           "host=a sslpassword=hunter2"}) {
    const auto parsed = ParseDsn(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.error().message.find("hunter2"), std::string::npos);
    EXPECT_NE(parsed.error().message.find("secret"), std::string::npos);
  }
  EXPECT_EQ(ParseDsn("host=a passwort=hunter2 x").error().message.find("hunter2"), std::string::npos);
}

TEST_F(DsnTest, SplitsAPasswordOffWhereOneIsMeant) {
  const auto parsed = ParseDsnWithPassword("postgresql://u:hunter2@a/x");
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->password, "hunter2");
  EXPECT_EQ(parsed->dsns.front().Redacted(), "dbname=x host=a user=u");
}

TEST_F(DsnTest, AServiceAndTheEnvironmentFillWhatIsNotSaid) {
  const std::string path = testing::TempDir() + std::to_string(getpid()) + "pg_service.conf";
  std::ofstream(path)
      << "# comment\n[other]\nhost=wrong\n[orders]\nhost=db7\nuser = svc\nport=6000\n[after]\nhost=wrong\n";
  setenv("PGSERVICEFILE", path.c_str(), 1);
  EXPECT_EQ(ParseDsn("service=orders port=6001")->front().Redacted(), "host=db7 port=6001 user=svc");
  EXPECT_EQ(ParseDsn("service=none").error().kind, base::ErrorKind::kNotFound);
  setenv("PGHOST", "envhost", 1);
  setenv("PGPORT", "7000", 1);
  EXPECT_EQ(ParseDsn("")->front().host_port(), "envhost:7000");
  EXPECT_EQ(ParseDsn("host=own")->front().host_port(), "own:7000");
}

}  // namespace
}  // namespace pgvigil::postgres
