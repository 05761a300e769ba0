// A time zone of the system's database (tzdata). The library `date` stays behind it: libstdc++ has zones of its own
// only from GCC 14 on. Immutable, cheap to copy, usable from every thread.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"

namespace date {
class time_zone;
}

namespace pgvigil::cluster {

class TimeZone {
 public:
  TimeZone() = default;  // UTC, which needs no database

  // "Europe/Berlin". The name is looked up among those of the database and is never taken for a path; the first look-up
  // reads their list from disk. kNotFound for a name it does not have, kUnavailable where there is no database.
  static base::Result<TimeZone> Find(std::string_view name);

  std::string Name() const;

  // From `begin` up to, not including, `end` local time is UTC + offset. A change of the offset begins the next span.
  // The database's files say how clocks are set up to 2037; from then on the offset stays what it was.
  struct Span {
    std::chrono::sys_seconds begin;
    std::chrono::sys_seconds end;
    std::chrono::seconds offset;
  };
  Span At(std::chrono::sys_seconds time) const;

 private:
  const date::time_zone* zone_ = nullptr;  // of the database, which lives as long as the process; null: UTC
};

}  // namespace pgvigil::cluster
