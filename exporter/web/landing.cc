#include "web/landing.h"

#include "web/status_html.h"
#include "web/words.h"

namespace pgvigil::web {
namespace {

constexpr std::string_view kStyle =
    "body{font:15px/1.5 system-ui,sans-serif;color:#1b1f24;background:#fff;max-width:70rem;margin:2rem auto;padding:0 "
    "1rem}"
    "h1{font-size:1.5rem;margin-bottom:.2rem}h2{font-size:1.2rem;margin:2rem 0 .3rem}h3{font-size:1rem;margin:1rem 0 "
    ".2rem}p{margin:.3rem 0}ul{margin:.2rem 0;padding-left:1.4rem}.says>li{list-style:none;position:relative}"
    ".says>li::before{content:'·';position:absolute;left:-1.2rem}.says>.good{color:inherit}"
    ".says>.good::before{content:'✓';color:#116329}.says>.bad::before{content:'✗'}.says>.dim::before{content:'?'}"
    ".lines{font:13px/1.5 ui-monospace,monospace;overflow-wrap:anywhere}.todo{font-weight:400}"
    "nav a{margin-right:1rem}a{color:#0550ae}table{border-collapse:collapse;width:100%;margin-top:.5rem}"
    "th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid #d0d7de;vertical-align:top}th{font-weight:600}"
    ".bad{color:#a40e26;font-weight:600}.dim{color:#7a4b00;font-weight:600}.good{color:#116329}"
    ".todo{display:block;color:#57606a}div{overflow-x:auto}"
    "@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}a{color:#79c0ff}th,td{border-color:#"
    "30363d}.bad{color:#ff7b72}.dim{color:#e3b341}.good,.says>.good::before{color:#7ee787}.todo{color:#9198a1}}";

std::string Cell(std::string_view text, std::string_view kind = {}) {
  return "<td" + (kind.empty() ? "" : " class=\"" + std::string(kind) + "\"") + ">" + Escaped(text) + "</td>";
}

std::string SqlCell(const cluster::InstanceState& state, base::SteadyTime now) {
  if (state.sql.up) return Cell("answers", "good");
  if (!state.sql.error) return Cell("being asked");
  std::string since;
  if (state.sql.last_success_steady)
    since = " (last answer " + SpokenSeconds(base::Seconds(now - *state.sql.last_success_steady)) + " ago)";
  return "<td><span class=\"bad\">" + Escaped("does not answer: " + state.sql.error->message + since) +
         "</span><span class=\"todo\">" + Escaped(InstanceRemedy(state)) + "</span></td>";
}

std::string InstanceRow(const cluster::InstanceState& state, const verdict::InstanceVerdict& verdict,
                        base::SteadyTime now) {
  std::string row = "<tr>" + Cell(state.name);
  row += SqlCell(state, now);
  row += Cell(!verdict.role ? "–" : *verdict.role == cluster::Role::kPrimary ? "primary" : "standby");
  row += Cell(verdict.timeline ? std::to_string(*verdict.timeline) : "–");
  const bool good = verdict.replication == verdict::ReplicationState::kStreaming;
  row += verdict.replication ? Cell(verdict::Name(*verdict.replication), good ? "good" : "bad") : Cell("–");
  row += Cell(verdict.replayed ? SpokenBytes(static_cast<double>(verdict.replayed->bytes)) + ", " +
                                     SpokenSeconds(verdict.replayed->seconds)
                               : "–");
  return row + "</tr>\n";
}

std::string ClusterSection(const observe::ClusterView& published, const Moment& now) {
  const auto view = HoldsNow(published, now.steady);
  const auto full = Qualified(view.state.name);
  const auto answers = AnswersOf(view, now);
  std::string html = "<h2>" + Escaped(full) + " · " + StandingHtml(WorstOf(answers)) + "</h2>\n" +
                     AnswersHtml(answers) + "<div><table><thead><tr><th scope=\"col\">instance</th>" +
                     "<th scope=\"col\">SQL</th><th scope=\"col\">role</th><th scope=\"col\">timeline</th>" +
                     "<th scope=\"col\">replication</th><th scope=\"col\">replay behind</th></tr></thead>\n<tbody>\n";
  for (std::size_t i = 0; i < view.state.instances.size(); ++i)
    html += InstanceRow(view.state.instances[i], view.verdict.instances[i], now.steady);
  const auto query = "?cluster=" + UrlEncoded(full);
  return html + "</tbody></table></div>\n<p><a href=\"/metrics" + query +
         "\">metrics of this cluster</a> <a href=\"/api/v1/status" + query + "\">this answer as JSON</a></p>\n";
}

// The one sentence somebody who only glances reads.
std::string Summary(const observe::FleetView& fleet) {
  std::size_t instances = 0, silent = 0;
  for (const auto& view : fleet) {
    instances += view->state.instances.size();
    for (const auto& instance : view->state.instances) silent += !instance.sql.up && instance.sql.error ? 1 : 0;
  }
  if (instances == 0) {
    return "<p class=\"bad\">Nothing is watched: name an instance with --dsn, or clusters in the configuration "
           "file.</p>\n";
  }
  const auto watched = Counted(instances, "instance") + " in " + Counted(fleet.size(), "cluster");
  if (silent == 0) return "<p>Watched: " + watched + ".</p>\n";
  return "<p class=\"bad\">Watched: " + watched + "; " + std::to_string(silent) + (silent == 1 ? " does" : " do") +
         " not answer.</p>\n";
}

}  // namespace

std::string LandingPage(const observe::FleetView& fleet, std::string_view version, const Moment& now) {
  std::string html =
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>pgvigil</title>"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><style>" +
      std::string(kStyle) + "</style></head>\n<body>\n<h1>pgvigil</h1>\n<p>Version " + Escaped(version) +
      ". A Prometheus exporter for PostgreSQL clusters.</p>\n<nav><a href=\"/metrics\">metrics</a>"
      "<a href=\"/api/v1/status\">status</a><a href=\"/config\">configuration</a><a href=\"/-/healthy\">healthy</a><a "
      "href=\"/-/ready\">ready</a></nav>\n" +
      Summary(fleet);
  for (const auto& view : fleet) html += ClusterSection(*view, now);
  return html + "</body></html>\n";
}

}  // namespace pgvigil::web
