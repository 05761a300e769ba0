#include "yaml/form.h"

#include <algorithm>
#include <numeric>

#include "base/text.h"

namespace pgvigil::yaml {
namespace {

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

std::string Listed(std::span<const std::string_view> names) {
  std::string text;
  for (const auto name : names) text += (text.empty() ? "" : ", ") + std::string(name);
  return text;
}

std::string UnknownKey(std::span<const std::string_view> known, const std::string& name) {
  constexpr std::size_t kLongestTold = 64;  // a key that long is no slip of the finger
  std::string_view nearest;
  std::size_t least = 3;
  for (const auto candidate : known) {
    const auto distance = name.size() > kLongestTold ? least : EditDistance(candidate, name);
    if (distance < least) {
      least = distance;
      nearest = candidate;
    }
  }
  if (!nearest.empty()) return "unknown key; did you mean \"" + std::string(nearest) + "\"?";
  return "unknown key; there are: " + Listed(known);
}

std::string UnknownKey(std::span<const Key> known, const std::string& name) {
  std::vector<std::string_view> names;
  for (const auto& key : known) {
    if (key.type != KeyType::kRefused) names.push_back(key.name);
  }
  return UnknownKey(names, name);
}

bool IsName(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !text.empty() && letter(text.front()) &&
         std::all_of(text.begin(), text.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

// A number in the units of the key's type; nothing if it is none.
std::optional<std::uint64_t> Magnitude(KeyType type, std::string_view text) {
  if (type == KeyType::kDuration) {
    const auto span = base::ParseDuration(text);
    return span.ok() ? std::optional(static_cast<std::uint64_t>(span->count())) : std::nullopt;
  }
  if (type == KeyType::kSize) {
    const auto bytes = base::ParseSize(text);
    return bytes.ok() ? std::optional(*bytes) : std::nullopt;
  }
  return base::ParseInteger<std::uint32_t>(text);
}

bool IsWithin(const Key& key, KeyType unit, std::optional<std::uint64_t> value) {
  if (!value) return false;
  if (!key.least.empty() && *value < *Magnitude(unit, key.least)) return false;
  return key.most.empty() || *value <= *Magnitude(unit, key.most);
}

bool HoldsEnough(const Key& key, std::size_t items) { return IsWithin(key, KeyType::kCount, items); }

bool HasForm(const Key& key, const std::string& text) {
  switch (key.type) {
    case KeyType::kText: return base::ValidUtf8(text) == text && HoldsEnough(key, text.size());
    case KeyType::kName: return IsName(text);
    case KeyType::kDuration:
    case KeyType::kSize:
    case KeyType::kCount: return IsWithin(key, key.type, Magnitude(key.type, text));
    case KeyType::kSwitch: return text == "true" || text == "false";
    case KeyType::kChoice: return std::find(key.choices.begin(), key.choices.end(), text) != key.choices.end();
    case KeyType::kRatio: {
      const auto ratio = base::ParseDouble(text);
      return ratio && *ratio >= 0 && *ratio <= 1;
    }
    case KeyType::kTexts:
    case KeyType::kTextMap:
    case KeyType::kMap:
    case KeyType::kMaps:
    case KeyType::kRefused: break;
  }
  return false;
}

std::string FormOf(const Key& key) {
  switch (key.type) {
    case KeyType::kText: return key.least.empty() ? "text" : "text that is not empty";
    case KeyType::kName: return "a name of letters, digits and underscores, not starting with a digit";
    case KeyType::kDuration: return "a duration such as 500ms, 30s, 5m, 26h or 7d";
    case KeyType::kSize: return "a size such as 512KiB, 16MiB, 8GiB or a number of bytes";
    case KeyType::kCount: return key.least.empty() ? "a whole number, 0 or more" : "a whole number";
    case KeyType::kRatio: return "a number from 0 to 1";
    case KeyType::kSwitch: return "true or false";
    case KeyType::kTexts: return "a list of text";
    case KeyType::kTextMap: return "a map to text";
    case KeyType::kMap: return "a map";
    case KeyType::kMaps: return "a list of maps";
    case KeyType::kRefused:
    case KeyType::kChoice: break;
  }
  return "one of " + Listed(key.choices);
}

std::string LimitsOf(const Key& key) {
  if (key.type == KeyType::kText || key.type == KeyType::kChoice || key.least.empty()) return "";
  const bool holds = key.type == KeyType::kTexts || key.type == KeyType::kTextMap || key.type == KeyType::kMaps;
  if (holds) return " with at least " + (key.least == "1" ? "one" : std::string(key.least));
  if (key.most.empty()) return ", " + std::string(key.least) + " or more";
  return (key.type == KeyType::kCount ? " from " : ", from ") + std::string(key.least) + " to " + std::string(key.most);
}

// A scalar is repeated only where a scalar is meant: elsewhere it may be a secret in the wrong place.
std::string Found(const Node& node, bool repeat) {
  if (node.IsNull()) return "nothing";
  if (node.IsMap()) return node.members().empty() ? "an empty map" : "a map";
  if (node.IsSequence()) return node.items().empty() ? "an empty list" : "a list";
  return repeat ? "\"" + node.text() + "\"" : "text";
}

class Checker {
 public:
  Checker(Nothing nothing, base::Diagnostics& diagnostics) : nothing_(nothing), diagnostics_(diagnostics) {}

  Unfit Take() && { return std::move(unfit_); }

  void Map(const Node& node, std::span<const Key> keys, const std::string& path) {
    if (node.IsNull()) return Required(node, keys, path);
    if (!node.IsMap()) return Wrong(node, path, "expected a map, found " + Found(node, false));
    for (const auto& member : node.members()) {
      const auto key =
          std::find_if(keys.begin(), keys.end(), [&](const Key& known) { return known.name == member.key; });
      const auto own = path.empty() ? member.key : path + "." + member.key;
      if (key == keys.end()) {
        diagnostics_.Error(member.place, own, UnknownKey(keys, member.key));
      } else if (key->type == KeyType::kRefused) {
        diagnostics_.Error(member.place, own, std::string(key->help));
      } else {
        Value(member.value, *key, own);
      }
    }
    Required(node, keys, path);
  }

 private:
  void Wrong(const Node& node, const std::string& path, std::string message) {
    unfit_.insert(&node);
    diagnostics_.Error(node.place(), path, std::move(message));
  }

  void Unexpected(const Node& node, const Key& key, const std::string& path) {
    const bool scalar = key.type != KeyType::kTexts && key.type != KeyType::kTextMap && key.type != KeyType::kMap &&
                        key.type != KeyType::kMaps;
    Wrong(node, path, Expectation(key) + ", found " + Found(node, scalar));
  }

  void Required(const Node& node, std::span<const Key> keys, const std::string& path) {
    for (const auto& key : keys) {
      const Node* value = node.Find(key.name);
      if (!key.required || (value != nullptr && !value->IsNull())) continue;
      const auto own = path.empty() ? std::string(key.name) : path + "." + std::string(key.name);
      diagnostics_.Error(node.place(), own, "missing: " + std::string(key.help));
    }
  }

  void Value(const Node& node, const Key& key, const std::string& path) {
    if (node.IsNull()) {
      if (nothing_ == Nothing::kRefused) Unexpected(node, key, path);
      return;
    }
    switch (key.type) {
      case KeyType::kMap: return Map(node, key.members, path);
      case KeyType::kMaps:
      case KeyType::kTexts: return List(node, key, path);
      case KeyType::kTextMap: return TextMap(node, key, path);
      default: break;
    }
    if (!node.IsScalar() || !HasForm(key, node.text())) Unexpected(node, key, path);
  }

  void List(const Node& node, const Key& key, const std::string& path) {
    if (!node.IsSequence() || !HoldsEnough(key, node.items().size())) return Unexpected(node, key, path);
    const auto type = key.choices.empty() ? KeyType::kText : KeyType::kChoice;
    const Key each = Key{key.name, type, "", "", {}, key.choices}.NotEmpty();
    for (std::size_t i = 0; i < node.items().size(); ++i) {
      const auto own = path + "[" + std::to_string(i) + "]";
      const auto& item = node.items()[i];
      if (key.type == KeyType::kMaps) {
        Map(item, key.members, own);
      } else if (!item.IsScalar() || !HasForm(each, item.text())) {
        Unexpected(item, each, own);
      }
    }
  }

  void TextMap(const Node& node, const Key& key, const std::string& path) {
    if (!node.IsMap() || !HoldsEnough(key, node.members().size())) return Unexpected(node, key, path);
    for (const auto& member : node.members()) {
      const auto own = path + "." + member.key;
      const bool known =
          key.choices.empty() || std::find(key.choices.begin(), key.choices.end(), member.key) != key.choices.end();
      if (!known) {
        diagnostics_.Error(member.place, own, UnknownKey(key.choices, member.key));
        unfit_.insert(&member.value);
      } else if (!member.value.IsScalar()) {
        Wrong(member.value, own, "expected text, found " + Found(member.value, false));
      }
    }
  }

  const Nothing nothing_;
  base::Diagnostics& diagnostics_;
  Unfit unfit_;
};

}  // namespace

std::string Expectation(const Key& key) { return "expected " + FormOf(key) + LimitsOf(key); }

Unfit CheckForm(const Node& root, std::span<const Key> keys, Nothing nothing, base::Diagnostics& diagnostics) {
  Checker checker(nothing, diagnostics);
  checker.Map(root, keys, "");
  return std::move(checker).Take();
}

const Node* Section::Find(std::string_view key) const {
  const Node* value = node_ == nullptr ? nullptr : node_->Find(key);
  return value == nullptr || value->IsNull() || unfit_->contains(value) ? nullptr : value;
}

std::string Section::Text(std::string_view key) const {
  const Node* value = Find(key);
  return value == nullptr ? std::string() : value->text();
}

std::optional<base::Milliseconds> Section::Duration(std::string_view key) const {
  const Node* value = Find(key);
  if (value == nullptr) return std::nullopt;
  return *base::ParseDuration(value->text());
}

std::optional<std::uint64_t> Section::Size(std::string_view key) const {
  const Node* value = Find(key);
  if (value == nullptr) return std::nullopt;
  return *base::ParseSize(value->text());
}

std::optional<std::uint32_t> Section::Count(std::string_view key) const {
  const Node* value = Find(key);
  if (value == nullptr) return std::nullopt;
  return base::ParseInteger<std::uint32_t>(value->text());
}

std::optional<double> Section::Ratio(std::string_view key) const {
  const Node* value = Find(key);
  if (value == nullptr) return std::nullopt;
  return base::ParseDouble(value->text());
}

bool Section::Switch(std::string_view key, bool fallback) const {
  const Node* value = Find(key);
  return value == nullptr ? fallback : value->text() == "true";
}

std::vector<Section::Item> Section::Items(std::string_view key) const {
  std::vector<Item> items;
  const Node* value = Find(key);
  for (std::size_t i = 0; value != nullptr && i < value->items().size(); ++i) {
    const Node& node = value->items()[i];
    if (!unfit_->contains(&node)) items.push_back({i, &node});
  }
  return items;
}

std::vector<const Node::Member*> Section::Members(std::string_view key) const {
  std::vector<const Node::Member*> members;
  const Node* value = Find(key);
  if (value == nullptr) return members;
  for (const auto& member : value->members()) {
    if (!unfit_->contains(&member.value)) members.push_back(&member);
  }
  return members;
}

base::Place Section::PlaceOf(std::string_view key) const {
  if (const Node* value = Find(key)) return value->place();
  return node_ == nullptr ? base::Place() : node_->place();
}

}  // namespace pgvigil::yaml
