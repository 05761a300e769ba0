#include "cluster/time_zone.h"

#include <date/tz.h>

#include <algorithm>
#include <exception>

namespace pgvigil::cluster {
namespace {

using std::chrono::seconds;
using std::chrono::sys_days;
using std::chrono::sys_seconds;

// Ends that an offset can be added to: those of the library are the ends of its integers.
constexpr sys_seconds kFirst = sys_days(std::chrono::year(-9999) / 1 / 1);
constexpr sys_seconds kLast = sys_days(std::chrono::year(19999) / 1 / 1);

}  // namespace

base::Result<TimeZone> TimeZone::Find(std::string_view name) {
  TimeZone found;
  if (name == "UTC") return found;
  const std::string text(name);
  try {
    (void)date::get_tzdb();
  } catch (const std::exception& problem) {
    return base::Error{base::ErrorKind::kUnavailable, std::string("no time zones here: ") + problem.what(), text, ""};
  }
  try {
    found.zone_ = date::locate_zone(text);
    (void)found.zone_->get_info(sys_seconds());  // reads its file, here rather than in At
  } catch (const std::exception&) {
    return base::Error{base::ErrorKind::kNotFound, "expected a time zone such as Europe/Berlin, found \"" + text + "\"",
                       text, ""};
  }
  return found;
}

std::string TimeZone::Name() const { return zone_ ? zone_->name() : "UTC"; }

TimeZone::Span TimeZone::At(sys_seconds time) const {
  if (!zone_) return {kFirst, kLast, seconds(0)};
  const auto info = zone_->get_info(time);
  return {std::max(info.begin, kFirst), std::min(info.end, kLast), info.offset};
}

}  // namespace pgvigil::cluster
