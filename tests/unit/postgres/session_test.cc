// Sessions against servers that are none. What a real server does is in tests/integration.
#include "postgres/session.h"

#include "fakes/postgres_server.h"
#include "postgres/sqlstate.h"
#include "session_fixture.h"

namespace pgvigil::postgres {
namespace {

class SessionTest : public SessionFixture {};

TEST_F(SessionTest, AServerThatAcceptsAndSaysNothingEndsAtTheDeadline) {
  fakes::ScriptedServer* self = nullptr;
  fakes::ScriptedServer server([&](int connection) { self->AwaitHangup(connection); });
  self = &server;
  const auto result = Connect(server.port(), 200ms);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().kind, base::ErrorKind::kTimeout);
  EXPECT_EQ(result.error().subject, "127.0.0.1:" + std::to_string(server.port()));
}

TEST_F(SessionTest, AServerThatHangsUpIsUnavailable) {
  fakes::ScriptedServer server([](int) {});
  EXPECT_EQ(Connect(server.port()).error().kind, base::ErrorKind::kUnavailable);
}

TEST_F(SessionTest, NobodyThereIsRefused) {
  int port = 0;
  {
    port = fakes::ScriptedServer([](int) {}).port();
  }
  EXPECT_EQ(Connect(port).error().kind, base::ErrorKind::kRefused);
}

TEST_F(SessionTest, ARefusalIsKnownByItsSqlstate) {
  struct Case {
    const char* code;
    base::ErrorKind kind;
  };
  for (const auto& [code, kind] : {Case{"28P01", base::ErrorKind::kAuth}, Case{"57P03", base::ErrorKind::kUnavailable},
                                   Case{"53300", base::ErrorKind::kLimit}, Case{"3D000", base::ErrorKind::kNotFound}}) {
    const std::string answer = fakes::PgFatal(code);
    fakes::ScriptedServer server([&](int connection) {
      char startup[1024];
      if (read(connection, startup, sizeof startup) > 0) (void)!write(connection, answer.data(), answer.size());
    });
    const auto result = Connect(server.port());
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code, code) << result.error().message;
    EXPECT_EQ(result.error().kind, kind);
  }
}

TEST_F(SessionTest, ClosingCancelsWhatIsUnderWay) {
  fakes::ScriptedServer* self = nullptr;
  fakes::ScriptedServer server([&](int connection) { self->AwaitHangup(connection); });
  self = &server;
  auto outcome = Begin(To(server.port()));
  loop_.Call([&] { sessions_.back()->Close(); });
  EXPECT_EQ(outcome.get().error().kind, base::ErrorKind::kCancelled);
}

TEST_F(SessionTest, AfterItsEndNothingIsCalledAnyMore) {
  fakes::ScriptedServer server([](int) {});
  bool called = false;
  loop_.Call([&] {
    Session session(connector_, To(server.port()));
    session.Connect(base::Deadline::After(loop_.clock().Steady(), 60s), [&](const Greeting&) { called = true; });
    session.Close();
  });
  loop_.Call([] {});  // whatever was posted before has run
  EXPECT_FALSE(called);
}

TEST_F(SessionTest, AnOldWarningIsNotTheReasonOfALaterEnd) {
  struct Case {
    std::string severity, code, reason;  // the SQLSTATE that the end is known by
  };
  for (const auto& [severity, code, reason] : {Case{"WARNING", "01000", ""}, Case{"WARNING", "57P02", "57P02"}}) {
    auto greeting = fakes::PgGreeting(15);
    greeting.insert(fakes::PgMessage('R', fakes::Int32(0)).size(), fakes::PgReport('N', severity, code, "a warning"));
    fakes::PostgresServer server(
        [](const fakes::PostgresServer::Request& request) -> std::optional<std::string> {
          shutdown(request.connection, SHUT_RDWR);
          return "";
        },
        greeting);
    ASSERT_TRUE(Connect(server.port()).ok());
    Recorded recorded;
    const auto status = Execute({{Statement("query", recorded)}});
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().kind, base::ErrorKind::kUnavailable);
    EXPECT_EQ(status.error().code, reason) << status.error().message;
    loop_.Call([&] { sessions_.clear(); });
  }
}

TEST_F(SessionTest, WhatTheServerIsToldDependsOnItsVersion) {
  for (const int version : {13, 14, 17}) {
    std::string settings;
    fakes::PostgresServer server(
        [&](const fakes::PostgresServer::Request& request) -> std::optional<std::string> {
          if (request.type == 'B' && request.statement == "pgv_set_config") settings += request.body;
          return std::nullopt;
        },
        fakes::PgGreeting(version));
    ASSERT_TRUE(Connect(server.port()).ok());
    Recorded recorded;
    ASSERT_TRUE(Execute({{Statement("query", recorded)}}).ok());
    for (const auto* name : {"client_connection_check_interval", "idle_session_timeout"})
      EXPECT_EQ(settings.find(name) != std::string::npos, version >= 14) << name << " on " << version;
    loop_.Call([&] { sessions_.clear(); });
  }
}

TEST_F(SessionTest, AServerThatShallNotLookForUsIsToldSo) {
  std::string settings;
  fakes::PostgresServer server([&](const fakes::PostgresServer::Request& request) -> std::optional<std::string> {
    if (request.type == 'B' && request.statement == "pgv_set_config") settings += request.body;
    return std::nullopt;
  });
  auto options = To(server.port());
  options.connection_check = options.statement_timeout = base::Milliseconds(0);
  ASSERT_TRUE(Begin(options).get().ok());
  Recorded recorded;
  ASSERT_TRUE(Execute({{Statement("query", recorded)}}).ok());
  EXPECT_EQ(settings.find("500ms"), std::string::npos) << settings;
  EXPECT_NE(server.startup().find("statement_timeout=0"), std::string::npos) << server.startup();
}

TEST_F(SessionTest, SessionsAreNamedPgvigilUnlessTheDsnSaysOtherwise) {
  setenv("PGAPPNAME", "somebody", 1);
  fakes::PostgresServer server;
  auto options = To(server.port());
  ASSERT_TRUE(Begin(options).get().ok());
  EXPECT_NE(server.startup().find(" application_name pgvigil "), std::string::npos) << server.startup();
  loop_.Call([&] { sessions_.clear(); });
  options.dsn.parameters["application_name"] = "mine";
  ASSERT_TRUE(Begin(options).get().ok());
  EXPECT_NE(server.startup().find(" application_name mine "), std::string::npos) << server.startup();
  unsetenv("PGAPPNAME");
}

TEST(SqlstateTest, TellsKindsApart) {
  struct Case {
    const char* code;
    base::ErrorKind kind;
  };
  using base::ErrorKind;
  for (const auto& [code, kind] :
       {Case{"57014", ErrorKind::kTimeout}, Case{"55P03", ErrorKind::kTimeout}, Case{"42501", ErrorKind::kPermission},
        Case{"42P01", ErrorKind::kNotFound}, Case{"42601", ErrorKind::kMalformed}, Case{"22012", ErrorKind::kMalformed},
        Case{"0A000", ErrorKind::kUnsupported}, Case{"57P01", ErrorKind::kUnavailable},
        Case{"40001", ErrorKind::kCancelled}, Case{"XX000", ErrorKind::kInternal}}) {
    EXPECT_EQ(KindOf(code), kind) << code;
  }
}

}  // namespace
}  // namespace pgvigil::postgres
