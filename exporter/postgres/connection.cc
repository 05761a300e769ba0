#include "postgres/connection.h"

#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/text.h"
#include "postgres/sqlstate.h"

namespace pgvigil::postgres {
namespace {

// As libpq's `options` wants it: space and backslash behind a backslash.
std::string EscapeOption(const std::string& value) {
  std::string escaped;
  for (const char c : value) {
    if (c == ' ' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string OneLine(std::string_view text) {
  std::string line;
  for (const char c : base::Trim(text)) line += c == '\n' || c == '\t' ? ' ' : c;
  return line;
}

bool IsSqlstate(std::string_view text) {
  return text.size() == 5 &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); });
}

// With PQERRORS_SQLSTATE a refusal reads "...failed: FATAL:  28P01"; what libpq itself found has no such end.
std::string SqlstateIn(std::string_view message) {
  for (const std::string_view severity : {"FATAL:  ", "ERROR:  ", "PANIC:  "}) {
    const auto at = message.rfind(severity);
    if (at == std::string_view::npos) continue;
    const auto code = message.substr(at + severity.size(), 5);
    if (IsSqlstate(code)) return std::string(code);
  }
  return {};
}

std::string Field(const PGresult* result, int field) {
  const char* text = PQresultErrorField(result, field);
  return text == nullptr ? std::string() : text;
}

}  // namespace

Connection::Connection(EventLoop& loop, const std::vector<std::pair<std::string, std::string>>& parameters)
    : loop_(loop) {
  std::vector<const char*> keywords, values;
  for (const auto& [keyword, value] : parameters) {
    keywords.push_back(keyword.c_str());
    values.push_back(value.c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  connection_ = PQconnectStartParams(keywords.data(), values.data(), 0);
  if (connection_ == nullptr) throw std::bad_alloc();
  PQsetErrorVerbosity(connection_, PQERRORS_SQLSTATE);
  PQsetNoticeReceiver(connection_, &Connection::OnNotice, this);
}

Connection::~Connection() {
  loop_.Unwatch(watch_);
  PQfinish(connection_);
}

void Connection::OnNotice(void* self, const PGresult* notice) {
  if (auto said = FarewellIn(notice)) static_cast<Connection*>(self)->farewell_ = std::move(said);
}

std::optional<Farewell> FarewellIn(const PGresult* said) {
  Farewell farewell{Field(said, PG_DIAG_SQLSTATE), Field(said, PG_DIAG_SEVERITY_NONLOCALIZED),
                    OneLine(Field(said, PG_DIAG_MESSAGE_PRIMARY)), Field(said, PG_DIAG_SOURCE_FUNCTION)};
  const bool ends = farewell.severity == "FATAL" || farewell.severity == "PANIC";
  const bool warns = farewell.severity == "WARNING" && farewell.sqlstate.starts_with("57P");
  return ends || warns ? std::optional(std::move(farewell)) : std::nullopt;
}

void Connection::Watch(std::uint32_t events, std::function<void(std::uint32_t)> ready) {
  ready_ = std::move(ready);
  loop_.Unwatch(std::exchange(watch_, 0));
  Watch(events);
}

void Connection::Watch(std::uint32_t events) {
  const int socket = PQsocket(connection_);
  // Once it is done connecting libpq keeps its socket: nothing is to be told to the kernel.
  if (watch_ != 0 && socket == socket_ && events == events_ && PQstatus(connection_) == CONNECTION_OK) return;
  events_ = events;
  if (watch_ != 0 && socket == socket_) return loop_.Rewatch(watch_, events);
  loop_.Unwatch(std::exchange(watch_, 0));
  socket_ = socket;
  if (socket >= 0 && ready_) watch_ = loop_.Watch(socket, events, ready_);
}

std::vector<std::pair<std::string, std::string>> SessionSettings(const SessionOptions& options) {
  return {{"default_transaction_read_only", "on"},
          {"search_path", "pg_catalog,public,pg_temp"},
          {"jit", "off"},
          {"timezone", "UTC"},
          {"datestyle", "ISO"},
          {"intervalstyle", "iso_8601"},
          {"statement_timeout", std::to_string(options.statement_timeout.count())},
          {"lock_timeout", std::to_string(options.lock_timeout.count())}};
}

std::vector<std::pair<std::string, std::string>> ConnectParameters(const SessionOptions& options,
                                                                   const std::string& address,
                                                                   const std::string& password, bool plain) {
  auto parameters = options.dsn.parameters;
  parameters["host"] = options.dsn.host();
  parameters["port"] = options.dsn.port();
  if (!address.empty()) parameters["hostaddr"] = address;
  if (!options.database.empty()) parameters["dbname"] = options.database;
  if (!password.empty()) parameters["password"] = password;
  // Not fallback_application_name: PGAPPNAME would win over it, and sessions are told by this name.
  parameters.emplace("application_name", "pgvigil");
  parameters.emplace("gssencmode", "disable");
  parameters["client_encoding"] = "UTF8";
  if (!plain) {
    std::string settings;
    for (const auto& [name, value] : SessionSettings(options))
      settings += "-c " + name + "=" + EscapeOption(value) + " ";
    parameters["options"] = settings + options.dsn.Get("options");
  }
  return {parameters.begin(), parameters.end()};
}

base::Error ConnectError(const Connection& connection, const std::string& subject) {
  const std::string message = OneLine(PQerrorMessage(connection.get()));
  const auto code = SqlstateIn(message);
  if (code.empty()) {
    const bool refused = message.find(std::strerror(ECONNREFUSED)) != std::string::npos;
    return {refused ? base::ErrorKind::kRefused : base::ErrorKind::kUnavailable,
            message.empty() ? "the connection was closed" : message,
            subject,
            {}};
  }
  const auto problem = LoginProblem(code);
  return {KindOf(code), problem.empty() ? message : std::string(problem), subject, code};
}

base::Error LostError(const Connection& connection, const std::string& subject) {
  if (const auto& said = connection.farewell()) {
    return {KindOf(said->sqlstate), "the server ended the session: " + said->severity + ": " + said->text, subject,
            said->sqlstate};
  }
  const auto message = OneLine(PQerrorMessage(connection.get()));
  return {base::ErrorKind::kUnavailable, message.empty() ? "the server closed the connection" : message, subject, {}};
}

}  // namespace pgvigil::postgres
