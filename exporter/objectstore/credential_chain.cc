#include "objectstore/credential_chain.h"

#include "objectstore/credential_endpoints.h"
#include "objectstore/profile.h"

namespace pgvigil::objectstore {

std::vector<std::unique_ptr<CredentialSource>> CredentialSources(const S3Options& options, const Surroundings& around) {
  std::vector<std::unique_ptr<CredentialSource>> sources;
  if (!options.credentials.empty()) {
    sources.push_back(FromFiles(options.credentials));
    return sources;
  }
  const EndpointAccess access{around.client, around.counts, around.clock, around.environment};
  sources.push_back(FromEnvironment(around.environment));
  sources.push_back(FromWebIdentity(access, options.region));
  sources.push_back(FromProfile(around.environment));
  sources.push_back(FromContainer(access));
  sources.push_back(FromInstance(access));
  return sources;
}

std::optional<std::string> RegionFromSurroundings(const Environment& environment) {
  if (auto region = environment("AWS_REGION")) return region;
  if (auto region = environment("AWS_DEFAULT_REGION")) return region;
  const auto profile = ReadProfile(environment);
  if (!profile.ok()) return std::nullopt;  // whoever needs its keys will say so
  const auto found = profile->find("region");
  return found == profile->end() ? std::nullopt : std::optional(found->second);
}

}  // namespace pgvigil::objectstore
