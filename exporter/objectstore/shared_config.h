// The files that the AWS command line and SDKs share: profiles of settings. Source: "Configuration and credential file
// settings in the AWS CLI". Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace pgvigil::objectstore {

using Settings = std::map<std::string, std::string>;  // names in lower case
using Profiles = std::map<std::string, Settings>;

// ~/.aws/credentials has sections [name], ~/.aws/config [default] and [profile name]; its other sections (sso-session,
// services) are skipped. Nested settings are skipped, too. Comments stand on lines of their own, or behind a space.
enum class SharedFile { kCredentials, kConfig };
base::Result<Profiles> ParseSharedFile(std::string_view text, SharedFile which);

}  // namespace pgvigil::objectstore
