// The configuration file, and the web configuration of the ecosystem.
#include "config/config.h"
#include "fuzz/input.h"
#include "web/web_config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace pgvigil;
  const auto path = fuzz::FileOf(bytes, size);
  config::Overrides overrides;
  overrides.query_files = {"/dev/null"};  // not the shipped set, a thousand times a second
  base::Diagnostics diagnostics;
  const auto config = config::Load(path, overrides, "/nonexistent/pgvigil", diagnostics);
  fuzz::Expect(config != nullptr || !diagnostics.empty(), "what is refused is told why");
  base::Diagnostics of_web;
  const auto web = web::LoadWebConfig(path, of_web);
  fuzz::Expect(web.has_value() || !of_web.empty(), "what is refused is told why");
  return 0;
}
