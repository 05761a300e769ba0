#include "verdict/synchronous.h"

#include <algorithm>
#include <string>

#include "base/text.h"

namespace pgvigil::verdict {
namespace {

// Removes `keyword` and the space behind it from the start, whatever its case.
bool SkipKeyword(std::string_view& text, std::string_view keyword) {
  if (text.size() <= keyword.size()) return false;
  const auto same = [](char a, char b) { return (a >= 'a' && a <= 'z' ? a - 'a' + 'A' : a) == b; };
  if (!std::equal(keyword.begin(), keyword.end(), text.begin(), same)) return false;
  if (text[keyword.size()] != ' ' && text[keyword.size()] != '\t') return false;
  text = base::Trim(text.substr(keyword.size()));
  return true;
}

}  // namespace

std::optional<int> RequiredSynchronousStandbys(std::string_view synchronous_standby_names) {
  auto text = base::Trim(synchronous_standby_names);
  if (text.empty()) return 0;
  const bool keyword = SkipKeyword(text, "FIRST") || SkipKeyword(text, "ANY");
  const auto list = text.find('(');
  const bool quoted_before = text.substr(0, list).find('"') != std::string_view::npos;
  if (list == std::string_view::npos || quoted_before) {
    if (keyword) return std::nullopt;
    return 1;  // a plain list: the first of it
  }
  if (text.back() != ')') return std::nullopt;
  const auto number = base::ParseInteger<std::int32_t>(base::Trim(text.substr(0, list)));
  if (!number || *number < 1) return std::nullopt;
  return *number;
}

}  // namespace pgvigil::verdict
