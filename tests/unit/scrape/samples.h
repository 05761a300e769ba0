// A page's samples and families.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace pgvigil::scrape {

// The lines of one family, or of all.
inline std::string SamplesOf(std::string_view page, std::string_view family = {}) {
  std::string samples;
  for (std::size_t start = 0; start < page.size();) {
    const auto end = page.find('\n', start) + 1;
    const auto line = page.substr(start, end - start);
    const bool wanted = family.empty() || line.substr(0, line.find_first_of("{ ")) == family;
    if (line[0] != '#' && wanted) samples += line;
    start = end;
  }
  return samples;
}

inline std::set<std::string> FamiliesOf(std::string_view page) {
  constexpr std::string_view kType = "# TYPE ";
  std::set<std::string> names;
  for (auto at = page.find(kType); at != std::string_view::npos; at = page.find(kType, at + 1)) {
    const auto name = page.substr(at + kType.size());
    names.emplace(name.substr(0, name.find(' ')));
  }
  return names;
}

}  // namespace pgvigil::scrape
