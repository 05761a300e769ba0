// All definitions of one configuration. Immutable after loading, shared by runs in flight and the ones that follow.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/diagnostics.h"
#include "query/definition.h"

namespace pgvigil::query {

// A query that is off by default and wanted, with where that is said.
struct Wanted {
  std::string name;
  base::Place place = {};
  std::string path = {};  // queries[0].enable[1]
};

// One entry of `queries:` in the configuration.
struct FileSet {
  std::string files;   // a glob or a path
  std::string prefix;  // before every metric name of these files, with "_" between; may be empty
  std::vector<Wanted> enable = {};
  base::Place place = {};  // where the files are named
  std::string path = {};   // queries[0].files
};

struct Options {
  std::vector<FileSet> file_sets;
  bool enable_all = false;  // every query with `enabled: false`, for references and checks
  std::size_t series_per_query = 2000;
};

class Catalog {
 public:
  // Loads what can be loaded: one malformed query is rejected by name with file:line and the reason, and the rest
  // loads. Diagnostics hold every problem; the caller decides whether errors refuse the whole (a reload does).
  static std::shared_ptr<const Catalog> Load(const Options& options, base::Diagnostics& diagnostics);

  // Enabled ones, in the order of files and keys.
  const std::vector<DefinitionPtr>& definitions() const { return definitions_; }
  // Whether every file was there and is YAML: what is missing then are single queries, which were malformed.
  bool AllFilesRead() const { return all_files_read_; }

 private:
  std::vector<DefinitionPtr> definitions_;
  bool all_files_read_ = true;
};

}  // namespace pgvigil::query
