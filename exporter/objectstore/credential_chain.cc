#include "objectstore/credential_chain.h"

namespace pgvigil::objectstore {

std::vector<std::unique_ptr<CredentialSource>> CredentialSources(const S3Options& options, const Surroundings& around) {
  std::vector<std::unique_ptr<CredentialSource>> sources;
  if (!options.credentials.empty()) {
    sources.push_back(FromFiles(options.credentials));
    return sources;
  }
  sources.push_back(FromEnvironment(around.environment));
  return sources;
}

std::optional<std::string> RegionFromSurroundings(const Environment& environment) {
  if (auto region = environment("AWS_REGION")) return region;
  return environment("AWS_DEFAULT_REGION");
}

}  // namespace pgvigil::objectstore
