// Everything a loader found wrong, not only the first thing: a person mends a file once.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pgvigil::base {

enum class Severity { kError, kWarning };

// Where something stands. Line and column count from 1; 0 where they are not known.
struct Place {
  std::string file;
  int line = 0;
  int column = 0;
};

struct Diagnostic {
  Severity severity = Severity::kError;
  Place place;
  std::string path;     // clusters[2].instances[0].dsn; empty where there is no key
  std::string message;  // what was expected, what was found, what to do
};

// "pgvigil.yaml:12:5: clusters[2].instances[0].dsn: expected ...", with "warning: " before a warning's message.
std::string Format(const Diagnostic& diagnostic);

// Not thread-safe: belongs to one load.
class Diagnostics {
 public:
  void Error(Place place, std::string_view path, std::string message);
  void Warning(Place place, std::string_view path, std::string message);
  void Append(const Diagnostics& others);
  // Of one file: what was found in several turns comes in the order of the file.
  void SortByPlace();

  bool HasErrors() const { return errors_ > 0; }
  bool empty() const { return entries_.empty(); }
  const std::vector<Diagnostic>& entries() const { return entries_; }

  // One line an entry, in the order of files as they were read and of places in each.
  std::string Format() const;

 private:
  std::vector<Diagnostic> entries_;
  int errors_ = 0;
};

}  // namespace pgvigil::base
