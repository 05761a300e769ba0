#include "postgres/session.h"

#include <sys/epoll.h>

#include <algorithm>
#include <utility>

#include "postgres/connection.h"
#include "postgres/handshakes.h"
#include "postgres/pipeline.h"
#include "postgres/resolver.h"
#include "postgres/workers.h"

namespace pgvigil::postgres {
namespace {

constexpr int kHandshakes = 8;
constexpr auto kHandshakeSilence = std::chrono::milliseconds(200);  // after it a server has to queue for its slot anew
constexpr int kReaders = 2;                                         // of password files
constexpr int kFirstWithConnectionCheck = 140000;  // client_connection_check_interval, idle_session_timeout

// For settings that are sent on the way: whether they took is seen in what they are for.
class IgnoredSink final : public ResultSink {
 public:
  void OnColumns(std::span<const ResultColumn>) override {}
  void OnRows(const Rows&) override {}
  void OnDone(const Outcome&) override {}
};

Segment SetConfig(const std::string& name, const std::string& value) {
  return {{"pgv_set_config",
           "SELECT pg_catalog.set_config($1, $2, false)",
           {name, value},
           std::nullopt,
           std::make_shared<IgnoredSink>()}};
}

bool NeedsResolving(const Dsn& dsn) {
  const auto host = dsn.host();
  return dsn.Get("hostaddr").empty() && !host.starts_with('/') && !host.starts_with('@');
}

}  // namespace

struct Connector::Impl {
  explicit Impl(EventLoop& loop) : slots(loop, kHandshakes), resolver(loop), readers(loop, kReaders) {}

  HandshakeSlots slots;
  Resolver resolver;
  Workers readers;
};

Connector::Connector(EventLoop& loop) : loop_(loop), impl_(std::make_unique<Impl>(loop)) {}
Connector::~Connector() = default;

// States follow one another as: closed, preparing (workers), connecting (one address after another), ready; and within
// ready: idle or in flight. Whatever goes wrong ends in closed.
class Session::Impl : public std::enable_shared_from_this<Session::Impl> {
 public:
  Impl(Connector& connector, SessionOptions options) : connector_(connector), options_(std::move(options)) {}

  void Connect(base::Deadline deadline, std::function<void(base::Result<ServerGreeting>)> done) {
    connected_ = std::move(done);
    deadline_ = deadline;
    plain_ = false;
    retried_password_ = false;
    began_ = Now();
    found_.reset();
    farewell_.reset();
    state_ = State::kPreparing;
    SetTimer();
    Prepare();
  }

  void Execute(std::vector<Segment> segments, base::Deadline deadline, std::function<void(base::Status)> done) {
    executed_ = std::move(done);
    deadline_ = deadline;
    state_ = State::kInFlight;
    for (auto& segment : segments) setup_.push_back(std::move(segment));
    if (!pipeline_->Send(std::exchange(setup_, {}))) return LaterInAttempt(&Impl::OnBroken);
    SetTimer();
    FlushAndWatch();
  }

  void Extend(base::Deadline deadline) {
    if (state_ == State::kClosed || state_ == State::kIdle || deadline <= deadline_) return;
    deadline_ = deadline;
    SetTimer();
  }

  void Close() {
    const base::Error cancelled{base::ErrorKind::kCancelled, "the session was closed", Subject(), {}};
    auto connected = std::exchange(connected_, nullptr);
    auto executed = std::exchange(executed_, nullptr);
    auto pipeline = std::shared_ptr<Pipeline>(std::move(pipeline_));
    Reset();
    if (!connected && !executed) return;
    Later([connected, executed, pipeline, cancelled] {
      if (pipeline) pipeline->Abort(cancelled);
      if (connected) connected(cancelled);
      if (executed) executed(cancelled);
    });
  }

  // For the destructor of the session: nothing is called any more.
  void Abandon() {
    abandoned_ = true;
    connected_ = nullptr;
    executed_ = nullptr;
    lost_ = nullptr;
    Reset();
  }

  bool ready() const { return state_ == State::kIdle || state_ == State::kInFlight; }
  bool busy() const { return state_ != State::kClosed && state_ != State::kIdle; }
  const std::optional<ServerGreeting>& greeting() const { return greeting_; }
  const std::optional<Farewell>& farewell() const { return farewell_; }
  void OnLost(std::function<void(const base::Error&)> lost) { lost_ = std::move(lost); }

 private:
  enum class State { kClosed, kPreparing, kConnecting, kIdle, kInFlight };

  EventLoop& loop() { return connector_.loop(); }
  base::SteadyTime Now() { return loop().clock().Steady(); }
  std::string Subject() const {
    const auto database = options_.database.empty() ? options_.dsn.Get("dbname") : options_.database;
    return options_.dsn.host_port() + (database.empty() ? "" : "/" + database);
  }

  // Runs `work` from the loop, unless the session is gone by then.
  void Later(std::function<void()> work) {
    loop().Post([self = shared_from_this(), work = std::move(work)] {
      if (!self->abandoned_) work();
    });
  }
  // The same, unless what is under way was given up by then.
  void LaterInAttempt(void (Impl::*step)()) {
    Later([this, step, attempt = attempt_] {
      if (attempt_ == attempt) (this->*step)();
    });
  }

  void SetTimer() {
    loop().Cancel(timer_);
    timer_ = loop().At(deadline_.at(), [this] { OnDeadline(); });
  }

  // First that it is over, so that nothing started before goes on; then the connection, then what others wait for.
  void Reset() {
    ++attempt_;
    state_ = State::kClosed;
    loop().Cancel(std::exchange(timer_, 0));
    read_.reset();
    question_.reset();
    more_posted_ = false;
    pipeline_.reset();
    Disconnect();
    greeting_.reset();
    setup_.clear();
  }

  void Disconnect() {
    loop().Cancel(std::exchange(address_timer_, 0));
    connection_.reset();
    LeaveHandshake();
  }

  void LeaveHandshake() {
    loop().Cancel(std::exchange(silence_timer_, 0));
    place_.reset();
  }

  void OnDeadline() {
    timer_ = 0;
    if (state_ == State::kPreparing || state_ == State::kConnecting) {
      return Refuse({base::ErrorKind::kTimeout,
                     "no session within the deadline: the server or the network does not answer",
                     Subject(),
                     {}});
    }
    Lose({base::ErrorKind::kTimeout, "no answer within the deadline; the connection was closed", Subject(), {}});
  }

  // The password and the addresses, each by workers of its own.
  void Prepare() {
    secret_.reset();
    read_ = std::make_shared<char>();
    connector_.impl().readers.Submit(read_,
                                     [weak = weak_from_this(), wanted = std::weak_ptr(read_),
                                      credentials = options_.credentials]() -> Workers::Continuation {
                                       return [weak, wanted, password = credentials->Password()] {
                                         const auto self = weak.lock();
                                         if (self && !wanted.expired()) self->OnPassword(password);
                                       };
                                     });
    if (found_) return;
    if (!NeedsResolving(options_.dsn)) {
      found_ = std::vector<std::string>{""};
      return;
    }
    question_ = connector_.impl().resolver.Resolve(options_.dsn.host(), [this](const Resolver::Answer& addresses) {
      found_ = addresses;
      OnPrepared();
    });
  }

  void OnPassword(const base::Result<std::string>& password) {
    read_.reset();
    secret_ = password;
    OnPrepared();
  }

  // Of the first mistake at once, otherwise when both are there.
  void OnPrepared() {
    const auto self = shared_from_this();
    if (secret_ && !secret_->ok()) return Refuse(secret_->error());
    if (found_ && !found_->ok()) return Refuse(found_->error());
    if (!secret_ || !found_) return;
    question_.reset();
    auto password = *std::exchange(secret_, {});
    if (retried_password_ && *password == password_) return Refuse(*refusal_);
    password_ = *std::move(password);
    addresses_ = **found_;
    next_address_ = 0;
    ConnectNext();
  }

  // libpq never leaves a silent address: each has a connection of its own and its share of what is left.
  void ConnectNext() {
    state_ = State::kConnecting;
    const auto now = Now();
    const auto share = deadline_.Left(now) / static_cast<int>(addresses_.size() - next_address_);
    address_ = addresses_[next_address_++];
    wants_read_ = false;
    Disconnect();
    connection_ = std::make_unique<Connection>(loop(), ConnectParameters(options_, address_, password_, plain_));
    if (next_address_ < addresses_.size()) address_timer_ = loop().At(now + share, [this] { OnAddressSilent(); });
    if (connection_->bad()) return LaterInAttempt(&Impl::OnStartFailed);
    PQsetnonblocking(connection_->get(), 1);
    connection_->Watch(EPOLLOUT, [this](std::uint32_t) { OnConnectReady(); });
  }

  void OnAddressSilent() {
    address_timer_ = 0;
    ConnectNext();
  }

  void OnStartFailed() {
    if (state_ == State::kConnecting && connection_->bad()) OnConnectFailed();
  }

  void OnConnectReady() {
    const auto self = shared_from_this();
    if (wants_read_ && !HasSlot()) return connection_->Watch(0);
    const auto progress = PQconnectPoll(connection_->get());
    if (progress == PGRES_POLLING_OK) return OnConnected();
    if (progress == PGRES_POLLING_FAILED) return OnConnectFailed();
    wants_read_ = progress == PGRES_POLLING_READING;
    connection_->Watch(wants_read_ ? EPOLLIN : EPOLLOUT);
    if (!place_) return;
    loop().Cancel(silence_timer_);
    silence_timer_ = loop().After(kHandshakeSilence, [this] { LeaveHandshake(); });
  }

  // The server's first byte is here: from now on it costs CPU, and takes its turn.
  bool HasSlot() {
    if (place_) return place_->held();
    place_ = connector_.impl().slots.Ask(options_.urgent, [weak = weak_from_this()] {
      if (const auto there = weak.lock()) there->OnConnectReady();
    });
    return place_->held();
  }

  void OnConnectFailed() {
    auto error = ConnectError(*connection_, Subject());
    const bool answered = !error.code.empty();
    if (error.kind == base::ErrorKind::kAuth && !std::exchange(retried_password_, true)) {
      // Rotated since it was read? Once more, if the file says something else now.
      refusal_ = std::move(error);
      Disconnect();
      state_ = State::kPreparing;
      return Prepare();
    }
    if (error.code == "08P01" && !std::exchange(plain_, true)) {
      next_address_ = 0;
      return ConnectNext();
    }
    if (!answered && next_address_ < addresses_.size()) return ConnectNext();
    Refuse(std::move(error));
  }

  void OnConnected() {
    LeaveHandshake();
    loop().Cancel(std::exchange(timer_, 0));
    loop().Cancel(std::exchange(address_timer_, 0));
    auto* connection = connection_->get();
    PQsetErrorVerbosity(connection, PQERRORS_DEFAULT);
    PQenterPipelineMode(connection);
    pipeline_ = std::make_unique<Pipeline>(connection, loop().clock(), Subject());
    greeting_ = ServerGreeting{PQserverVersion(connection), PQbackendPID(connection), address_, Now() - began_,
                               PQdb(connection)};
    if (plain_) {
      for (const auto& [name, value] : SessionSettings(options_)) setup_.push_back(SetConfig(name, value));
    }
    if (greeting_->version >= kFirstWithConnectionCheck) {
      setup_.push_back(
          SetConfig("client_connection_check_interval", std::to_string(options_.connection_check.count())));
      setup_.push_back(SetConfig("idle_session_timeout", "0"));  // held sessions are idle between two questions
    }
    state_ = State::kIdle;
    connection_->Watch(EPOLLIN, [this](std::uint32_t) { OnReady(); });
    std::exchange(connected_, nullptr)(*greeting_);
  }

  // The connection cannot be had.
  void Refuse(base::Error error) {
    Reset();
    if (auto connected = std::exchange(connected_, nullptr)) connected(std::move(error));
  }

  void OnReady() {
    const auto self = shared_from_this();
    switch (pipeline_->Receive()) {
      case Pipeline::Progress::kLost: return OnBroken();
      case Pipeline::Progress::kWaiting: return FlushAndWatch();
      case Pipeline::Progress::kMore:
        if (!std::exchange(more_posted_, true)) LaterInAttempt(&Impl::OnMore);
        return;
      case Pipeline::Progress::kDone: break;
    }
    if (state_ != State::kInFlight) return;
    loop().Cancel(std::exchange(timer_, 0));
    state_ = State::kIdle;
    connection_->Watch(EPOLLIN);
    if (auto executed = std::exchange(executed_, nullptr)) executed(base::Done{});
  }

  // No event of the socket tells of what libpq holds already.
  void OnMore() {
    more_posted_ = false;
    OnReady();
  }

  void FlushAndWatch() {
    const int left = PQflush(connection_->get());
    if (left < 0) return LaterInAttempt(&Impl::OnBroken);
    connection_->Watch(left > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN);
  }

  void OnBroken() { Lose(pipeline_->failure() ? *pipeline_->failure() : LostError(*connection_, Subject())); }

  // The session is over: by the server, the network or the deadline.
  void Lose(const base::Error& error) {
    const auto self = shared_from_this();
    const std::shared_ptr<Pipeline> pipeline(std::move(pipeline_));
    const bool idle = state_ == State::kIdle;
    farewell_ = pipeline && pipeline->farewell() ? pipeline->farewell() : connection_->farewell();
    Reset();
    if (pipeline) pipeline->Abort(error);
    if (abandoned_) return;
    if (auto executed = std::exchange(executed_, nullptr)) return executed(error);
    if (idle && lost_) lost_(error);
  }

  Connector& connector_;
  const SessionOptions options_;
  State state_ = State::kClosed;
  bool abandoned_ = false;
  std::uint64_t attempt_ = 0;  // raised whenever what is under way is given up
  base::Deadline deadline_{base::SteadyTime{}};
  TimerId timer_ = 0;

  // While connecting.
  base::SteadyTime began_{};
  std::string password_;
  std::vector<std::string> addresses_;
  std::size_t next_address_ = 0;
  std::string address_;
  TimerId address_timer_ = 0;
  std::unique_ptr<HandshakeSlots::Place> place_;  // a slot or the wait for one: not more than one
  TimerId silence_timer_ = 0;
  bool wants_read_ = false;
  std::shared_ptr<const void> read_;      // there while the password is wanted
  std::shared_ptr<const void> question_;  // there while the addresses are
  std::optional<base::Result<std::string>> secret_;
  std::optional<Resolver::Answer> found_;
  bool plain_ = false;  // without settings in the startup packet
  bool retried_password_ = false;
  std::optional<base::Error> refusal_;

  std::unique_ptr<Connection> connection_;
  std::unique_ptr<Pipeline> pipeline_;
  bool more_posted_ = false;
  std::optional<ServerGreeting> greeting_;
  std::optional<Farewell> farewell_;
  std::vector<Segment> setup_;  // to go before the next flight

  std::function<void(base::Result<ServerGreeting>)> connected_;
  std::function<void(base::Status)> executed_;
  std::function<void(const base::Error&)> lost_;
};

Session::Session(Connector& connector, SessionOptions options)
    : impl_(std::make_shared<Impl>(connector, std::move(options))) {}
Session::~Session() { impl_->Abandon(); }

void Session::Connect(base::Deadline deadline, std::function<void(base::Result<ServerGreeting>)> done) {
  impl_->Connect(deadline, std::move(done));
}
void Session::Execute(std::vector<Segment> segments, base::Deadline deadline, std::function<void(base::Status)> done) {
  impl_->Execute(std::move(segments), deadline, std::move(done));
}
void Session::Extend(base::Deadline deadline) { impl_->Extend(deadline); }
void Session::Close() { impl_->Close(); }
bool Session::ready() const { return impl_->ready(); }
bool Session::busy() const { return impl_->busy(); }
const std::optional<ServerGreeting>& Session::greeting() const { return impl_->greeting(); }
const std::optional<Farewell>& Session::farewell() const { return impl_->farewell(); }
void Session::OnLost(std::function<void(const base::Error&)> lost) { impl_->OnLost(std::move(lost)); }

}  // namespace pgvigil::postgres
