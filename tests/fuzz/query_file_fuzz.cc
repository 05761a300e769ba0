// Query files: YAML as people write it, up to definitions.
#include "fuzz/input.h"
#include "query/definition_reader.h"
#include "yaml/document.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace pgvigil;
  base::Diagnostics diagnostics;
  const auto document = yaml::Load(fuzz::FileOf(bytes, size), {}, diagnostics);
  fuzz::Expect(document != nullptr || !diagnostics.empty(), "what is refused is told why");
  if (!document || !document->IsMap()) return 0;
  for (const auto& member : document->members()) {
    base::Diagnostics of_query;
    const auto definition = query::ReadDefinition(member.key, member.value, {}, of_query);
    fuzz::Expect(definition != nullptr || !of_query.empty(), "a query left out is told why");
  }
  return 0;
}
