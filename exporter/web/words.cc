#include "web/words.h"

#include <array>
#include <cstdio>

#include "base/text.h"

namespace pgvigil::web {
namespace {

std::string Spoken(double value, const char* format, std::string_view unit) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return std::string(text.data()) + " " + std::string(unit);
}

}  // namespace

std::string SpokenBytes(double bytes) {
  constexpr std::array<std::string_view, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  for (; bytes >= 1024 && unit + 1 < kUnits.size(); ++unit) bytes /= 1024;
  return Spoken(bytes, unit == 0 ? "%.0f" : "%.1f", kUnits[unit]);
}

std::string SpokenSeconds(double seconds) {
  if (seconds < 120) return Spoken(seconds, "%.1f", "s");
  if (seconds < 7200) return Spoken(seconds / 60, "%.0f", "min");
  if (seconds < 172800) return Spoken(seconds / 3600, "%.1f", "h");
  return Spoken(seconds / 86400, "%.1f", "days");
}

std::string SpokenMoment(base::WallTime time) {
  return base::FormatTime(std::chrono::floor<std::chrono::seconds>(time), ' ') + " UTC";
}

std::string Counted(std::size_t count, const std::string& one) {
  return std::to_string(count) + " " + one + (count == 1 ? "" : "s");
}

std::string Qualified(const cluster::ClusterName& name) {
  return name.space.empty() ? name.name : name.space + "/" + name.name;
}

std::string SpokenError(const base::Error& error) {
  if (error.subject.empty() || error.message.find(error.subject) != std::string::npos) return error.message;
  return error.subject + ": " + error.message;
}

std::string Escaped(std::string_view text) {
  std::string escaped;
  for (const char c : base::ValidUtf8(text)) {
    switch (c) {
      case '&': escaped += "&amp;"; break;
      case '<': escaped += "&lt;"; break;
      case '>': escaped += "&gt;"; break;
      case '"': escaped += "&quot;"; break;
      case '\'': escaped += "&#39;"; break;
      default: escaped += c;
    }
  }
  return escaped;
}

std::string UrlEncoded(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const bool plain =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
    std::array<char, 4> hex{};
    if (!plain) std::snprintf(hex.data(), hex.size(), "%%%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
    encoded += plain ? std::string(1, c) : std::string(hex.data());
  }
  return encoded;
}

}  // namespace pgvigil::web
