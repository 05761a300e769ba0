// The form of a document as a table of keys: which there are, of what type, within which limits, with which default and
// meaning. Whoever reads a file of ours declares such a table; what the table forbids is said in one language, at its
// place, and everything at once.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/diagnostics.h"
#include "yaml/document.h"

namespace pgvigil::yaml {

enum class KeyType {
  kText,
  kName,      // letters, digits, underscores; no digit first
  kDuration,  // 500ms 30s 5m 26h 7d
  kSize,      // 16MiB, or a number of bytes
  kCount,     // a whole number, 0 or more
  kRatio,     // 0 to 1
  kSwitch,    // true, false
  kChoice,    // one of `choices`
  kTexts,     // a list of text; with `choices` each one of them
  kTextMap,   // a map to text; with `choices` its keys are some of them
  kMap,       // `members`
  kMaps,      // a list of maps with `members`
  kRefused,   // known from elsewhere and not taken: `help` says what to do instead
};

struct Key {
  std::string_view name;
  KeyType type;
  std::string_view fallback;  // as written in a file; empty: none
  std::string_view help;      // one sentence
  std::span<const Key> members = {};
  std::span<const std::string_view> choices = {};
  bool required = false;
  // As written in a file; empty: no limit. Of text its length, of a list or map how much it holds.
  std::string_view least = {};
  std::string_view most = {};

  constexpr Key Required() const {
    Key key = *this;
    key.required = true;
    return key;
  }
  constexpr Key OneOf(std::span<const std::string_view> names) const {
    Key key = *this;
    key.choices = names;
    return key;
  }
  constexpr Key From(std::string_view limit) const {
    Key key = *this;
    key.least = limit;
    return key;
  }
  constexpr Key To(std::string_view limit) const {
    Key key = *this;
    key.most = limit;
    return key;
  }
  constexpr Key NotEmpty() const { return From("1"); }
};

// "expected a duration such as ..., from 100ms to 5m" for a person.
std::string Expectation(const Key& key);

// The values that have not the form they should have. To be read as if they were not there.
using Unfit = std::set<const Node*>;

// What a key without a value (`key:`) is. Where a forgotten value would switch protection off it has to be said.
enum class Nothing { kAsAbsent, kRefused };

// Everything in `root` that the table does not allow: unknown keys (with the nearest known one), wrong types, units and
// limits, missing required keys.
Unfit CheckForm(const Node& root, std::span<const Key> keys, Nothing nothing, base::Diagnostics& diagnostics);

// A map of a checked document: what is read from it has its form, or is absent.
class Section {
 public:
  // Both outlive it. `node` null: an empty map.
  Section(const Node* node, const Unfit& unfit) : node_(node), unfit_(&unfit) {}

  const Node* Find(std::string_view key) const;  // null when absent or unfit
  bool Has(std::string_view key) const { return Find(key) != nullptr; }
  Section Member(std::string_view key) const { return {Find(key), *unfit_}; }
  Section Of(const Node& node) const { return {&node, *unfit_}; }  // another map of the same document

  std::string Text(std::string_view key) const;  // empty when absent
  std::optional<base::Milliseconds> Duration(std::string_view key) const;
  std::optional<std::uint64_t> Size(std::string_view key) const;
  std::optional<std::uint32_t> Count(std::string_view key) const;
  std::optional<double> Ratio(std::string_view key) const;
  bool Switch(std::string_view key, bool fallback) const;
  // What a list or map holds, without what is unfit in it.
  struct Item {
    std::size_t index;  // in the file
    const Node* node;
  };
  std::vector<Item> Items(std::string_view key) const;
  std::vector<const Node::Member*> Members(std::string_view key) const;
  // Where to point at: the key's value, or the map itself.
  base::Place PlaceOf(std::string_view key) const;

 private:
  const Node* node_;
  const Unfit* unfit_;
};

}  // namespace pgvigil::yaml
