#include "scrape/families_scrape.h"

#include <array>

namespace pgvigil::scrape {
namespace {

using metrics::Descriptor;
using metrics::Scope;
using metrics::Type;

constexpr std::array<std::string_view, 2> kQueryLabels = {"query", "database"};
constexpr std::array<std::string_view, 3> kFailureLabels = {"query", "database", "reason"};
constexpr std::array<std::string_view, 1> kReasonLabel = {"reason"};

constexpr std::array kDescriptors = {
    Descriptor{
        "pg_up", Type::kGauge, Scope::kInstance, {}, "1 if the instance answered SQL during this scrape, 0 if not"},
    Descriptor{"pgvigil_query_success", Type::kGauge, Scope::kInstance, kQueryLabels,
               "1 if the query's last execution yielded a result, 0 if it failed; absent where it does not apply"},
    Descriptor{"pgvigil_query_duration_seconds", Type::kGauge, Scope::kInstance, kQueryLabels,
               "Time the query's last execution took, in seconds, as seen from here within its batch"},
    Descriptor{"pgvigil_query_rows", Type::kGauge, Scope::kInstance, kQueryLabels,
               "Rows the query's last execution returned"},
    Descriptor{"pgvigil_query_age_seconds", Type::kGauge, Scope::kInstance, kQueryLabels,
               "Age of what is served, in seconds, for queries that are not read with every scrape"},
    Descriptor{"pgvigil_query_failures_total", Type::kCounter, Scope::kInstance, kFailureLabels,
               "Failed executions of the query since the exporter started, by reason"},
    Descriptor{"pgvigil_samples_dropped_total", Type::kCounter, Scope::kExporter, kReasonLabel,
               "Samples or rows left out of pages: duplicate, value, series_limit, page_limit"},
    Descriptor{"pgvigil_scrapes_total", Type::kCounter, Scope::kExporter, {}, "Pages made"},
    Descriptor{"pgvigil_scrape_duration_seconds",
               Type::kGauge,
               Scope::kExporter,
               {},
               "Time the newest page before this one took, waiting for instances included, in seconds"},
    Descriptor{
        "pgvigil_scrape_series", Type::kGauge, Scope::kExporter, {}, "Series on the newest page before this one"},
    Descriptor{"pgvigil_loop_lag_seconds",
               Type::kGauge,
               Scope::kExporter,
               {},
               "Greatest lateness of the event loop since the page before this one, in seconds; above 0.25 a missed "
               "observation is no evidence"},
};

constexpr const Descriptor& kUp = kDescriptors[0];
constexpr const Descriptor& kSuccess = kDescriptors[1];
constexpr const Descriptor& kDuration = kDescriptors[2];
constexpr const Descriptor& kRows = kDescriptors[3];
constexpr const Descriptor& kAge = kDescriptors[4];
constexpr const Descriptor& kFailures = kDescriptors[5];
constexpr const Descriptor& kDropped = kDescriptors[6];
constexpr const Descriptor& kScrapes = kDescriptors[7];
constexpr const Descriptor& kScrapeDuration = kDescriptors[8];
constexpr const Descriptor& kScrapeSeries = kDescriptors[9];
constexpr const Descriptor& kLoopLag = kDescriptors[10];

constexpr std::array<std::string_view, 4> kDropReasons = {"duplicate", "value", "series_limit", "page_limit"};

}  // namespace

void AddRunFamilies(const RunResult& run, const std::string& identity, base::SteadyTime now,
                    metrics::Families& families) {
  families.Add(kUp, identity, {}, run.up ? 1 : 0);
  for (const auto& sample : run.queries) {
    const std::string_view id = sample.definition->id;
    families.Add(kSuccess, identity, {id, sample.database}, sample.success ? 1 : 0);
    if (sample.success) {
      families.Add(kDuration, identity, {id, sample.database}, base::Seconds(sample.duration));
      families.Add(kRows, identity, {id, sample.database}, static_cast<double>(sample.rows));
    }
    const bool may_be_old = sample.definition->every.count() > 0 || !sample.success || !sample.database.empty();
    if (sample.block && sample.read && may_be_old) {
      families.Add(kAge, identity, {id, sample.database}, base::Seconds(now - *sample.read));
    }
    for (const auto& [kind, count] : sample.failures) {
      families.Add(kFailures, identity, {id, sample.database, base::Name(kind)}, static_cast<double>(count));
    }
  }
}

void CountDropped(metrics::Self& self, DropReason reason, std::uint64_t samples) {
  if (samples > 0)
    self.Increment(kDropped, {kDropReasons[static_cast<std::size_t>(reason)]}, static_cast<double>(samples));
}

void InitialiseCounters(metrics::Self& self) {
  for (const auto reason : kDropReasons) self.Increment(kDropped, {reason}, 0);
  self.Increment(kScrapes, {}, 0);
}

void CountPage(metrics::Self& self, const PageFigures& figures) {
  self.Increment(kScrapes, {});
  self.Set(kScrapeDuration, {}, base::Seconds(figures.duration));
  self.Set(kScrapeSeries, {}, static_cast<double>(figures.series));
}

void ReportLoopLag(metrics::Self& self, base::SteadyTime::duration lag) { self.Set(kLoopLag, {}, base::Seconds(lag)); }

std::span<const metrics::Descriptor> ScrapeDescriptors() { return kDescriptors; }

}  // namespace pgvigil::scrape
