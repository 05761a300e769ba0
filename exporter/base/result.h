// A value, or the reason why there is none. Expected failures travel as values; exceptions stop at the file that
// wraps the library which throws them.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace pgvigil::base {

// A closed set, and the only source of `reason` labels: a new kind is a change of the metric contract.
enum class ErrorKind {
  kTimeout,
  kRefused,
  kAuth,
  kPermission,
  kNotFound,
  kMalformed,
  kLimit,
  kUnsupported,
  kCancelled,
  kUnavailable,
  kInternal,
};

// The label value: "timeout", "not_found", ...
std::string_view Name(ErrorKind kind);

struct Error {
  ErrorKind kind;
  std::string message;  // what was expected and what was found, for a person
  std::string subject;  // what it is about: host:port, file:line:column, object key
  std::string code;     // SQLSTATE, HTTP status or errno; empty where there is none
};

// Holds exactly one of the two. Reading the absent one is a programming mistake and throws std::bad_variant_access.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}
  Result(Error error) : state_(std::move(error)) {}

  bool ok() const { return std::holds_alternative<T>(state_); }

  const T& operator*() const& { return std::get<T>(state_); }
  T&& operator*() && { return std::get<T>(std::move(state_)); }
  const T* operator->() const { return &std::get<T>(state_); }

  // For what cannot be copied.
  T Take() && { return std::get<T>(std::move(state_)); }

  const Error& error() const { return std::get<Error>(state_); }

 private:
  std::variant<T, Error> state_;
};

// For what either happens or fails.
struct Done {};
using Status = Result<Done>;

}  // namespace pgvigil::base
