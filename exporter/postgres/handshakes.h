// Slots for handshakes: SCRAM and TLS cost milliseconds each, so at most a few go on at once and the loop stays short
// of breath for nobody. A slot is taken with the server's first byte, so that servers that accept and say nothing hold
// none. The event loop's thread only.
#pragma once

#include <deque>
#include <functional>
#include <memory>

namespace pgvigil::postgres {

class HandshakeSlots {
 public:
  explicit HandshakeSlots(int slots) : free_(slots) {}

  // Held as long as it lives; gives its slot to whoever waits.
  class Slot {
   public:
    explicit Slot(HandshakeSlots& slots) : slots_(slots) {}
    ~Slot() { slots_.Release(); }
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;

   private:
    HandshakeSlots& slots_;
  };

  // A slot, or null: then `resume` is called when it is worth trying again. Urgent ones are called first.
  std::unique_ptr<Slot> Acquire(bool urgent, std::function<void()> resume);

 private:
  void Release();

  int free_;
  std::deque<std::function<void()>> urgent_;
  std::deque<std::function<void()>> waiting_;
};

}  // namespace pgvigil::postgres
