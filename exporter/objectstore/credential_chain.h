// Which sources of credentials a store has, in the order of the AWS SDKs. Private to this module.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "objectstore/credentials.h"
#include "objectstore/s3.h"

namespace pgvigil::objectstore {

// The files of the options and nothing else; or, where there are none, environment, web identity, profile, container,
// instance.
std::vector<std::unique_ptr<CredentialSource>> CredentialSources(const S3Options& options, const Surroundings& around);

// AWS_REGION, AWS_DEFAULT_REGION, or the region of the profile.
std::optional<std::string> RegionFromSurroundings(const Environment& environment);

}  // namespace pgvigil::objectstore
