#include "postgres/handshakes.h"

#include <deque>
#include <utility>

namespace pgvigil::postgres {

struct HandshakeSlots::Entry {
  std::function<void()> granted;
  bool held = false;
};

struct HandshakeSlots::State {
  EventLoop& loop;
  int free;
  std::deque<std::shared_ptr<Entry>> urgent;
  std::deque<std::shared_ptr<Entry>> waiting;

  void Grant() {
    while (free > 0 && !(urgent.empty() && waiting.empty())) {
      auto& queue = urgent.empty() ? waiting : urgent;
      const auto entry = std::move(queue.front());
      queue.pop_front();
      --free;
      entry->held = true;
      loop.Post([weak = std::weak_ptr(entry)] {
        if (const auto there = weak.lock()) there->granted();
      });
    }
  }
};

HandshakeSlots::HandshakeSlots(EventLoop& loop, int slots)
    : state_(std::make_shared<State>(State{loop, slots, {}, {}})) {}

HandshakeSlots::Place::Place(std::shared_ptr<State> state, std::shared_ptr<Entry> entry)
    : state_(std::move(state)), entry_(std::move(entry)) {}

HandshakeSlots::Place::~Place() {
  if (!entry_->held) {
    std::erase(state_->urgent, entry_);
    std::erase(state_->waiting, entry_);
    return;
  }
  ++state_->free;
  state_->Grant();
}

bool HandshakeSlots::Place::held() const { return entry_->held; }

std::unique_ptr<HandshakeSlots::Place> HandshakeSlots::Ask(bool urgent, std::function<void()> granted) {
  auto entry = std::make_shared<Entry>(Entry{std::move(granted)});
  if (state_->free > 0) {
    --state_->free;
    entry->held = true;
  } else {
    (urgent ? state_->urgent : state_->waiting).push_back(entry);
  }
  return std::make_unique<Place>(state_, std::move(entry));
}

}  // namespace pgvigil::postgres
