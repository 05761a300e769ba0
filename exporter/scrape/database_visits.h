// Reads databases beyond the limit of held sessions in the background, one after another over one short session each,
// paced so that all of it together costs the server at most a hundredth of one core, and none oftener than every 10 s.
// The event loop's thread only.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "scrape/database_reader.h"

namespace pgvigil::scrape {

class DatabaseVisits {
 public:
  // `session` makes the options of a session on a database; `may_connect` says whether the limit of connections leaves
  // one; `request` says what to read there, with nothing to read skipping the visit; `done` takes what was read.
  struct Callbacks {
    std::function<postgres::SessionOptions(const std::string& database)> session;
    std::function<bool()> may_connect;
    std::function<ReadingRequest(const std::string& database)> request;
    std::function<void(const std::string& database, const Reading& reading)> done;
  };

  DatabaseVisits(postgres::Connector& connector, Callbacks callbacks);
  ~DatabaseVisits();
  DatabaseVisits(const DatabaseVisits&) = delete;
  DatabaseVisits& operator=(const DatabaseVisits&) = delete;

  // Which from now on; none stops after the visit that is going on.
  void SetDatabases(std::vector<std::string> databases);
  const std::vector<std::string>& databases() const { return databases_; }
  bool connected() const { return reader_ != nullptr; }

 private:
  void ScheduleNext(base::SteadyTime::duration pause);
  void VisitNext();

  postgres::Connector& connector_;
  const Callbacks callbacks_;
  std::vector<std::string> databases_;
  std::size_t next_ = 0;
  std::unique_ptr<DatabaseReader> reader_;
  postgres::TimerId timer_ = 0;
};

}  // namespace pgvigil::scrape
