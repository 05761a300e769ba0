// Figures and moments as a person reads them, and text made fit for HTML. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "cluster/cluster_state.h"

namespace pgvigil::web {

std::string SpokenBytes(double bytes);                           // "0 B", "1.5 MiB"
std::string SpokenSeconds(double seconds);                       // "0.4 s", "12 min", "3.1 h", "9.0 days"
std::string SpokenMoment(base::WallTime time);                   // "2026-11-23 06:50:22 UTC"
std::string Counted(std::size_t count, const std::string& one);  // "1 backup", "2 backups"

// "orders", or "shop/orders" where Kubernetes gives a namespace.
std::string Qualified(const cluster::ClusterName& name);

// With what it is about, unless the message says that itself.
std::string SpokenError(const base::Error& error);

std::string Escaped(std::string_view text);     // for HTML, between tags and in quoted attributes
std::string UrlEncoded(std::string_view text);  // for a query string: everything but letters and digits as %XX

}  // namespace pgvigil::web
