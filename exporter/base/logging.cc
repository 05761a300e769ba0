#include "base/logging.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <atomic>
#include <cmath>
#include <cstdio>

#include "base/text.h"

namespace pgvigil::base {
namespace {

constexpr std::string_view kPlain =
    "-._:/@+,%~*[]()<>#!?&;|^$";  // printed unquoted in logfmt, beside letters and digits

bool NeedsQuotes(std::string_view value) {
  if (value.empty()) return true;
  for (const char c : value) {
    const bool letter_or_digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!letter_or_digit && kPlain.find(c) == std::string_view::npos) return true;
  }
  return false;
}

// A string as JSON writes it (RFC 8259, section 7), which is also what logfmt readers take. Control characters never
// reach the terminal.
void AppendQuoted(std::string& line, std::string_view value) {
  line += '"';
  for (const char c : ValidUtf8(value)) {
    switch (c) {
      case '"': line += "\\\""; break;
      case '\\': line += "\\\\"; break;
      case '\n': line += "\\n"; break;
      case '\r': line += "\\r"; break;
      case '\t': line += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
          std::array<char, 8> escape{};
          std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(static_cast<unsigned char>(c)));
          line += escape.data();
        } else {
          line += c;
        }
    }
  }
  line += '"';
}

void AppendField(std::string& line, LogFormat format, const LogField& field) {
  if (field.is_absent) return;
  const bool json = format == LogFormat::kJson;
  line += json ? ",\"" : " ";
  line += field.key;
  line += json ? "\":" : "=";
  if (field.is_number || (!json && !NeedsQuotes(field.value))) {
    line += field.value;
  } else {
    AppendQuoted(line, field.value);
  }
}

// As the configuration names them.
std::string_view Name(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return "debug";
    case LogLevel::kInfo: return "info";
    case LogLevel::kWarn: return "warn";
    case LogLevel::kError: break;
  }
  return "error";
}

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return spdlog::level::debug;
    case LogLevel::kInfo: return spdlog::level::info;
    case LogLevel::kWarn: return spdlog::level::warn;
    case LogLevel::kError: break;
  }
  return spdlog::level::err;
}

// spdlog's own JSON by pattern does not escape the message: the pattern here is only the frame around a payload that
// was escaped before.
constexpr const char* kLogfmtPattern = "ts=%Y-%m-%dT%H:%M:%S.%eZ%v";
constexpr const char* kJsonPattern = "{\"ts\":\"%Y-%m-%dT%H:%M:%S.%eZ\"%v}";

struct Sink {
  std::atomic<LogFormat> format = LogFormat::kLogfmt;
  std::shared_ptr<spdlog::logger> logger =
      std::make_shared<spdlog::logger>("pgvigil", std::make_shared<spdlog::sinks::stderr_sink_mt>());

  Sink() {
    logger->flush_on(spdlog::level::trace);
    SetPattern();
  }
  void SetPattern() {
    const char* pattern = format == LogFormat::kJson ? kJsonPattern : kLogfmtPattern;
    logger->set_formatter(std::make_unique<spdlog::pattern_formatter>(pattern, spdlog::pattern_time_type::utc));
  }
};

Sink& TheSink() {
  static Sink sink;
  return sink;
}

void Write(LogLevel level, std::string_view message, const Error* error, std::initializer_list<LogField> fields) {
  Sink& sink = TheSink();
  if (!sink.logger->should_log(ToSpdlog(level))) return;
  const LogFormat format = sink.format;
  std::string line;
  AppendField(line, format, {"level", Name(level)});
  AppendField(line, format, {"msg", message});
  for (const auto& field : fields) AppendField(line, format, field);
  if (error != nullptr) {
    if (!error->subject.empty()) AppendField(line, format, {"subject", error->subject});
    AppendField(line, format, {"reason", base::Name(error->kind)});
    if (!error->code.empty()) AppendField(line, format, {"code", error->code});
    AppendField(line, format, {"error", error->message});
  }
  sink.logger->log(ToSpdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace

LogField::LogField(std::string_view name, HeldBack held_back)
    : key(name), value(std::to_string(held_back.events)), is_number(true), is_absent(held_back.events == 0) {}

LogField::LogField(std::string_view name, double number) : key(name), is_number(std::isfinite(number)) {
  std::array<char, 32> digits{};
  std::snprintf(digits.data(), digits.size(), "%.6g", number);
  value = digits.data();
}

void ConfigureLogging(const LogOptions& options) {
  Sink& sink = TheSink();
  sink.format = options.format;
  sink.SetPattern();
  sink.logger->set_level(ToSpdlog(options.level));
}

void Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  Write(level, message, nullptr, fields);
}

void Log(LogLevel level, std::string_view message, const Error& error, std::initializer_list<LogField> fields) {
  Write(level, message, &error, fields);
}

std::optional<HeldBack> LogThrottle::Admit(const std::string& key, SteadyTime now) {
  constexpr int kSilentIntervals = 16;
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  if (found != entries_.end() && now - found->second.admitted < interval_) {
    ++found->second.held_back;
    return std::nullopt;
  }
  const std::uint64_t held_back = found == entries_.end() ? 0 : found->second.held_back;
  std::erase_if(entries_,
                [&](const auto& entry) { return now - entry.second.admitted > kSilentIntervals * interval_; });
  entries_[key] = {now, 0};
  return HeldBack{held_back};
}

void LogThrottle::Forget(const std::string& key) {
  const std::lock_guard lock(mutex_);
  entries_.erase(key);
}

}  // namespace pgvigil::base
