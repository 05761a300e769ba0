// One line an event on standard error, as logfmt or JSON. Values are escaped, so that a server's message can neither
// break a line nor forge one. Secrets never reach here: no type that holds one has a way to be printed.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "base/result.h"

namespace pgvigil::base {

enum class LogLevel { kDebug, kInfo, kWarn, kError };
enum class LogFormat { kLogfmt, kJson };

struct LogOptions {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kLogfmt;
};

// How many events like this one were not logged. A field of it is left out where there was none.
struct HeldBack {
  std::uint64_t events = 0;

  bool operator==(const HeldBack&) const = default;
};

struct LogField {
  LogField(std::string_view name, std::string_view text) : key(name), value(text) {}
  LogField(std::string_view name, const char* text) : key(name), value(text) {}
  LogField(std::string_view name, std::integral auto number)
      : key(name), value(std::to_string(number)), is_number(true) {}
  LogField(std::string_view name, double number);
  LogField(std::string_view name, HeldBack held_back);

  std::string_view key;  // a literal
  std::string value;
  bool is_number = false;  // which JSON writes without quotes
  bool is_absent = false;
};

// Thread-safe, all of them. Before the first Configure: info, logfmt.
void ConfigureLogging(const LogOptions& options);
void Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {});
// The error's kind, subject, code and message as fields of their own.
void Log(LogLevel level, std::string_view message, const Error& error, std::initializer_list<LogField> fields = {});

// Keeps a failure that repeats from filling the log: the first is let through, then one an interval.
// Thread-safe. Forgets a key that was silent for 16 intervals, so that vanished instances leave nothing behind.
class LogThrottle {
 public:
  explicit LogThrottle(SteadyTime::duration interval) : interval_(interval) {}

  // How many were held back since the last one let through, or nothing if this one is to be held back, too.
  std::optional<HeldBack> Admit(const std::string& key, SteadyTime now);
  // The failure is over: the next one is news again.
  void Forget(const std::string& key);

 private:
  struct Entry {
    SteadyTime admitted;
    std::uint64_t held_back = 0;
  };

  const SteadyTime::duration interval_;
  std::mutex mutex_;
  std::unordered_map<std::string, Entry> entries_;
};

}  // namespace pgvigil::base
