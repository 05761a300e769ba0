#include "cli/progress.h"

#include <algorithm>
#include <cmath>

namespace pgvigil::cli {
namespace {

constexpr auto kEvery = std::chrono::milliseconds(100);
constexpr std::size_t kBar = 30;
constexpr const char* kToLineBegin = "\r\x1b[K";  // and empties it

std::string Bar(double share) {
  const auto full = static_cast<std::size_t>(std::lround(std::clamp(share, 0.0, 1.0) * kBar));
  return "[" + std::string(full, '#') + std::string(kBar - full, '.') + "] ";
}

}  // namespace

Progress::Progress(std::FILE* stream, bool on, const base::Clock& clock) : stream_(stream), on_(on), clock_(clock) {}

Progress::~Progress() { Clear(); }

void Progress::Show(const std::string& text, std::optional<double> share) {
  if (!on_) return;
  const auto now = clock_.Steady();
  if (shown_ && now - *shown_ < kEvery) return;
  shown_ = now;
  std::fprintf(stream_, "%s%s%s", kToLineBegin, share ? Bar(*share).c_str() : "", text.c_str());
  std::fflush(stream_);
}

void Progress::Clear() {
  if (!shown_) return;
  std::fputs(kToLineBegin, stream_);
  std::fflush(stream_);
  shown_.reset();
}

}  // namespace pgvigil::cli
