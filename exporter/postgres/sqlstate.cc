#include "postgres/sqlstate.h"

#include <array>
#include <utility>

namespace pgvigil::postgres {
namespace {

using base::ErrorKind;

struct Meaning {
  std::string_view prefix;  // a class of two characters or a whole code
  ErrorKind kind;
};

// The first that fits.
constexpr std::array kMeanings = {
    Meaning{"57014", ErrorKind::kTimeout},      // query_canceled: statement_timeout; nobody else cancels ours
    Meaning{"55P03", ErrorKind::kTimeout},      // lock_not_available: lock_timeout
    Meaning{"25P03", ErrorKind::kTimeout},      // idle in transaction
    Meaning{"57P05", ErrorKind::kTimeout},      // idle session
    Meaning{"42501", ErrorKind::kPermission},   // insufficient_privilege
    Meaning{"28", ErrorKind::kAuth},            // invalid authorization
    Meaning{"3D000", ErrorKind::kNotFound},     // no such database
    Meaning{"3F000", ErrorKind::kNotFound},     // no such schema
    Meaning{"42P01", ErrorKind::kNotFound},     // undefined table
    Meaning{"42703", ErrorKind::kNotFound},     // undefined column
    Meaning{"42704", ErrorKind::kNotFound},     // undefined object, unknown setting
    Meaning{"42883", ErrorKind::kNotFound},     // undefined function
    Meaning{"42", ErrorKind::kMalformed},       // other syntax and access rules
    Meaning{"22", ErrorKind::kMalformed},       // data exception
    Meaning{"21", ErrorKind::kMalformed},       // more than one row from a subquery
    Meaning{"0A000", ErrorKind::kUnsupported},  // feature_not_supported
    Meaning{"53", ErrorKind::kLimit},           // too many connections, out of memory, disk full
    Meaning{"54", ErrorKind::kLimit},           // program limit exceeded
    Meaning{"57P", ErrorKind::kUnavailable},    // shutting down, crashed, starting up, database dropped
    Meaning{"08", ErrorKind::kUnavailable},     // connection exception
    Meaning{"58", ErrorKind::kUnavailable},     // system error, such as a file that cannot be read
    Meaning{"40", ErrorKind::kCancelled},       // rolled back: conflict with recovery, deadlock, serialization
};

constexpr std::array kLoginProblems = {
    std::pair<std::string_view, std::string_view>{"28P01", "the server refused the password"},
    std::pair<std::string_view, std::string_view>{"28000",
                                                  "the server refused the login: check the role and pg_hba.conf"},
    std::pair<std::string_view, std::string_view>{"3D000", "the database does not exist"},
    std::pair<std::string_view, std::string_view>{"42501", "the role may not connect to the database"},
    std::pair<std::string_view, std::string_view>{"42704", "the server does not know a parameter in options"},
    std::pair<std::string_view, std::string_view>{
        "53300", "the server has no connection slot left, or the role's limit is reached"},
    std::pair<std::string_view, std::string_view>{"55000", "the database does not accept connections"},
    std::pair<std::string_view, std::string_view>{
        "57P03", "the server does not accept connections now: it starts up, shuts down or recovers"},
    std::pair<std::string_view, std::string_view>{"08P01",
                                                  "the server or a pooler before it refused a startup parameter"},
};

}  // namespace

ErrorKind KindOf(std::string_view sqlstate) {
  for (const auto& meaning : kMeanings) {
    if (sqlstate.starts_with(meaning.prefix)) return meaning.kind;
  }
  return ErrorKind::kInternal;
}

std::string_view LoginProblem(std::string_view sqlstate) {
  for (const auto& [code, text] : kLoginProblems) {
    if (code == sqlstate) return text;
  }
  return {};
}

}  // namespace pgvigil::postgres
