#include "postgres/handshakes.h"

#include <utility>

namespace pgvigil::postgres {

std::unique_ptr<HandshakeSlots::Slot> HandshakeSlots::Acquire(bool urgent, std::function<void()> resume) {
  if (free_ > 0) {
    --free_;
    return std::make_unique<Slot>(*this);
  }
  (urgent ? urgent_ : waiting_).push_back(std::move(resume));
  return nullptr;
}

void HandshakeSlots::Release() {
  ++free_;
  // One that waits may have given up meanwhile and take nothing: go on until the slot is taken.
  while (free_ > 0 && !(urgent_.empty() && waiting_.empty())) {
    auto& queue = urgent_.empty() ? waiting_ : urgent_;
    const auto resume = std::move(queue.front());
    queue.pop_front();
    resume();
  }
}

}  // namespace pgvigil::postgres
