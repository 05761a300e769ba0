// One kind of objects, how it is asked for, and who keeps what of them is used.
// Source: Kubernetes documentation, "API Concepts".
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/published.h"
#include "json/fields.h"

namespace pgvigil::kubernetes {

struct Resource {
  std::string_view api;                 // "/api/v1", "/apis/postgresql.cnpg.io/v1"
  std::string_view plural;              // "pods"
  std::vector<std::string_view> paths;  // the members that are kept of an object, beyond its name, namespace and UID
};

// Takes what a watch says, on its thread. Between BeginList and EndList comes everything there is: what does not is
// gone then, and not before, so that a list that fails forgets nothing.
class Objects {
 public:
  virtual ~Objects() = default;
  virtual void BeginList() = 0;
  virtual void Put(const json::Value& object) = 0;
  virtual void Remove(const std::string& space, const std::string& name) = 0;
  virtual void EndList() = 0;
  // Something changed and no more is coming at the moment: time to tell.
  virtual void Publish() = 0;
};

using ObjectKey = std::pair<std::string, std::string>;  // namespace, name

// Keeps each object as facts of type T.
template <typename T>
class FactsOf : public Objects {
 public:
  using Map = std::map<ObjectKey, std::shared_ptr<const T>>;

  // `decode` makes the facts of an object; `published` is called after each publication.
  FactsOf(std::function<T(const json::Value&)> decode, std::function<void()> published)
      : decode_(std::move(decode)), published_(std::move(published)) {}

  // Null until the first list is complete. Any thread.
  std::shared_ptr<const Map> Get() const { return facts_.Get(); }

  void BeginList() override { listed_.emplace(); }
  void Put(const json::Value& object) override {
    const auto& metadata = json::Member(object, "metadata");
    ObjectKey key{json::TextOf(json::Member(metadata, "namespace")), json::TextOf(json::Member(metadata, "name"))};
    if (key.second.empty()) return;
    auto facts = std::make_shared<const T>(decode_(object));
    (listed_ ? *listed_ : held_)[std::move(key)] = std::move(facts);
    changed_ = true;
  }
  void Remove(const std::string& space, const std::string& name) override {
    changed_ = held_.erase({space, name}) > 0 || changed_;
  }
  void EndList() override {
    held_ = *std::exchange(listed_, std::nullopt);
    changed_ = true;
  }
  void Publish() override {
    if (!changed_ || listed_) return;
    changed_ = false;
    facts_.Set(held_);
    published_();
  }

 private:
  const std::function<T(const json::Value&)> decode_;
  const std::function<void()> published_;
  Map held_;
  std::optional<Map> listed_;  // while a list is being read
  bool changed_ = false;
  base::Published<Map> facts_;
};

}  // namespace pgvigil::kubernetes
