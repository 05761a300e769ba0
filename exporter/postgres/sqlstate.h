// SQLSTATE to kind of error. Source: PostgreSQL manual, appendix "PostgreSQL Error Codes". Pure.
#pragma once

#include <string_view>

#include "base/result.h"

namespace pgvigil::postgres {

base::ErrorKind KindOf(std::string_view sqlstate);

// What it means for somebody who cannot log in, in place of the server's words (which libpq withholds when it is asked
// for the code). Empty for codes that say nothing about logins.
std::string_view LoginProblem(std::string_view sqlstate);

}  // namespace pgvigil::postgres
