// A YAML document with a place for every key and value, read within limits: a file that is too large, too deep, full of
// aliases or not text is refused with a word about where and why, before it costs memory or time.
// Wraps yaml-cpp (event parser; no yaml-cpp type leaves this module). Stricter than it: duplicate keys, merge keys and
// tabs that indent are errors; a plain `yes`, `on`, `017` stays the text that it is.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostics.h"

namespace pgvigil::yaml {

struct Limits {
  std::size_t bytes = 4 << 20;
  std::size_t nodes = 200'000;  // aliases count as what they stand for
  int depth = 32;
};

class Node {
 public:
  enum class Kind { kNull, kScalar, kSequence, kMap };
  struct Member;

  Kind kind() const { return kind_; }
  bool IsNull() const { return kind_ == Kind::kNull; }
  bool IsScalar() const { return kind_ == Kind::kScalar; }
  bool IsSequence() const { return kind_ == Kind::kSequence; }
  bool IsMap() const { return kind_ == Kind::kMap; }

  const base::Place& place() const { return place_; }
  // A scalar's text as written (escapes resolved); `quoted` tells "7" from 7.
  const std::string& text() const { return text_; }
  bool quoted() const { return quoted_; }
  const std::vector<Node>& items() const { return items_; }
  const std::vector<Member>& members() const { return members_; }  // in the order of the file
  const Node* Find(std::string_view key) const;                    // null when absent
  // Whether a member here or deeper was left out with an error: a duplicate or a merge key.
  bool flawed() const { return flawed_; }

 private:
  friend class DocumentBuilder;
  Kind kind_ = Kind::kNull;
  base::Place place_;
  std::string text_;
  bool quoted_ = false;
  bool flawed_ = false;
  std::vector<Node> items_;
  std::vector<Member> members_;
};

struct Node::Member {
  std::string key;
  base::Place place;  // of the key
  Node value;
};

// Null where nothing could be read: the file, its text, its syntax, its size. A duplicate or merge key is an error as
// well, but the rest of the tree is there, so that everything that is wrong can be said at once: whether there were
// errors is for `diagnostics` to say, each with file:line:column. An empty document is a null node.
std::unique_ptr<const Node> Load(const std::string& path, const Limits& limits, base::Diagnostics& diagnostics);
std::unique_ptr<const Node> Parse(std::string_view text, const std::string& name, const Limits& limits,
                                  base::Diagnostics& diagnostics);

}  // namespace pgvigil::yaml
