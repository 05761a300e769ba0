#include <algorithm>
#include <numeric>
#include <vector>

#include "base/text.h"
#include "config/keys.h"

namespace pgvigil::config {
namespace {

using yaml::Node;

std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, replaced}));
    }
  }
  return row.back();
}

std::string UnknownKey(std::span<const Key> known, const std::string& name) {
  constexpr std::size_t kLongestTold = 64;  // a key that long is no slip of the finger
  const Key* nearest = nullptr;
  std::size_t least = 3;
  for (const auto& key : known) {
    const auto distance = name.size() > kLongestTold ? least : EditDistance(key.name, name);
    if (distance < least) {
      least = distance;
      nearest = &key;
    }
  }
  if (nearest != nullptr) return "unknown key; did you mean \"" + std::string(nearest->name) + "\"?";
  std::string all;
  for (const auto& key : known) all += (all.empty() ? "" : ", ") + std::string(key.name);
  return "unknown key; there are: " + all;
}

bool HasForm(const Key& key, const std::string& text) {
  switch (key.type) {
    case KeyType::kDuration: return base::ParseDuration(text).ok();
    case KeyType::kSize: return base::ParseSize(text).ok();
    case KeyType::kCount: return base::ParseInteger<std::uint32_t>(text).has_value();
    case KeyType::kSwitch: return text == "true" || text == "false";
    case KeyType::kChoice: return std::find(key.choices.begin(), key.choices.end(), text) != key.choices.end();
    case KeyType::kRatio: {
      const auto ratio = base::ParseDouble(text);
      return ratio && *ratio >= 0 && *ratio <= 1;
    }
    case KeyType::kText: return base::ValidUtf8(text) == text;
    case KeyType::kTexts:
    case KeyType::kMap:
    case KeyType::kMaps: break;
  }
  return false;
}

class Validator {
 public:
  explicit Validator(base::Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  void Map(const Node& node, std::span<const Key> keys, const std::string& path) {
    if (node.IsNull()) return Required(node, keys, path);
    if (!node.IsMap()) return diagnostics_.Error(node.place(), path, "expected a map");
    for (const auto& member : node.members()) {
      const auto key =
          std::find_if(keys.begin(), keys.end(), [&](const Key& known) { return known.name == member.key; });
      const auto own = path.empty() ? member.key : path + "." + member.key;
      if (key == keys.end()) {
        diagnostics_.Error(member.place, own, UnknownKey(keys, member.key));
      } else {
        Value(member.value, *key, own);
      }
    }
    Required(node, keys, path);
  }

 private:
  void Required(const Node& node, std::span<const Key> keys, const std::string& path) {
    for (const auto& key : keys) {
      const Node* value = node.Find(key.name);
      if (!key.required || (value != nullptr && !value->IsNull())) continue;
      const auto own = path.empty() ? std::string(key.name) : path + "." + std::string(key.name);
      diagnostics_.Error(node.place(), own, "missing: " + std::string(key.help));
    }
  }

  void Value(const Node& node, const Key& key, const std::string& path) {
    if (node.IsNull()) return;  // as if it were not there
    switch (key.type) {
      case KeyType::kMap: return Map(node, key.members, path);
      case KeyType::kMaps:
      case KeyType::kTexts: return List(node, key, path);
      default: break;
    }
    if (!node.IsScalar() || !HasForm(key, node.text())) {
      const std::string found = node.IsScalar() ? "\"" + node.text() + "\"" : node.IsMap() ? "a map" : "a list";
      diagnostics_.Error(node.place(), path, Expectation(key) + ", found " + found);
    }
  }

  void List(const Node& node, const Key& key, const std::string& path) {
    if (!node.IsSequence()) return diagnostics_.Error(node.place(), path, Expectation(key));
    for (std::size_t i = 0; i < node.items().size(); ++i) {
      const auto own = path + "[" + std::to_string(i) + "]";
      const auto& item = node.items()[i];
      if (key.type == KeyType::kMaps) {
        Map(item, key.members, own);
      } else if (!item.IsScalar()) {
        diagnostics_.Error(item.place(), own, "expected text");
      }
    }
  }

  base::Diagnostics& diagnostics_;
};

}  // namespace

void Validate(const Node& root, base::Diagnostics& diagnostics) { Validator(diagnostics).Map(root, Keys(), ""); }

}  // namespace pgvigil::config
