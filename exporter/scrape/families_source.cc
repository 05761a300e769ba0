#include "scrape/families_source.h"

#include <array>

namespace pgvigil::scrape {
namespace {

using metrics::Descriptor;
using metrics::Scope;
using metrics::Type;

constexpr std::array<std::string_view, 2> kSourceAndArchive = {"source", "archive"};

constexpr std::array kDescriptors = {
    Descriptor{"pgvigil_source_up", Type::kGauge, Scope::kInstance, kSourceAndArchive,
               "1 if the source answered when it was last asked, 0 if not; sql for each instance, objectstore and "
               "pgbackrest for each archive of a cluster"},
    Descriptor{"pgvigil_source_last_success_timestamp_seconds", Type::kGauge, Scope::kInstance, kSourceAndArchive,
               "When the source last answered, in Unix seconds"},
    Descriptor{"pgvigil_source_duration_seconds", Type::kGauge, Scope::kInstance, kSourceAndArchive,
               "Time the source's last answer took, in seconds"},
};

}  // namespace

void AddSourceFamilies(const cluster::SourceState& state, std::string_view identity, std::string_view source,
                       std::string_view archive, metrics::Families& families) {
  if (!state.up && !state.error) return;
  families.Add(kDescriptors[0], identity, {source, archive}, state.up ? 1 : 0);
  if (state.last_success)
    families.Add(kDescriptors[1], identity, {source, archive}, base::UnixSeconds(*state.last_success));
  if (state.duration) families.Add(kDescriptors[2], identity, {source, archive}, base::Seconds(*state.duration));
}

std::span<const Descriptor> SourceDescriptors() { return kDescriptors; }

}  // namespace pgvigil::scrape
