#include "config/schedules.h"

#include <map>
#include <optional>
#include <set>

#include "archive/open.h"
#include "base/clock.h"
#include "cluster/time_zone.h"

namespace pgvigil::config {
namespace {

using yaml::Section;

class ScheduleBuilder {
 public:
  ScheduleBuilder(const Section& map, std::string path, const std::vector<observe::ArchiveOptions>& archives,
                  base::Diagnostics& diagnostics)
      : map_(map), path_(std::move(path)), archives_(archives), diagnostics_(diagnostics) {}

  std::optional<cluster::Schedule> Read() {
    const auto match = map_.Member("match");
    CheckMethod(match);
    auto cron = ReadCron();
    if (!cron) return std::nullopt;
    cluster::Schedule schedule{map_.Text("name"), std::move(*cron), {}, {}, map_.Switch("suspend", false), {}};
    if (match.Has("method")) schedule.match_method = match.Text("method");
    if (match.Has("type")) schedule.match_type = match.Text("type");
    return schedule;
  }

 private:
  std::optional<cluster::Cron> ReadCron() {
    cluster::TimeZone zone;
    if (map_.Has("timezone")) {
      const auto found = cluster::TimeZone::Find(map_.Text("timezone"));
      if (found.ok()) zone = *found;
      if (!found.ok()) diagnostics_.Error(map_.PlaceOf("timezone"), path_ + ".timezone", found.error().message);
    }
    if (!map_.Has("cron")) return std::nullopt;
    auto cron = cluster::Cron::Parse(map_.Text("cron"), cluster::CronForm::kStatic, zone);
    if (!cron.ok()) {
      diagnostics_.Error(map_.PlaceOf("cron"), path_ + ".cron", cron.error().message);
      return std::nullopt;
    }
    for (const auto& doubt : cron->Doubts(base::SystemClock().Wall()))
      diagnostics_.Warning(map_.PlaceOf("cron"), path_ + ".cron", doubt);
    return std::move(cron).Take();
  }

  void CheckMethod(const Section& match) {
    if (!match.Has("method")) return;
    std::set<std::string_view> methods;
    for (const auto& archive : archives_) {
      for (const auto method : archive::Methods(archive.place)) methods.insert(cluster::Name(method));
    }
    if (methods.contains(match.Text("method"))) return;
    std::string names;
    for (const auto method : methods) names += (names.empty() ? "" : ", ") + std::string(method);
    diagnostics_.Error(map_.Member("match").PlaceOf("method"), path_ + ".match.method",
                       "no archive of the cluster holds such backups; they hold: " + names);
  }

  const Section& map_;
  const std::string path_;
  const std::vector<observe::ArchiveOptions>& archives_;
  base::Diagnostics& diagnostics_;
};

}  // namespace

std::vector<cluster::Schedule> SchedulesFrom(const Section& cluster, const std::string& path,
                                             const std::vector<observe::ArchiveOptions>& archives,
                                             base::Diagnostics& diagnostics) {
  std::vector<cluster::Schedule> schedules;
  const auto items = cluster.Items("schedules");
  if (!items.empty() && archives.empty()) {
    diagnostics.Error(cluster.PlaceOf("schedules"), path + ".schedules",
                      "the cluster has no archive in which their backups would be seen: name one under archive");
    return schedules;
  }
  std::map<std::string, std::string> names;
  for (const auto& [index, node] : items) {
    const auto own = path + ".schedules[" + std::to_string(index) + "]";
    const auto map = cluster.Of(*node);
    if (map.Has("name")) {
      const auto [first, is_new] = names.emplace(map.Text("name"), own);
      if (!is_new) diagnostics.Error(map.PlaceOf("name"), own + ".name", first->second + " has the same name");
    }
    if (auto schedule = ScheduleBuilder(map, own, archives, diagnostics).Read())
      schedules.push_back(std::move(*schedule));
  }
  return schedules;
}

}  // namespace pgvigil::config
