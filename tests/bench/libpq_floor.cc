// The least a scrape can cost the server: a bare libpq program that sends the same prepared statements in one flight
// with a sync behind each, and throws the rows away. Reads the statements from a file, separated by lines of "--";
// every line on its standard input asks for one flight, answered with the number of rows.
//
//   libpq_floor 'host=127.0.0.1 user=bench' statements.sql
#include <libpq-fe.h>

#include <cstdio>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

namespace {

std::vector<std::string> Statements(const char* path) {
  std::vector<std::string> statements(1);
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line == "--") {
      statements.emplace_back();
    } else {
      statements.back() += line + '\n';
    }
  }
  return statements;
}

[[noreturn]] void Fail(PGconn* connection) {
  std::cerr << PQerrorMessage(connection);
  std::exit(1);
}

int Flight(PGconn* connection, std::size_t statements) {
  for (std::size_t i = 0; i < statements; ++i) {
    const auto name = "floor_" + std::to_string(i);
    if (PQsendQueryPrepared(connection, name.c_str(), 0, nullptr, nullptr, nullptr, 0) != 1) Fail(connection);
    if (PQpipelineSync(connection) != 1) Fail(connection);
  }
  int rows = 0;
  for (std::size_t i = 0; i < statements;) {
    PGresult* result = PQgetResult(connection);
    if (result == nullptr) continue;  // between a statement and its sync
    const auto status = PQresultStatus(result);
    if (status == PGRES_FATAL_ERROR) Fail(connection);
    if (status == PGRES_PIPELINE_SYNC) ++i;
    rows += PQntuples(result);
    PQclear(result);
  }
  return rows;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: libpq_floor CONNINFO STATEMENTS\n";
    return 2;
  }
  PGconn* connection = PQconnectdb(argv[1]);
  if (PQstatus(connection) != CONNECTION_OK) Fail(connection);
  const auto statements = Statements(argv[2]);
  for (std::size_t i = 0; i < statements.size(); ++i) {
    PGresult* result = PQprepare(connection, ("floor_" + std::to_string(i)).c_str(), statements[i].c_str(), 0, nullptr);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) Fail(connection);
    PQclear(result);
  }
  if (PQenterPipelineMode(connection) != 1) Fail(connection);
  for (std::string line; std::getline(std::cin, line);) std::cout << Flight(connection, statements.size()) << std::endl;
  PQfinish(connection);
  return 0;
}
