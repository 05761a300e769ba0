#include "query/sql_text.h"

#include "base/text.h"

namespace pgvigil::query {
namespace {

constexpr auto kEnd = std::string_view::npos;

std::size_t BehindBlockComment(std::string_view sql, std::size_t at) {
  int depth = 1;  // they nest
  for (at += 2; depth > 0; at += 2) {
    at = sql.find_first_of("/*", at);
    if (at == kEnd || at + 1 >= sql.size()) return sql.size();
    if (sql.substr(at, 2) == "/*") {
      ++depth;
    } else if (sql.substr(at, 2) == "*/") {
      --depth;
    } else {
      --at;  // one character on, not two
    }
  }
  return at;
}

// Behind the closing quote. In E'...' a backslash takes the next character with it.
std::size_t BehindQuoted(std::string_view sql, std::size_t at, char quote) {
  const bool escapes = quote == '\'' && at > 0 && (sql[at - 1] == 'e' || sql[at - 1] == 'E');
  for (++at; at < sql.size(); ++at) {
    if (escapes && sql[at] == '\\') {
      ++at;
    } else if (sql[at] == quote) {
      return at + 1;  // a doubled quote starts the next piece, which is quoted as well
    }
  }
  return sql.size();
}

// Behind $tag$...$tag$, or behind the single '$' if none starts here.
std::size_t BehindDollarQuoted(std::string_view sql, std::size_t at) {
  const auto tag_end = sql.find('$', at + 1);
  if (tag_end == kEnd) return at + 1;
  const auto tag = sql.substr(at, tag_end - at + 1);
  constexpr std::string_view kTagCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
  const auto inner = tag.substr(1, tag.size() - 2);
  const bool starts_with_digit = !inner.empty() && inner.front() >= '0' && inner.front() <= '9';
  if (inner.find_first_not_of(kTagCharacters) != kEnd || starts_with_digit) return at + 1;
  const auto close = sql.find(tag, tag_end + 1);
  return close == kEnd ? sql.size() : close + tag.size();
}

// Behind what starts at `at` and holds no statement's end.
std::size_t BehindPiece(std::string_view sql, std::size_t at) {
  if (sql[at] == '\'' || sql[at] == '"') return BehindQuoted(sql, at, sql[at]);
  if (sql[at] == '$') return BehindDollarQuoted(sql, at);
  if (sql.substr(at, 2) == "/*") return BehindBlockComment(sql, at);
  if (sql.substr(at, 2) == "--") {
    const auto line_end = sql.find('\n', at);
    return line_end == kEnd ? sql.size() : line_end + 1;
  }
  return at + 1;
}

bool IsSpaceOrComments(std::string_view sql) {
  for (std::size_t at = 0; at < sql.size();) {
    const bool comment = sql.substr(at, 2) == "/*" || sql.substr(at, 2) == "--";
    if (!comment && !base::Trim(sql.substr(at, 1)).empty()) return false;
    at = BehindPiece(sql, at);
  }
  return true;
}

}  // namespace

std::string OneStatement(std::string_view sql) {
  sql = base::Trim(sql);
  while (sql.ends_with(';')) sql = base::Trim(sql.substr(0, sql.size() - 1));
  return std::string(sql);
}

std::string FirstWord(std::string_view sql) {
  std::size_t at = 0;
  while (at < sql.size()) {
    const bool comment = sql.substr(at, 2) == "/*" || sql.substr(at, 2) == "--";
    if (!comment && sql[at] != '(' && !base::Trim(sql.substr(at, 1)).empty()) break;
    at = BehindPiece(sql, at);
  }
  std::string word;
  for (; at < sql.size(); ++at) {
    const char lower = static_cast<char>(sql[at] | 0x20);
    if (lower < 'a' || lower > 'z') break;
    word += static_cast<char>(lower - 'a' + 'A');
  }
  return word;
}

bool HasSeveralStatements(std::string_view sql) {
  for (std::size_t at = 0; at < sql.size(); at = BehindPiece(sql, at)) {
    if (sql[at] == ';') return !IsSpaceOrComments(sql.substr(at + 1));
  }
  return false;
}

}  // namespace pgvigil::query
