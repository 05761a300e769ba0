// One connection to one database, driven by the event loop: connecting, authenticating, sending and receiving are
// states, never waits. Statements are prepared once and sent many in one flight (libpq's pipeline mode). Source:
// PostgreSQL manual, libpq, "Asynchronous Command Processing", "Pipeline Mode".
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/deadline.h"
#include "base/result.h"
#include "postgres/dsn.h"
#include "postgres/event_loop.h"

namespace pgvigil::postgres {

// A column of a result.
struct ResultColumn {
  std::string name;
  std::uint32_t type = 0;  // the type's OID, as PQftype gives it
};

// Rows as they arrived, valid only during the call that hands them over.
class Rows {
 public:
  virtual ~Rows() = default;
  virtual std::size_t size() const = 0;
  // Text format; nothing for NULL.
  virtual std::optional<std::string_view> text(std::size_t row, std::size_t column) const = 0;
};

// How one statement of a batch ended.
struct Outcome {
  std::optional<base::Error> error;  // code is the SQLSTATE where the server gave one
  std::uint64_t rows = 0;
  base::SteadyTime::duration duration{};  // from the end of the one before it (or the send) to its own end
};

// Receives one statement's result, on the loop's thread. An error may follow rows that were already handed over: they
// are then to be discarded. OnDone is called exactly once, whatever happens to the session.
class ResultSink {
 public:
  virtual ~ResultSink() = default;
  virtual void OnColumns(std::span<const ResultColumn> columns) = 0;
  virtual void OnRows(const Rows& rows) = 0;
  virtual void OnDone(const Outcome& outcome) = 0;
};

// One execution of one statement.
struct Execution {
  std::string name;                           // of the prepared statement: "pgv_<hash>"; the same name is the same SQL
  std::string sql;                            // one statement, $1 ... for parameters
  std::vector<std::string> parameters;        // text format
  std::optional<base::Milliseconds> timeout;  // server-side, for this statement alone
  std::shared_ptr<ResultSink> sink;           // kept alive until OnDone
};

// What one sync closes: an error costs the rest of its segment and nothing beyond it.
using Segment = std::vector<Execution>;

// A password, read when it is needed. Thread-safe; the files are read by a worker, never on the loop.
class Credentials {
 public:
  virtual ~Credentials() = default;
  // Blocks on a file. Empty: none given (trust, peer, certificate, libpq's passfile).
  virtual base::Result<std::string> Password() const = 0;
};
std::shared_ptr<const Credentials> NoPassword();
std::shared_ptr<const Credentials> PasswordFile(std::string path);
std::shared_ptr<const Credentials> PasswordVariable(std::string environment_variable);

struct SessionOptions {
  Dsn dsn;
  std::string database;  // overrides the Dsn's dbname; empty: the Dsn's
  std::shared_ptr<const Credentials> credentials = NoPassword();
  base::Milliseconds statement_timeout{10000};  // 0: none
  base::Milliseconds lock_timeout{500};
  base::Milliseconds connection_check{500};  // how often the server looks for us while it works; 0: never
  bool urgent = false;                       // an observer: served first where handshakes queue
};

// What the server said when the session became ready.
struct ServerGreeting {
  int version = 0;  // server_version_num
  int backend_pid = 0;
  std::string address;  // the one that answered
  base::SteadyTime::duration duration{};
  std::string database;  // the one connected to, also where the Dsn named none
};

// What a server says when it ends a session, unasked or in place of an answer. Three things send 57P01: a shutdown (and
// pg_terminate_backend), an immediate shutdown, as a WARNING, and backends whose postmaster died. The last differ from
// the first by the routine alone, since the text is translated.
// Source: PostgreSQL manual, "Error and Notice Message Fields" (R); ProcessInterrupts, secure_read.
struct Farewell {
  std::string sqlstate;
  std::string severity;  // FATAL, PANIC, WARNING in English whatever lc_messages says
  std::string text;
  std::string routine;  // the function of the server that said it

  // Somebody ordered this session, or all of them, to end.
  bool ordered() const { return severity == "FATAL" && routine == "ProcessInterrupts"; }
};

// What all sessions share: the loop, the resolver's workers and their cache, the slots for handshakes (at most 8 at
// once, counted from the server's first byte, so that silent servers hold none). Outlives its sessions.
class Connector {
 public:
  explicit Connector(EventLoop& loop);
  ~Connector();
  EventLoop& loop() { return loop_; }
  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  EventLoop& loop_;
  std::unique_ptr<Impl> impl_;
};

// The loop's thread only, every member; callbacks arrive there and never from inside the call that asked for them.
class Session {
 public:
  Session(Connector& connector, SessionOptions options);
  // Closes. Nothing given to it is called any more, neither `done` nor a sink: their owner is going away as well.
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Resolves, connects, authenticates, sets the session up. The password is read for each attempt, and once more (from
  // the file) when the server refused it and the file has changed since. Each address of the host has its turn within
  // the deadline. To be called when closed.
  void Connect(base::Deadline deadline, std::function<void(base::Result<ServerGreeting>)> done);

  // Sends all segments in one flight. Statements not prepared yet are prepared in the same flight. A statement whose
  // cached plan the server refuses (0A000 after DDL, 26000) is prepared anew and run once more before `done`.
  // `done` gets an error if the session was lost or the deadline passed: the socket is then closed (never PQcancel),
  // every sink not done has got OnDone with the same error. To be called when ready and idle.
  void Execute(std::vector<Segment> segments, base::Deadline deadline, std::function<void(base::Status)> done);

  // Moves the deadline of what is in flight to a later one: somebody with more time joined it.
  void Extend(base::Deadline deadline);

  // Closes at once, whatever is in flight (whose callbacks get kCancelled). The backend follows within 0.5 s on 14 and
  // later, by client_connection_check_interval, where that is on.
  void Close();

  bool ready() const;  // connected; may be busy
  bool busy() const;   // connecting or executing
  const std::optional<ServerGreeting>& greeting() const;
  // What the server said as it ended the last session that was ready; absent if it said nothing. Holds from before
  // `done` or `lost` is called until the next Connect.
  const std::optional<Farewell>& farewell() const;
  // Called when a ready, idle session was ended by the server: `error.code` is its SQLSTATE (57P01 ...) if it gave one.
  void OnLost(std::function<void(const base::Error&)> lost);

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace pgvigil::postgres
