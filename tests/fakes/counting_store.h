// A store that counts what it is asked, and refuses what a test says.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "objectstore/store.h"

namespace pgvigil::fakes {

// For one thread at a time. Deadlines are dropped: they are of the test's clock, which the store does not have.
class CountingStore final : public objectstore::Store {
 public:
  explicit CountingStore(std::shared_ptr<Store> store) : store_(std::move(store)) {}

  int lists = 0, gets = 0;
  std::uint64_t bytes = 0;  // that were got
  // Looks at the prefix of a listing or the key of an object; a kind refuses it.
  std::function<std::optional<base::ErrorKind>(const std::string& key, bool listing)> refuse;

  int requests() const { return lists + gets; }
  void Forget() { lists = gets = 0; }

  std::string Name() const override { return store_->Name(); }
  base::Result<objectstore::ListPage> List(const objectstore::ListRequest& request, const std::string& continuation,
                                           base::Deadline) override {
    ++lists;
    if (const auto refused = Refused(request.prefix, true)) return *refused;
    return store_->List(request, continuation, kNever);
  }
  base::Result<std::string> Get(const std::string& key, std::optional<objectstore::Range> range, std::uint64_t most,
                                base::Deadline) override {
    ++gets;
    if (const auto refused = Refused(key, false)) return *refused;
    auto got = store_->Get(key, range, most, kNever);
    if (got.ok()) bytes += got->size();
    return got;
  }
  base::Status Read(const std::string& key, const Sink& sink, base::Deadline) override {
    ++gets;
    if (const auto refused = Refused(key, false)) return *refused;
    return store_->Read(key, sink, kNever);
  }
  base::Result<objectstore::Object> Head(const std::string& key, base::Deadline) override {
    ++gets;
    return store_->Head(key, kNever);
  }

 private:
  inline static const base::Deadline kNever{base::SteadyTime::max()};

  std::optional<base::Error> Refused(const std::string& key, bool listing) const {
    const auto kind = refuse ? refuse(key, listing) : std::nullopt;
    if (!kind) return std::nullopt;
    return base::Error{*kind, "refused by the test", key, {}};
  }

  std::shared_ptr<Store> store_;
};

}  // namespace pgvigil::fakes
