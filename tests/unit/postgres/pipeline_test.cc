// Flights of statements, against a server that answers what a test wants. What a real one does is in tests/integration.
#include "fakes/postgres_server.h"
#include "session_fixture.h"

namespace pgvigil::postgres {
namespace {

using fakes::PostgresServer;

class PipelineTest : public SessionFixture {};

TEST_F(PipelineTest, RowsOfAnySizeArriveOnceAndInFull) {
  int rows = 0;
  PostgresServer server([&](const PostgresServer::Request& request) -> std::optional<std::string> {
    if (request.type != 'E') return std::nullopt;
    return fakes::PgRows(rows);
  });
  ASSERT_TRUE(Connect(server.port()).ok());
  for (const int count : {0, 1, 20'000, 3, 20'000}) {
    rows = count;
    Recorded some, more;
    ASSERT_TRUE(Execute({{Statement("some", some)}, {Statement("more", more)}}).ok());
    for (const auto& recorded : {some, more}) {
      EXPECT_EQ(recorded.rows, static_cast<std::uint64_t>(count));
      EXPECT_EQ(recorded.ends, 1);
      EXPECT_FALSE(recorded.error);
    }
  }
}

TEST_F(PipelineTest, CopyEndsTheSessionAndSaysSo) {
  const std::string copy = fakes::PgMessage('H', std::string(1, '\0') + fakes::Int16(1) + fakes::Int16(0)) +
                           fakes::PgMessage('d', "1\n") + fakes::PgMessage('c', "") +
                           fakes::PgMessage('C', fakes::CString("COPY 1"));
  PostgresServer server([&](const PostgresServer::Request& request) -> std::optional<std::string> {
    if (request.statement != "copies") return std::nullopt;
    if (request.type == 'D') return fakes::PgMessage('n', "");  // as a real one: a COPY describes no row
    return request.type == 'E' ? std::optional(copy) : std::nullopt;
  });
  ASSERT_TRUE(Connect(server.port()).ok());
  Recorded before, copied, after;
  const auto status =
      Execute({{Statement("before", before)}, {Statement("copies", copied)}, {Statement("after", after)}});
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, base::ErrorKind::kUnavailable);
  EXPECT_FALSE(before.error);
  ASSERT_TRUE(copied.error);
  EXPECT_EQ(copied.error->kind, base::ErrorKind::kUnsupported);
  EXPECT_TRUE(copied.error->message.starts_with("COPY cannot be run here"));
  ASSERT_TRUE(after.error);
  EXPECT_EQ(after.error->message, status.error().message);
  for (const auto& recorded : {before, copied, after}) EXPECT_EQ(recorded.ends, 1);
}

TEST_F(PipelineTest, ATimeoutThatCouldNotBePreparedIsPreparedTheNextTime) {
  bool failing = true;
  PostgresServer server([&](const PostgresServer::Request& request) -> std::optional<std::string> {
    if (failing && request.type == 'P' && request.statement == "pgv_set_timeout") return fakes::PgError("53200");
    return std::nullopt;
  });
  ASSERT_TRUE(Connect(server.port()).ok());
  Recorded first, second;
  ASSERT_TRUE(Execute({{Statement("query", first, 1000ms)}}).ok());
  ASSERT_TRUE(first.error);
  EXPECT_EQ(first.error->code, "53200");
  failing = false;
  ASSERT_TRUE(Execute({{Statement("query", second, 1000ms)}}).ok());
  EXPECT_FALSE(second.error) << second.error->message;
  EXPECT_EQ(second.rows, 1U);
}

TEST_F(PipelineTest, AStatementBehindAFailedOneIsPreparedTheNextTime) {
  PostgresServer server([](const PostgresServer::Request& request) -> std::optional<std::string> {
    if (request.type == 'P' && request.statement == "bad") return fakes::PgError("42703");
    return std::nullopt;
  });
  ASSERT_TRUE(Connect(server.port()).ok());
  Recorded bad, behind, again;
  ASSERT_TRUE(Execute({{Statement("bad", bad), Statement("good", behind)}}).ok());
  EXPECT_EQ(bad.error->code, "42703");
  EXPECT_EQ(behind.error->kind, base::ErrorKind::kCancelled);
  ASSERT_TRUE(Execute({{Statement("good", again)}}).ok());
  EXPECT_FALSE(again.error);
  EXPECT_EQ(server.prepared().back(), "good: SELECT 1 AS good") << "under its own name: no plan of it was ever refused";
}

TEST_F(PipelineTest, ARefusedPlanIsMadeAnewOnceAndTheSinkHearsOfTheSecondRunOnly) {
  int refusals = 0;
  PostgresServer server([&](const PostgresServer::Request& request) -> std::optional<std::string> {
    if (request.type != 'B' || request.statement.empty() || refusals == 0) return std::nullopt;
    --refusals;
    return fakes::PgError("0A000");
  });
  ASSERT_TRUE(Connect(server.port()).ok());
  Recorded first, renewed, refused;
  ASSERT_TRUE(Execute({{Statement("query", first)}}).ok());
  refusals = 1;
  ASSERT_TRUE(Execute({{Statement("query", renewed)}}).ok());
  EXPECT_FALSE(renewed.error);
  EXPECT_EQ(renewed.ends, 1);
  EXPECT_EQ(server.prepared().back(), "query_1: SELECT 1 AS query");
  refusals = 2;
  ASSERT_TRUE(Execute({{Statement("query", refused)}}).ok());
  ASSERT_TRUE(refused.error) << "it is plainly not supported";
  EXPECT_EQ(refused.error->code, "0A000");
  EXPECT_EQ(refused.ends, 1);
}

TEST_F(PipelineTest, AStatementRefusedTheFirstTimeIsNotRunAgainForATimeoutThatWasPrepared) {
  int runs = 0;
  PostgresServer server([&](const PostgresServer::Request& request) -> std::optional<std::string> {
    if (request.type != 'B' || request.statement != "refused") return std::nullopt;
    ++runs;
    return fakes::PgError("0A000");
  });
  ASSERT_TRUE(Connect(server.port()).ok());
  Recorded first, refused;
  ASSERT_TRUE(Execute({{Statement("query", first, 1000ms)}}).ok());
  ASSERT_TRUE(Execute({{Statement("refused", refused, 1000ms)}}).ok());
  ASSERT_TRUE(refused.error);
  EXPECT_EQ(refused.error->code, "0A000");
  EXPECT_EQ(runs, 1);
}

TEST_F(PipelineTest, APoolerThatForgetsEveryStatementDoesNotMakeAnEndlessFlight) {
  bool forgetting = false;
  PostgresServer server([&](const PostgresServer::Request& request) -> std::optional<std::string> {
    if (forgetting && request.type == 'B' && !request.statement.empty()) return fakes::PgError("26000");
    return std::nullopt;
  });
  ASSERT_TRUE(Connect(server.port()).ok());
  Recorded first, forgotten;
  ASSERT_TRUE(Execute({{Statement("query", first, 1000ms)}}).ok());
  EXPECT_FALSE(first.error);
  forgetting = true;
  ASSERT_TRUE(Execute({{Statement("query", forgotten, 1000ms)}}).ok());
  ASSERT_TRUE(forgotten.error);
  EXPECT_EQ(forgotten.error->code, "26000");
  EXPECT_EQ(forgotten.ends, 1);
}

}  // namespace
}  // namespace pgvigil::postgres
