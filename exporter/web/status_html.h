// The answers as a piece of the landing page. Pure.
#pragma once

#include <array>
#include <string>

#include "web/status.h"

namespace pgvigil::web {

// A heading for each question, a list of what is said, a line on what was read when. Everything escaped.
std::string AnswersHtml(const std::array<Answer, 4>& answers);

// "fine", "not known", "broken" with the class that colours it.
std::string StandingHtml(Standing standing);

}  // namespace pgvigil::web
