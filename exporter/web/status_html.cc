#include "web/status_html.h"

#include "web/words.h"

namespace pgvigil::web {
namespace {

// The classes of the landing page; a sign beside the colour for those who do not see it.
std::string_view ClassOf(Standing standing) {
  switch (standing) {
    case Standing::kFine: return "good";
    case Standing::kBroken: return "bad";
    case Standing::kUnknown: return "dim";
    default: return "note";
  }
}

std::string StatementHtml(const Statement& statement) {
  std::string html =
      "<li class=\"" + std::string(ClassOf(statement.standing)) + "\"><span>" + Escaped(statement.text) + "</span>";
  if (!statement.next.empty()) html += "<span class=\"todo\">→ " + Escaped(statement.next) + "</span>";
  if (!statement.details.empty()) {
    html += "<ul class=\"lines\">";
    for (const auto& line : statement.details) html += "<li>" + Escaped(line) + "</li>";
    html += "</ul>";
  }
  return html + "</li>\n";
}

std::string EvidenceHtml(const std::vector<Evidence>& evidence) {
  std::string text;
  for (const auto& source : evidence) {
    text += text.empty() ? "Read: " : "; ";
    text += source.source + " of " + source.name;
    text += source.age_seconds ? " " + SpokenSeconds(*source.age_seconds) + " ago" : " never";
  }
  return text.empty() ? text : "<p class=\"todo\">" + Escaped(text) + ".</p>\n";
}

}  // namespace

std::string AnswersHtml(const std::array<Answer, 4>& answers) {
  std::string html;
  for (const auto& answer : answers) {
    html += "<h3>" + Escaped(answer.asks) + "</h3>\n<ul class=\"says\">\n";
    for (const auto& statement : answer.says) html += StatementHtml(statement);
    html += "</ul>\n" + EvidenceHtml(answer.evidence);
  }
  return html;
}

std::string StandingHtml(Standing standing) {
  return "<span class=\"" + std::string(ClassOf(standing)) + "\">" +
         (standing == Standing::kUnknown ? "not known in full" : std::string(Name(standing))) + "</span>";
}

}  // namespace pgvigil::web
