#include "base/diagnostics.h"

#include <algorithm>
#include <utility>

namespace pgvigil::base {

std::string Format(const Diagnostic& diagnostic) {
  std::string text = diagnostic.place.file;
  if (diagnostic.place.line > 0) text += ":" + std::to_string(diagnostic.place.line);
  if (diagnostic.place.column > 0) text += ":" + std::to_string(diagnostic.place.column);
  if (!text.empty()) text += ": ";
  if (diagnostic.severity == Severity::kWarning) text += "warning: ";
  if (!diagnostic.path.empty()) text += diagnostic.path + ": ";
  return text + diagnostic.message;
}

void Diagnostics::Error(Place place, std::string_view path, std::string message) {
  entries_.push_back({Severity::kError, std::move(place), std::string(path), std::move(message)});
  ++errors_;
}

void Diagnostics::Warning(Place place, std::string_view path, std::string message) {
  entries_.push_back({Severity::kWarning, std::move(place), std::string(path), std::move(message)});
}

void Diagnostics::Append(const Diagnostics& others) {
  entries_.insert(entries_.end(), others.entries_.begin(), others.entries_.end());
  errors_ += others.errors_;
}

void Diagnostics::SortByPlace() {
  std::stable_sort(entries_.begin(), entries_.end(), [](const auto& a, const auto& b) {
    return std::pair(a.place.line, a.place.column) < std::pair(b.place.line, b.place.column);
  });
}

std::string Diagnostics::Format() const {
  std::string text;
  for (const auto& entry : entries_) text += base::Format(entry) + "\n";
  return text;
}

}  // namespace pgvigil::base
