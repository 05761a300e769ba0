// What an API server sends: lists, the lines of a watch, and the facts that are made of the objects in them.
#include "fuzz/input.h"
#include "json/selection.h"
#include "kubernetes/cnpg_objects.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace pgvigil;
  const auto text = fuzz::Text(bytes, size);
  const json::Selection kept = {"type", "metadata.name", "object.metadata.name", "object.status.conditions.type"};
  if (const auto event = json::ReadSelected(text, kept); !event.ok()) {
    fuzz::Expect(!event.error().message.empty(), "what is no JSON is told why");
    fuzz::Expect(!json::Parse(text).has_value() || event.error().kind == base::ErrorKind::kLimit,
                 "what is JSON can be read as it streams by");
  } else if (event->is_object()) {
    for (const auto& [name, value] : event->items())
      fuzz::Expect(name == "type" || name == "metadata" || name == "object", "nothing else is kept");
  }
  const json::Selection everything = {"metadata", "spec", "status"};
  (void)json::ReadList(text, {"metadata.continue"}, everything, [](const json::Value& object) {
    const auto cluster = kubernetes::DecodeCluster(object);
    fuzz::Expect(cluster == kubernetes::DecodeCluster(object), "facts follow from the object alone");
    (void)kubernetes::DecodePod(object);
  });
  return 0;
}
