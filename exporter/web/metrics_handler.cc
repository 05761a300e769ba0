#include "web/metrics_handler.h"

#include <algorithm>

#include "base/text.h"
#include "metrics/text_writer.h"

namespace pgvigil::web {
namespace {

constexpr int kWaiters = 12;  // of 16 workers
constexpr auto kPatience = std::chrono::milliseconds(250);

scrape::Filter FilterOf(const Request& request) {
  scrape::Filter filter;
  for (const auto& [name, value] : request.parameters) {
    if (name == "cluster") filter.clusters.push_back(value);
    if (name == "target") filter.targets.push_back(value);
    if (name == "collect[]") filter.collect.push_back(value);
  }
  return filter;
}

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lower;
}

// Of "gzip;q=0.5"; what is no weight is none, so that the answer stays plain, which everybody can read.
double Weight(const std::vector<std::string_view>& fields) {
  for (std::size_t i = 1; i < fields.size(); ++i) {
    const auto field = LowerCase(base::Trim(fields[i]));
    if (field.starts_with("q=")) return base::ParseDouble(field.substr(2)).value_or(0);
  }
  return 1;
}

}  // namespace

base::Deadline ScrapeDeadline(const Request& request, base::Milliseconds limit) {
  std::chrono::duration<double> span = limit;
  if (const auto header = request.headers.find("x-prometheus-scrape-timeout-seconds");
      header != request.headers.end()) {
    const auto seconds = base::ParseDouble(header->second);
    if (seconds && *seconds > 0 && *seconds < span.count()) span = std::chrono::duration<double>(*seconds);
  }
  const auto margin = std::max<std::chrono::duration<double>>(std::chrono::milliseconds(500), span / 20);
  const auto least = span / 2;  // with less than a second the margin would leave nothing
  return base::Deadline::After(request.received,
                               std::chrono::duration_cast<base::SteadyTime::duration>(std::max(span - margin, least)));
}

bool AcceptsGzip(const Request& request) {
  const auto header = request.headers.find("accept-encoding");
  if (header == request.headers.end()) return false;
  std::optional<bool> gzip, any;
  for (const auto part : base::Split(header->second, ',')) {
    const auto fields = base::Split(part, ';');
    const auto coding = LowerCase(base::Trim(fields[0]));
    const bool wanted = Weight(fields) > 0;
    if (coding == "gzip" || coding == "x-gzip") gzip = gzip.value_or(false) || wanted;
    if (coding == "*") any = wanted;
  }
  return gzip.value_or(any.value_or(false));
}

MetricsHandler::MetricsHandler(scrape::Scraper& scraper) : scraper_(scraper), admission_(kWaiters) {}

Response MetricsHandler::operator()(const Request& request) {
  const auto selection = scraper_.Select(FilterOf(request));
  if (!selection.ok()) {
    return Response::Text(400, selection.error().subject + ": this " + selection.error().message + "\n");
  }
  const auto deadline = ScrapeDeadline(request, selection->plan->options.scrape_timeout);
  if (deadline.Passed(base::SystemClock().Steady())) {
    return Response::Busy("the time that was given for the answer had passed before a worker was free\n");
  }
  const auto permit = admission_.Enter(kPatience);
  if (!permit) return Response::Busy("too many scrapes wait for an instance that does not answer\n");
  const bool gzip = AcceptsGzip(request);
  Response response;
  response.content_type = metrics::kTextContentType;
  response.body = scraper_.Scrape(*selection, gzip ? scrape::Encoding::kGzip : scrape::Encoding::kPlain, deadline);
  if (gzip) response.headers.emplace_back("Content-Encoding", "gzip");
  response.headers.emplace_back("Vary", "Accept-Encoding");
  return response;
}

}  // namespace pgvigil::web
