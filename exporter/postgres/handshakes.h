// Slots for handshakes: SCRAM and TLS cost milliseconds each, so at most a few go on at once and the loop stays short
// of breath for nobody. A slot is asked for with the server's first byte and given back when the server falls silent,
// so that servers that say nothing, or one byte and then nothing, hold none. The event loop's thread only.
#pragma once

#include <functional>
#include <memory>

#include "postgres/event_loop.h"

namespace pgvigil::postgres {

class HandshakeSlots {
  struct Entry;
  struct State;

 public:
  HandshakeSlots(EventLoop& loop, int slots);

  // A place in the queue, and then a slot, until it is destroyed. Nobody is called from inside the destructor: whoever
  // destroys it may be in the middle of going away.
  class Place {
   public:
    Place(std::shared_ptr<State> state, std::shared_ptr<Entry> entry);
    ~Place();
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    bool held() const;  // it has a slot

   private:
    const std::shared_ptr<State> state_;
    const std::shared_ptr<Entry> entry_;
  };

  // Where no slot is free, `granted` is called once from the loop when there is one, unless the place is gone by then.
  // Urgent ones come first, otherwise it is in the order of asking.
  std::unique_ptr<Place> Ask(bool urgent, std::function<void()> granted);

 private:
  const std::shared_ptr<State> state_;  // places may outlive this
};

}  // namespace pgvigil::postgres
