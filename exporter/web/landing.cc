#include "web/landing.h"

#include <array>
#include <cmath>
#include <cstdio>

#include "base/text.h"

namespace pgvigil::web {
namespace {

constexpr std::string_view kStyle =
    "body{font:15px/1.5 system-ui,sans-serif;color:#1b1f24;background:#fff;max-width:70rem;margin:2rem auto;padding:0 "
    "1rem}"
    "h1{font-size:1.5rem;margin-bottom:.2rem}h2{font-size:1.1rem;margin:2rem 0 .3rem}p{margin:.3rem 0}"
    "nav a{margin-right:1rem}a{color:#0550ae}table{border-collapse:collapse;width:100%;margin-top:.5rem}"
    "th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid #d0d7de;vertical-align:top}th{font-weight:600}"
    ".bad{color:#a40e26;font-weight:600}.good{color:#116329}.todo{display:block;color:#57606a}div{overflow-x:auto}"
    "@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}a{color:#79c0ff}th,td{border-color:#"
    "30363d}"
    ".bad{color:#ff7b72}.good{color:#7ee787}.todo{color:#9198a1}}";

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

// For a query string: everything but letters and digits as %XX.
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

std::string Spoken(double value, const char* format, std::string_view unit) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return std::string(text.data()) + " " + std::string(unit);
}

std::string SpokenBytes(double bytes) {
  constexpr std::array<std::string_view, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  for (; bytes >= 1024 && unit + 1 < kUnits.size(); ++unit) bytes /= 1024;
  return Spoken(bytes, unit == 0 ? "%.0f" : "%.1f", kUnits[unit]);
}

std::string SpokenSeconds(double seconds) {
  if (seconds < 120) return Spoken(seconds, "%.1f", "s");
  if (seconds < 7200) return Spoken(seconds / 60, "%.0f", "min");
  return Spoken(seconds / 3600, "%.1f", "h");
}

std::string Cell(std::string_view text, std::string_view kind = {}) {
  return "<td" + (kind.empty() ? "" : " class=\"" + std::string(kind) + "\"") + ">" + Escaped(text) + "</td>";
}

std::string LossText(const verdict::ClusterVerdict& verdict) {
  if (!verdict.rpo_primary) return "What would be lost with the primary is not known.";
  if (std::isinf(verdict.rpo_primary->bytes))
    return "If the primary were lost now, everything would be: no standby follows it.";
  return "If the primary were lost now: " + SpokenBytes(verdict.rpo_primary->bytes) + " of WAL, " +
         SpokenSeconds(verdict.rpo_primary->seconds) + " of commits.";
}

std::string PrimaryText(const observe::ClusterView& view) {
  if (view.state.replica) return "<p>A replica cluster: no primary is expected.</p>";
  std::string names;
  for (const auto& instance : view.verdict.instances) {
    if (instance.role == cluster::Role::kPrimary) names += (names.empty() ? "" : ", ") + instance.name;
  }
  if (!view.verdict.primaries) return "<p class=\"bad\">Who is primary is not known: not every instance answers.</p>";
  if (*view.verdict.primaries == 0) return "<p class=\"bad\">No instance answers as primary.</p>";
  if (*view.verdict.primaries > 1)
    return "<p class=\"bad\">More than one instance answers as primary: " + Escaped(names) + ".</p>";
  std::string text = "<p>Primary: " + Escaped(names) + ". " + Escaped(LossText(view.verdict)) + "</p>";
  if (view.verdict.sync_waiters.value_or(0) > 0) {
    text +=
        "<p class=\"bad\">Commits that wait for a synchronous standby: " + std::to_string(*view.verdict.sync_waiters) +
        ".</p>";
  }
  return text;
}

// What a person would look at first.
std::string_view Remedy(const cluster::InstanceState& state) {
  if (state.foreign) return "It belongs to another cluster: take it out of this one's configuration.";
  switch (state.sql.error->kind) {
    case base::ErrorKind::kAuth: return "Check the user, its password file and the server's pg_hba.conf.";
    case base::ErrorKind::kPermission: return "Grant pg_monitor and CONNECT on the database to the user.";
    case base::ErrorKind::kRefused: return "Check that the server runs, and its host and port.";
    case base::ErrorKind::kTimeout: return "Check whether the server hangs, and firewalls on the way to it.";
    case base::ErrorKind::kNotFound: return "Check the host's name and the database's.";
    case base::ErrorKind::kLimit: return "Check max_connections and the user's CONNECTION LIMIT.";
    case base::ErrorKind::kUnavailable: return "It starts, stops or recovers: its log says more.";
    default: return "The logs of pgvigil and of the server say more.";
  }
}

std::string SqlCell(const cluster::InstanceState& state, base::SteadyTime now) {
  if (state.sql.up) return Cell("answers", "good");
  if (!state.sql.error) return Cell("being asked");
  std::string since;
  if (state.sql.last_success_steady)
    since = " (last answer " + SpokenSeconds(base::Seconds(now - *state.sql.last_success_steady)) + " ago)";
  return "<td><span class=\"bad\">" + Escaped("does not answer: " + state.sql.error->message + since) +
         "</span><span class=\"todo\">" + Escaped(Remedy(state)) + "</span></td>";
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

std::string ClusterSection(const observe::ClusterView& view, base::SteadyTime now) {
  const auto& name = view.state.name;
  const std::string full = name.space.empty() ? name.name : name.space + "/" + name.name;
  std::string html = "<h2>" + Escaped(full) + "</h2>\n" + PrimaryText(view) +
                     "\n<div><table><thead><tr><th scope=\"col\">instance</th>" +
                     "<th scope=\"col\">SQL</th><th scope=\"col\">role</th><th scope=\"col\">timeline</th>" +
                     "<th scope=\"col\">replication</th><th scope=\"col\">replay behind</th></tr></thead>\n<tbody>\n";
  for (std::size_t i = 0; i < view.state.instances.size(); ++i)
    html += InstanceRow(view.state.instances[i], view.verdict.instances[i], now);
  return html + "</tbody></table></div>\n<p><a href=\"/metrics?cluster=" + UrlEncoded(full) +
         "\">metrics of this cluster</a></p>\n";
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
  const auto of = [](std::size_t count, const std::string& one) {
    return std::to_string(count) + " " + one + (count == 1 ? "" : "s");
  };
  const auto watched = of(instances, "instance") + " in " + of(fleet.size(), "cluster");
  if (silent == 0) return "<p>Watched: " + watched + ".</p>\n";
  return "<p class=\"bad\">Watched: " + watched + "; " + std::to_string(silent) + (silent == 1 ? " does" : " do") +
         " not answer.</p>\n";
}

}  // namespace

std::string LandingPage(const observe::FleetView& fleet, std::string_view version, base::SteadyTime now) {
  std::string html =
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>pgvigil</title>"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><style>" +
      std::string(kStyle) + "</style></head>\n<body>\n<h1>pgvigil</h1>\n<p>Version " + Escaped(version) +
      ". A Prometheus exporter for PostgreSQL clusters.</p>\n<nav><a href=\"/metrics\">metrics</a>"
      "<a href=\"/config\">configuration</a><a href=\"/-/healthy\">healthy</a><a href=\"/-/ready\">ready</a></nav>\n" +
      Summary(fleet);
  for (const auto& view : fleet) html += ClusterSection(*view, now);
  return html + "</body></html>\n";
}

}  // namespace pgvigil::web
