#include "web/routes.h"

#include <algorithm>

#include "web/landing.h"
#include "web/metrics_handler.h"
#include "web/status_json.h"
#include "web/words.h"

namespace pgvigil::web {

namespace {

Moment Now() { return {base::SystemClock().Steady(), base::SystemClock().Wall()}; }

bool IsNamed(const cluster::ClusterName& name, const std::string& wanted) {
  return wanted == name.name || wanted == Qualified(name);
}

// Of what is published, whatever servers and stores do now.
Response Status(const Request& request, const observe::FleetView& fleet, std::string_view version) {
  observe::FleetView chosen;
  std::vector<std::string> wanted;
  for (const auto& [name, value] : request.parameters) {
    if (name == "cluster") wanted.push_back(value);
  }
  std::string all;
  for (const auto& view : fleet) all.append(all.empty() ? "" : ", ").append(Qualified(view->state.name));
  const auto is_configured = [&fleet](const std::string& one) {
    return std::any_of(fleet.begin(), fleet.end(), [&](const auto& view) { return IsNamed(view->state.name, one); });
  };
  if (const auto stranger = std::find_if_not(wanted.begin(), wanted.end(), is_configured); stranger != wanted.end())
    return Response::Text(400, *stranger + ": this cluster is not configured; there are: " + all + "\n");
  for (const auto& view : fleet) {
    if (wanted.empty() ||
        std::any_of(wanted.begin(), wanted.end(), [&](const auto& one) { return IsNamed(view->state.name, one); }))
      chosen.push_back(view);
  }
  auto response = Response::Text(200, StatusJson(chosen, version, Now()));
  response.content_type = "application/json; charset=utf-8";
  return response;
}

}  // namespace

std::vector<Route> MakeRoutes(const Application& application) {
  const auto metrics = std::make_shared<MetricsHandler>(application.scraper);
  const auto fine = [](const Request&) { return Response::Text(200, "OK\n"); };
  std::vector<Route> routes;
  routes.push_back({"GET", "/metrics", [metrics](const Request& request) { return (*metrics)(request); }});
  // Neither ever waits for a server: the exporter is well when it can say that a database is not. While it drains, the
  // front itself answers 503.
  routes.push_back({"GET", "/-/healthy", fine, true});
  routes.push_back({"GET", "/-/ready", fine, true});
  routes.push_back({"GET", "/api/v1/status",
                    [&observer = application.observer, version = application.version](const Request& request) {
                      return Status(request, observer.Fleet(), version);
                    }});
  routes.push_back({"GET", "/config", [config = application.config](const Request&) {
                      auto response = Response::Text(200, config());
                      response.content_type = "application/yaml; charset=utf-8";
                      return response;
                    }});
  routes.push_back({"GET", "/", [&observer = application.observer, version = application.version](const Request&) {
                      auto response = Response::Text(200, LandingPage(observer.Fleet(), version, Now()));
                      response.content_type = "text/html; charset=utf-8";
                      response.headers.emplace_back("Content-Security-Policy",
                                                    "default-src 'none'; style-src 'unsafe-inline'");
                      return response;
                    }});
  if (application.lifecycle) {
    routes.push_back({"POST", "/-/reload", [reload = application.reload](const Request&) {
                        const auto status = reload();
                        return status.ok() ? Response::Text(200, "configuration reloaded\n")
                                           : Response::Text(500, status.error().message);
                      }});
  }
  return routes;
}

}  // namespace pgvigil::web
