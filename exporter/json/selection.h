// JSON read as it streams by, keeping only what somebody asked for: of a Kubernetes object a few of its fields, and
// nothing of the kilobytes of managed fields around them. A list is handed out object by object, so that one object at
// a time is in memory. To be included by .cc files and by headers that .cc files of one module share.
#pragma once

#include <functional>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/fields.h"

namespace pgvigil::json {

// The members to keep, as paths: "metadata.name", "status.conditions.type". Arrays need no mark: what is said of one
// is said of each of its elements. What a path leads to is kept whole. Immutable once made.
class Selection {
 public:
  Selection(std::initializer_list<std::string_view> paths);
  explicit Selection(const std::vector<std::string>& paths);

  // What is kept below that member; null: it is not.
  const Selection* Below(std::string_view member) const;
  bool whole() const { return whole_; }

 private:
  Selection() = default;
  void Add(std::string_view path);

  std::map<std::string, Selection, std::less<>> members_;
  bool whole_ = false;
};

inline constexpr int kDepthAtMost = 64;

// The document with what `kept` says of it. kMalformed: no JSON, with where; kLimit: brackets deeper than kDepthAtMost.
base::Result<Value> ReadSelected(std::string_view text, const Selection& kept);

// The same of a document whose member `items` is an array: its elements are read by `of_items` and handed out one by
// one; the rest of the document, by `kept`, is what is returned. What was handed out before an error was found stands.
base::Result<Value> ReadList(std::string_view text, const Selection& kept, const Selection& of_items,
                             const std::function<void(const Value&)>& item);

}  // namespace pgvigil::json
