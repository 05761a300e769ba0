#include "verdict/synchronous.h"

#include <algorithm>

#include "base/text.h"

namespace pgvigil::verdict {
namespace {

// Removes `keyword`, in upper case here and in any there, and the space behind it from the start.
bool SkipKeyword(std::string_view& text, std::string_view keyword) {
  const auto same = [](char upper, char any) { return upper == (any >= 'a' && any <= 'z' ? any - 'a' + 'A' : any); };
  if (text.size() <= keyword.size()) return false;
  if (!std::equal(keyword.begin(), keyword.end(), text.begin(), same)) return false;
  const auto behind = text.substr(keyword.size());
  const auto rest = base::Trim(behind);
  if (rest.size() == behind.size()) return false;  // no space: a name that only starts like it
  text = rest;
  return true;
}

}  // namespace

std::optional<int> RequiredSynchronousStandbys(std::string_view synchronous_standby_names) {
  auto text = base::Trim(synchronous_standby_names);
  if (text.empty()) return 0;
  const bool keyword = SkipKeyword(text, "FIRST") || SkipKeyword(text, "ANY");
  const auto list = text.find('(');
  const bool within_quotes = text.substr(0, list).find('"') != std::string_view::npos;
  if (list == std::string_view::npos || within_quotes) {
    if (keyword) return std::nullopt;
    return 1;  // a plain list: the first of it
  }
  if (text.back() != ')') return std::nullopt;
  const auto number = base::ParseInteger<std::int32_t>(base::Trim(text.substr(0, list)));
  if (!number || *number < 1) return std::nullopt;
  return *number;
}

}  // namespace pgvigil::verdict
