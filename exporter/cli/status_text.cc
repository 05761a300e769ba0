#include "cli/status_text.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/text.h"
#include "cli/words.h"
#include "web/words.h"

namespace pgvigil::cli {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kWidth = 110;
constexpr std::string_view kIndent = "           ";  // below the words of a statement

// A member that must be there and of that kind; wrong ones are told by the exception of the library.
const Json& Member(const Json& json, const char* key) { return json.at(key); }

std::string Text(const Json& json, const char* key) { return Printable(Member(json, key).get<std::string>()); }
std::string TextOr(const Json& json, const char* key, const std::string& otherwise) {
  return json.contains(key) ? Text(json, key) : otherwise;
}

class Renderer {
 public:
  explicit Renderer(bool colour) : colour_(colour) {}

  std::string Render(const Json& status) {
    const auto& clusters = Member(status, "clusters");
    if (clusters.empty()) text_ += "No cluster is configured.\n";
    for (const auto& cluster : clusters) Cluster(cluster);
    text_ += "pgvigil " + Text(status, "version") + ", " + Text(status, "at") + "\n";
    return std::move(text_);
  }

 private:
  std::string Coloured(std::string_view text, const char* code) const {
    return colour_ ? "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m" : std::string(text);
  }

  // The standing in a column of its own.
  std::string Mark(const std::string& standing) const {
    const auto padded = [](std::string_view word) { return std::string(word) + std::string(9 - word.size(), ' '); };
    if (standing == "fine") return Coloured(padded("ok"), "32");
    if (standing == "broken") return Coloured(padded("BROKEN"), "1;31");
    if (standing == "unknown") return Coloured(padded("UNKNOWN"), "1;33");
    return padded("");
  }

  void Cluster(const Json& cluster) {
    const auto space = TextOr(cluster, "namespace", "");
    const auto standing = Text(cluster, "standing");
    const char* code = standing == "fine" ? "1;32" : standing == "broken" ? "1;31" : "1;33";
    text_ += Coloured((space.empty() ? "" : space + "/") + Text(cluster, "cluster") + ": " +
                          (standing == "unknown" ? "not known in full" : standing),
                      code) +
             "\n\n";
    for (const auto& answer : Member(cluster, "answers")) {
      text_ += Coloured(Text(answer, "asks"), "1") + "\n";
      for (const auto& statement : Member(answer, "says")) Say(statement);
      Evidence(Member(answer, "evidence"));
      text_ += "\n";
    }
    Instances(Member(cluster, "instances"));
  }

  // Broken between words; the first line follows what stands there already.
  void Wrapped(const std::string& words) {
    std::size_t column = kIndent.size();
    bool first = true;
    for (const auto word : base::Split(words, ' ')) {
      if (word.empty()) continue;
      if (!first && column + 1 + word.size() > kWidth) {
        text_ += "\n" + std::string(kIndent);
        column = kIndent.size();
        first = true;
      }
      text_ += (first ? "" : " ") + std::string(word);
      column += word.size() + (first ? 0 : 1);
      first = false;
    }
    text_ += "\n";
  }

  void Say(const Json& statement) {
    text_ += "  " + Mark(Text(statement, "standing"));
    Wrapped(Text(statement, "text"));
    if (statement.contains("next")) {
      text_ += kIndent;
      Wrapped("-> " + Text(statement, "next"));
    }
    if (!statement.contains("details")) return;
    for (const auto& line : Member(statement, "details"))
      text_ += std::string(kIndent) + "- " + Printable(line.get<std::string>()) + "\n";
  }

  void Evidence(const Json& evidence) {
    std::string line;
    for (const auto& source : evidence) {
      line += line.empty() ? "read: " : "; ";
      line += Text(source, "source") + " of " + Text(source, "name");
      line += source.contains("age_seconds")
                  ? " " + web::SpokenSeconds(Member(source, "age_seconds").get<double>()) + " ago"
                  : " never";
    }
    if (line.empty()) return;
    text_ += kIndent;
    Wrapped(line);
  }

  static std::string Behind(const Json& instance) {
    if (!instance.contains("replayed")) return "-";
    const auto& lag = Member(instance, "replayed");
    return web::SpokenBytes(Member(lag, "bytes").get<double>()) + ", " +
           web::SpokenSeconds(Member(lag, "seconds").get<double>());
  }

  void Instances(const Json& instances) {
    using Row = std::array<std::string, 5>;
    std::vector<Row> rows = {{"instance", "role", "timeline", "replication", "replay behind"}};
    for (const auto& instance : instances) {
      const bool answers = Member(instance, "answering").get<bool>();
      rows.push_back(
          {Text(instance, "name"), answers ? TextOr(instance, "role", "-") : "does not answer",
           instance.contains("timeline") ? std::to_string(Member(instance, "timeline").get<std::uint32_t>()) : "-",
           TextOr(instance, "replication", "-"), Behind(instance)});
    }
    Row::size_type column = 0;
    std::array<std::size_t, 5> widths{};
    for (const auto& row : rows) {
      for (column = 0; column < row.size(); ++column) widths[column] = std::max(widths[column], row[column].size());
    }
    for (const auto& row : rows) {
      std::string line;
      for (column = 0; column < row.size(); ++column)
        line += "  " + row[column] + std::string(widths[column] - row[column].size(), ' ');
      line.erase(line.find_last_not_of(' ') + 1);
      text_ += line + "\n";
    }
    text_ += "\n";
  }

  const bool colour_;
  std::string text_;
};

}  // namespace

std::optional<StatusText> RenderStatus(std::string_view json, bool colour) {
  const auto status = Json::parse(json, nullptr, false);
  if (status.is_discarded()) return std::nullopt;
  try {
    return StatusText{Renderer(colour).Render(status), Text(status, "standing")};
  } catch (const Json::exception&) {
    return std::nullopt;  // JSON of somebody else
  }
}

}  // namespace pgvigil::cli
