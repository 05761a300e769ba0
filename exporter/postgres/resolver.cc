#include "postgres/resolver.h"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace pgvigil::postgres {
namespace {

constexpr int kThreads = 4;

// As AI_* flags ask; EAI_* in `problem`.
std::vector<std::string> Addresses(const std::string& host, int flags, int& problem) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags;
  addrinfo* found = nullptr;
  problem = getaddrinfo(host.c_str(), nullptr, &hints, &found);
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> all(found, &freeaddrinfo);
  std::vector<std::string> addresses;
  for (const auto* one = all.get(); problem == 0 && one != nullptr; one = one->ai_next) {
    std::array<char, NI_MAXHOST> text{};
    if (getnameinfo(one->ai_addr, one->ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) != 0) continue;
    if (std::find(addresses.begin(), addresses.end(), text.data()) == addresses.end())
      addresses.emplace_back(text.data());
  }
  return addresses;
}

}  // namespace

// Somebody's wait for an answer.
struct Resolver::Question {
  explicit Question(EventLoop& own_loop) : loop(own_loop) {}
  ~Question() { loop.Cancel(timer); }
  Question(const Question&) = delete;
  Question& operator=(const Question&) = delete;

  void Put(const Answer& answer) {
    loop.Cancel(std::exchange(timer, 0));
    if (const auto call = std::exchange(done, nullptr)) call(answer);
  }

  EventLoop& loop;
  TimerId timer = 0;
  std::shared_ptr<const void> round;        // keeps the lookup in the queue
  std::function<void(const Answer&)> done;  // empty once answered
};

struct Resolver::State : std::enable_shared_from_this<State> {
  struct Host {
    std::optional<Answer> last_good;
    std::weak_ptr<const void> round;  // there as long as a lookup runs, or is queued and somebody waits for it
    std::vector<std::weak_ptr<Question>> questions;
  };

  State(EventLoop& own_loop, Lookup own_lookup, base::SteadyTime::duration own_patience)
      : loop(own_loop), lookup(std::move(own_lookup)), patience(own_patience), workers(own_loop, kThreads) {}

  std::shared_ptr<const void> Round(const std::string& name);
  void OnAnswer(const std::string& name, const Answer& answer);
  void OnImpatience(const std::string& name, Question& question);

  EventLoop& loop;
  const Lookup lookup;
  const base::SteadyTime::duration patience;
  std::map<std::string, Host> hosts;
  Workers workers;
};

// The lookup under way, or a new one.
std::shared_ptr<const void> Resolver::State::Round(const std::string& name) {
  auto& host = hosts[name];
  if (auto there = host.round.lock()) return there;
  std::shared_ptr<const void> round = std::make_shared<char>();
  host.round = round;
  workers.Submit(round, [weak = weak_from_this(), own = lookup, name]() -> Workers::Continuation {
    return [weak, name, answer = own(name)] {
      if (const auto there = weak.lock()) there->OnAnswer(name, answer);
    };
  });
  return round;
}

void Resolver::State::OnAnswer(const std::string& name, const Answer& answer) {
  auto& host = hosts[name];
  if (answer.ok()) host.last_good = answer;
  const Answer said = host.last_good.value_or(answer);
  for (const auto& question : std::exchange(host.questions, {})) {
    if (const auto there = question.lock()) there->Put(said);
  }
}

void Resolver::State::OnImpatience(const std::string& name, Question& question) {
  question.timer = 0;
  const auto& host = hosts[name];
  if (const auto known = host.last_good) question.Put(*known);
}

Resolver::Resolver(EventLoop& loop, Lookup lookup, base::SteadyTime::duration patience)
    : state_(std::make_shared<State>(loop, std::move(lookup), patience)) {}
Resolver::~Resolver() = default;

std::shared_ptr<const void> Resolver::Resolve(const std::string& host, std::function<void(const Answer&)> done) {
  auto& loop = state_->loop;
  const auto question = std::make_shared<Question>(loop);
  question->done = std::move(done);
  int problem = 0;
  if (auto numeric = Addresses(host, AI_NUMERICHOST, problem); !numeric.empty()) {
    loop.Post([weak = std::weak_ptr(question), numeric = std::move(numeric)] {
      if (const auto there = weak.lock()) there->Put(numeric);
    });
    return question;
  }
  question->round = state_->Round(host);
  auto& questions = state_->hosts[host].questions;
  std::erase_if(questions, [](const auto& one) { return one.expired(); });
  questions.push_back(question);
  question->timer = loop.After(state_->patience, [state = state_, weak = std::weak_ptr(question), host] {
    if (const auto there = weak.lock()) state->OnImpatience(host, *there);
  });
  return question;
}

Resolver::Answer Resolver::AskNameService(const std::string& host) {
  int problem = 0;
  auto addresses = Addresses(host, 0, problem);
  if (!addresses.empty()) return addresses;
  return base::Error{
      base::ErrorKind::kNotFound, std::string("the host name cannot be resolved: ") + gai_strerror(problem), host, {}};
}

}  // namespace pgvigil::postgres
