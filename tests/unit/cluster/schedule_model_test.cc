// Cron against a model too simple to be wrong: it asks of every second, or minute, whether each field matches the local
// time that the C library makes of it.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <time.h>

#include <random>
#include <set>

#include "cluster/schedule.h"
#include "unit/cluster/cron_scene.h"

namespace pgvigil::cluster {
namespace {

using std::chrono::days;
using std::chrono::minutes;
using std::chrono::seconds;

struct RandomField {
  std::string text;
  std::set<unsigned> values;
  bool star = false;
};

class Model {
 public:
  explicit Model(std::uint32_t seed) : random_(seed) {}

  // Draws a new expression of six fields; with `whole_minutes` it fires at second 0.
  std::string Draw(bool whole_minutes) {
    constexpr unsigned kEnds[6][2] = {{0, 59}, {0, 59}, {0, 23}, {1, 31}, {1, 12}, {0, 6}};
    std::string text;
    for (std::size_t i = 0; i < 6; ++i) {
      fields_[i] = i == 0 && whole_minutes ? RandomField{"0", {0}, false} : Field(kEnds[i][0], kEnds[i][1]);
      text += (i == 0 ? "" : " ") + fields_[i].text;
    }
    return text;
  }

  bool Fires(time_t time) const {
    tm local{};
    localtime_r(&time, &local);
    const auto has = [this](std::size_t field, int value) {
      return fields_[field].values.contains(static_cast<unsigned>(value));
    };
    if (!has(0, local.tm_sec) || !has(1, local.tm_min) || !has(2, local.tm_hour) || !has(4, local.tm_mon + 1))
      return false;
    const bool of_month = has(3, local.tm_mday);
    const bool of_week = has(5, local.tm_wday);
    return fields_[3].star || fields_[5].star ? of_month && of_week : of_month || of_week;
  }

 private:
  unsigned Pick(unsigned low, unsigned high) { return std::uniform_int_distribution<unsigned>(low, high)(random_); }

  RandomField Field(unsigned low, unsigned high) {
    RandomField field;
    const auto items = Pick(0, 3) == 0 ? 2U : 1U;
    for (unsigned i = 0; i < items; ++i) {
      field.text += i == 0 ? "" : ",";
      Item(low, high, field);
    }
    return field;
  }

  void Item(unsigned low, unsigned high, RandomField& field) {
    unsigned first = low, last = high, step = 1;
    switch (Pick(0, 5)) {
      case 0:
      case 1:
        field.text += Pick(0, 3) == 0 ? "?" : "*";
        field.star = true;
        break;
      case 2:
        step = Pick(1, high);
        field.text += "*/" + std::to_string(step);
        field.star = true;
        break;
      case 3:
        first = last = Pick(low, high);
        field.text += std::to_string(first);
        break;
      case 4:
        first = Pick(low, high);
        step = Pick(1, 9);
        field.text += std::to_string(first) + "/" + std::to_string(step);
        break;
      default:
        first = Pick(low, high);
        last = Pick(first, high);
        step = Pick(1, 4);
        field.text += std::to_string(first) + "-" + std::to_string(last) + "/" + std::to_string(step);
    }
    for (unsigned value = first; value <= last; value += step) field.values.insert(value);
  }

  std::mt19937 random_;
  RandomField fields_[6];
};

// The C library's zone, for as long as it lives.
class LocalTime {
 public:
  explicit LocalTime(const char* zone) {
    setenv("TZ", zone, 1);
    tzset();
  }
  ~LocalTime() {
    unsetenv("TZ");
    tzset();
  }
  LocalTime(const LocalTime&) = delete;
  LocalTime& operator=(const LocalTime&) = delete;
};

// Asks from `start` on, `step` by `step`, over `span`, and expects exactly the fires that Next gives.
void ExpectSame(const Model& model, const Cron& cron, base::WallTime start, seconds span, seconds step) {
  const LocalTime local(cron.zone().Name().c_str());
  auto next = cron.Next(start - seconds(1));
  for (auto time = start; time < start + span; time += step) {
    const bool fires = model.Fires(std::chrono::floor<seconds>(time.time_since_epoch()).count());
    ASSERT_EQ(fires, next == time) << cron.text() << " at " << Written(time) << " in " << cron.zone().Name();
    if (fires) next = cron.Next(time);
  }
}

TEST(CronModelTest, EverySecondOfDaysOnWhichClocksAreSet) {
  Model model(1);
  const auto zone = Zone("Europe/Berlin");
  for (int i = 0; i < 16; ++i) {
    const auto cron = Parsed(model.Draw(false), CronForm::kCloudNativePg, zone);
    ExpectSame(model, cron, At(i % 2 == 0 ? "2026-03-28 23:00:00" : "2026-10-24 23:00:00"), days(1), seconds(1));
    if (HasFatalFailure()) return;
  }
}

TEST(CronModelTest, EveryMinuteOfMonthsInZonesOfAllKinds) {
  Model model(2);
  const char* zones[] = {
      "UTC", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Asia/Kathmandu", "Africa/Casablanca"};
  for (int i = 0; i < 24; ++i) {
    const auto cron = Parsed(model.Draw(true), CronForm::kCloudNativePg, Zone(zones[i % 6]));
    ExpectSame(model, cron, At("2027-12-30 00:00:00") + days(i * 4), days(70), minutes(1));
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace pgvigil::cluster
