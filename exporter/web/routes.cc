#include "web/routes.h"

#include "web/landing.h"
#include "web/metrics_handler.h"

namespace pgvigil::web {

std::vector<Route> MakeRoutes(const Application& application) {
  const auto metrics = std::make_shared<MetricsHandler>(application.scraper);
  const auto fine = [](const Request&) { return Response::Text(200, "OK\n"); };
  std::vector<Route> routes;
  routes.push_back({"GET", "/metrics", [metrics](const Request& request) { return (*metrics)(request); }});
  // Neither ever waits for a server: the exporter is well when it can say that a database is not. While it drains, the
  // front itself answers 503.
  routes.push_back({"GET", "/-/healthy", fine, true});
  routes.push_back({"GET", "/-/ready", fine, true});
  routes.push_back({"GET", "/config", [config = application.config](const Request&) {
                      auto response = Response::Text(200, config());
                      response.content_type = "application/yaml; charset=utf-8";
                      return response;
                    }});
  routes.push_back(
      {"GET", "/", [&observer = application.observer, version = application.version](const Request&) {
         auto response = Response::Text(200, LandingPage(observer.Fleet(), version, base::SystemClock().Steady()));
         response.content_type = "text/html; charset=utf-8";
         response.headers.emplace_back("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'");
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
