// The little that must be known of SQL text before a server sees it. Pure.
// Source: PostgreSQL manual, "Lexical Structure": quoted text and identifiers, dollar quoting, nested comments.
#pragma once

#include <string>
#include <string_view>

namespace pgvigil::query {

// Without surrounding space and without the semicolon that ends it.
std::string OneStatement(std::string_view sql);

// The word a statement starts with, in upper case, behind space, comments and opening parentheses; empty without one.
std::string FirstWord(std::string_view sql);

// Whether a semicolon outside quotes and comments is followed by something.
bool HasSeveralStatements(std::string_view sql);

}  // namespace pgvigil::query
