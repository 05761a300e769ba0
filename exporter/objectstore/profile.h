// The profile that the environment chooses, out of both shared files. Private to this module.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "objectstore/credentials.h"
#include "objectstore/environment.h"
#include "objectstore/shared_config.h"

namespace pgvigil::objectstore {

// AWS_PROFILE (default "default") of AWS_SHARED_CREDENTIALS_FILE (~/.aws/credentials) and AWS_CONFIG_FILE
// (~/.aws/config); where both set something, the credentials file counts. Empty where there are no files, and no
// AWS_PROFILE that asks for one.
base::Result<Settings> ReadProfile(const Environment& environment);

// Its keys. A profile that gets them in another way (source_profile, sso, credential_process) is `unsupported`.
std::unique_ptr<CredentialSource> FromProfile(Environment environment);

}  // namespace pgvigil::objectstore
