// All definitions of one configuration. Immutable after loading, shared by runs in flight and the ones that follow.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/diagnostics.h"
#include "query/definition.h"

namespace pgvigil::query {

// One entry of `queries:` in the configuration.
struct FileSet {
  std::string files;   // a glob or a path
  std::string prefix;  // before every metric name of these files, with "_" between; may be empty
};

struct Options {
  std::vector<FileSet> file_sets;
  std::vector<std::string> enable;  // ids of queries with `enabled: false` that are wanted
  bool enable_all = false;          // every query with `enabled: false`, for references
  std::size_t series_per_query = 2000;
};

class Catalog {
 public:
  // Loads what can be loaded: one malformed query is rejected by name with file:line and the reason, and the rest
  // loads. Diagnostics hold every problem; the caller decides whether errors refuse the whole (a reload does).
  static std::shared_ptr<const Catalog> Load(const Options& options, base::Diagnostics& diagnostics);

  // Enabled ones, in the order of files and keys.
  const std::vector<DefinitionPtr>& definitions() const { return definitions_; }

 private:
  std::vector<DefinitionPtr> definitions_;
};

}  // namespace pgvigil::query
