// As much of a PostgreSQL server as a session needs: it refuses TLS, lets everybody in, and answers what is sent in
// pipelines, an error ending all until the next sync. A test puts its own answer in place of the usual one. Source:
// PostgreSQL manual, "Frontend/Backend Protocol".
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "fakes/scripted_server.h"

namespace pgvigil::fakes {

// Messages of the protocol.
inline std::string Int32(std::uint32_t value) {
  std::string text;
  for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(value >> shift & 0xFF);
  return text;
}
inline std::string Int16(std::uint32_t value) { return Int32(value).substr(2); }
inline std::string CString(std::string_view text) { return std::string(text) + '\0'; }
inline std::string PgMessage(char type, const std::string& body) {
  return type + Int32(static_cast<std::uint32_t>(body.size() + 4)) + body;
}
// type 'E' is an error, 'N' a notice.
inline std::string PgReport(char type, const std::string& severity, const std::string& code, const std::string& text) {
  return PgMessage(
      type, CString("S" + severity) + CString("V" + severity) + CString("C" + code) + CString("M" + text) + '\0');
}
inline std::string PgError(const std::string& code) { return PgReport('E', "ERROR", code, "no"); }
inline std::string PgFatal(const std::string& code) { return PgReport('E', "FATAL", code, "no"); }
// One int4 column and so many rows of it, as the answers to Describe and Execute.
inline std::string PgColumn() {
  return PgMessage(
      'T', Int16(1) + CString("one") + Int32(0) + Int16(0) + Int32(23) + Int16(4) + Int32(0xFFFFFFFF) + Int16(0));
}
inline std::string PgRows(int count) {
  std::string rows;
  for (int i = 0; i < count; ++i) rows += PgMessage('D', Int16(1) + Int32(1) + "1");
  return rows + PgMessage('C', CString("SELECT " + std::to_string(count)));
}
inline std::string PgGreeting(int version) {
  return PgMessage('R', Int32(0)) +
         PgMessage('S', CString("server_version") + CString(std::to_string(version) + ".1")) +
         PgMessage('K', Int32(4711) + Int32(42)) + PgMessage('Z', "I");
}

class PostgresServer {
 public:
  // What a client sent: 'P' Parse, 'B' Bind, 'D' Describe, 'E' Execute, 'S' Sync.
  struct Request {
    char type;
    std::string statement;  // the name that Parse gave it
    std::string sql;
    std::string body;
    int connection;
  };
  // What is sent for it; nothing: the usual.
  using Answer = std::function<std::optional<std::string>(const Request&)>;

  // `greeting` is sent for the startup packet.
  explicit PostgresServer(Answer answer = {}, std::string greeting = PgGreeting(15))
      : answer_(std::move(answer)), greeting_(std::move(greeting)), server_([this](int at) { Serve(at); }) {}

  int port() const { return server_.port(); }
  int connections() const { return server_.connections(); }
  // The statements prepared so far, "name: sql" or, without a name, the SQL.
  std::vector<std::string> prepared() const {
    const std::lock_guard lock(mutex_);
    return prepared_;
  }
  // The latest startup packet, zeros as spaces.
  std::string startup() const {
    const std::lock_guard lock(mutex_);
    return startup_;
  }

 private:
  bool Body(int connection, std::string& body) const {
    unsigned char head[4];
    if (!server_.Read(connection, reinterpret_cast<char*>(head), sizeof head)) return false;
    const auto length = static_cast<std::size_t>(head[0] << 24 | head[1] << 16 | head[2] << 8 | head[3]);
    body.resize(length - sizeof head);
    return server_.Read(connection, body.data(), body.size());
  }

  void Serve(int connection) {
    std::string body;
    if (!Body(connection, body)) return;
    if (body == Int32(80877103)) {  // SSLRequest
      ScriptedServer::Write(connection, "N");
      if (!Body(connection, body)) return;
    }
    for (auto& c : body) c = c == '\0' ? ' ' : c;
    {
      const std::lock_guard lock(mutex_);
      startup_ = body;
    }
    ScriptedServer::Write(connection, greeting_);
    Request request{};
    std::set<std::string> there;
    bool failed = false;
    while (server_.Read(connection, &request.type, 1) && Body(connection, request.body)) {
      request.connection = connection;
      if (request.type == 'S') failed = false;
      if (failed) continue;
      Note(request);
      const auto own = answer_ ? answer_(request) : std::nullopt;
      const bool unknown = request.type == 'B' && !there.contains(request.statement);
      const auto text = own ? *own : unknown ? PgError("26000") : Usual(request);
      failed = text.starts_with('E');
      if (request.type == 'P' && !failed) there.insert(request.statement);
      ScriptedServer::Write(connection, text);
    }
  }

  void Note(Request& request) {
    const auto first = request.body.substr(0, request.body.find('\0'));
    if (request.type == 'P') {
      request.statement = first;
      request.sql = request.body.substr(first.size() + 1, request.body.find('\0', first.size() + 1) - first.size() - 1);
      const std::lock_guard lock(mutex_);
      prepared_.push_back(first.empty() ? request.sql : first + ": " + request.sql);
    } else if (request.type == 'B') {
      request.statement =
          request.body.substr(first.size() + 1, request.body.find('\0', first.size() + 1) - first.size() - 1);
    }
  }

  static std::string Usual(const Request& request) {
    switch (request.type) {
      case 'P': return PgMessage('1', "");
      case 'B': return PgMessage('2', "");
      case 'D': return PgColumn();
      case 'E': return PgRows(1);
      case 'S': return PgMessage('Z', "I");
      default: return {};
    }
  }

  const Answer answer_;
  const std::string greeting_;
  mutable std::mutex mutex_;
  std::vector<std::string> prepared_;
  std::string startup_;
  ScriptedServer server_;  // last: its thread uses the others
};

}  // namespace pgvigil::fakes
