// Times, zones and expressions as tests write them.
#pragma once

#include <gtest/gtest.h>
#include <time.h>

#include <string>

#include "base/text.h"
#include "cluster/schedule.h"

namespace pgvigil::cluster {

// "2026-03-29 01:30:00", UTC.
inline base::WallTime At(const std::string& text) {
  tm parts{};
  const char* end = strptime(text.c_str(), "%Y-%m-%d %H:%M:%S", &parts);
  EXPECT_TRUE(end != nullptr && *end == 0) << text;
  return base::WallTime(std::chrono::seconds(timegm(&parts)));
}

inline std::string Written(base::WallTime time) {
  const time_t whole = std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
  tm parts{};
  gmtime_r(&whole, &parts);
  char text[32];
  strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
  return text;
}

inline TimeZone Zone(const char* name) {
  const auto zone = TimeZone::Find(name);
  EXPECT_TRUE(zone.ok()) << name;
  return *zone;
}

inline Cron Parsed(const std::string& text, CronForm form, const TimeZone& zone = {}) {
  const auto cron = Cron::Parse(text, form, zone);
  EXPECT_TRUE(cron.ok()) << text << ": " << (cron.ok() ? "" : cron.error().message);
  return *cron;
}

}  // namespace pgvigil::cluster
