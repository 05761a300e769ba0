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

TEST_F(DsnTest, NoMessageRepeatsAPieceOfAPasswordInAStringThatIsWrong) {
  for (const char* text : {
           "host=h user=u hunter2",                         // libpq says: missing "=" after "hunter2"
           "postgresql://u:hun/ter2@h/db",                  // host u, port hun, database ter2@h/db
           "postgresql://u:1234/hunter2@h/db",              // a port that is one
           "postgresql://u:x@hunter2@h/db",                 // host hunter2@h
           "postgresql://u@h/db;postgresql://u:hunter2@h",  // no list
           "host=h dbname=postgresql://u:hunter2@h/db",
           "host=h port=hunter2",
           "host=h sslmode=hunter2",
       }) {
    const auto parsed = ParseDsnsWithPasswords(text);
    ASSERT_FALSE(parsed.ok()) << text;
    const auto& message = parsed.error().message;
    for (const char* piece : {"hun", "ter2", "1234"})
      EXPECT_EQ(message.find(piece), std::string::npos) << text << ": " << message;
  }
}

TEST_F(DsnTest, RefusesWhatLibpqWouldStumbleOverOnlyWhenItConnects) {
  struct Case {
    const char* text;
    const char* part;  // of the message
  };
  for (const auto& [text, part] : {
           Case{"host=h port=abc", "expected a port from 1 to 65535"},
           Case{"host=h port=99999", "expected a port from 1 to 65535"},
           Case{"host=h port=0", "expected a port from 1 to 65535"},
           Case{"host=a,b port=1,x", "expected a port from 1 to 65535"},
           Case{"host=h sslmode=maybe", "sslmode: expected disable, allow"},
           Case{"host=h sslrootcert=/nope/ca.crt", "sslrootcert: cannot read /nope/ca.crt: No such file"},
           Case{"host=h sslcert=/nope/c.crt", "sslcert: cannot read"},
           Case{"host=h sslkey=/nope/c.key", "sslkey: cannot read"},
       }) {
    const auto parsed = ParseDsn(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_NE(parsed.error().message.find(part), std::string::npos) << parsed.error().message;
  }
  for (const char* text : {"host=@socket", "host=h user=me@tenant", "host=a,b port=,5433", "host=h sslrootcert=system"})
    EXPECT_TRUE(ParseDsn(text).ok()) << text;
}

TEST_F(DsnTest, SplitsPasswordsOffWhereTheyAreMeant) {
  const auto parsed =
      ParseDsnsWithPasswords("postgresql://u:hunter2@a:1/x, postgresql://u:hunter3@a,b/y,postgres://c/z");
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  std::vector<std::string> found;
  for (const auto& [dsn, password] : *parsed) found.push_back(dsn.Redacted() + " " + password);
  EXPECT_EQ(found,
            (std::vector<std::string>{"dbname=x host=a port=1 user=u hunter2", "dbname=y host=a port='' user=u hunter3",
                                      "dbname=y host=b port='' user=u hunter3", "dbname=z host=c "}));
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
