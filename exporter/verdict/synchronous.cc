#include "verdict/synchronous.h"

#include <algorithm>

#include "base/text.h"

namespace pgvigil::verdict {
namespace {

// Removes `keyword`, in upper case here and in any there, and the space behind it from the start.
bool SkipKeyword(std::string_view& text, std::string_view keyword) {
  constexpr std::string_view kSpace = " \t\n\r\f\v";  // as PostgreSQL's scanner of this setting has it
  const auto same = [](char upper, char any) { return upper == (any >= 'a' && any <= 'z' ? any - 'a' + 'A' : any); };
  if (text.size() <= keyword.size()) return false;
  if (!std::equal(keyword.begin(), keyword.end(), text.begin(), same)) return false;
  if (kSpace.find(text[keyword.size()]) == std::string_view::npos) return false;
  text = base::Trim(text.substr(keyword.size()));
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
