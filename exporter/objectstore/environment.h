// The environment variables of a process, as a value that a test can make up.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace pgvigil::objectstore {

// A variable that is set and not empty, as the AWS SDKs take it. Called from any thread: a test's must bear that.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

// The process's own; nobody may change it while threads run.
Environment ProcessEnvironment();

}  // namespace pgvigil::objectstore
