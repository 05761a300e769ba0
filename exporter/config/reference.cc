#include <nlohmann/json.hpp>

#include "config/config.h"
#include "config/keys.h"

namespace pgvigil::config {
namespace {

using Json = nlohmann::ordered_json;

Json SchemaOf(std::span<const Key> keys);

Json SchemaOf(const Key& key) {
  Json schema;
  switch (key.type) {
    case KeyType::kText: schema["type"] = "string"; break;
    case KeyType::kDuration: schema = {{"type", "string"}, {"pattern", "^[0-9]+(ms|s|m|h|d)$"}}; break;
    case KeyType::kSize:
      schema = {{"type", {"string", "integer"}}, {"pattern", "^[0-9]+(B|KiB|MiB|GiB|TiB)?$"}, {"minimum", 0}};
      break;
    case KeyType::kCount: schema = {{"type", "integer"}, {"minimum", 0}}; break;
    case KeyType::kRatio: schema = {{"type", "number"}, {"minimum", 0}, {"maximum", 1}}; break;
    case KeyType::kSwitch: schema["type"] = "boolean"; break;
    case KeyType::kChoice:
      for (const auto choice : key.choices) schema["enum"].push_back(choice);
      break;
    case KeyType::kTexts: schema = {{"type", "array"}, {"items", {{"type", "string"}}}}; break;
    case KeyType::kMap: schema = SchemaOf(key.members); break;
    case KeyType::kMaps: schema = {{"type", "array"}, {"items", SchemaOf(key.members)}}; break;
  }
  schema["description"] = key.help;
  return schema;
}

Json SchemaOf(std::span<const Key> keys) {
  Json schema = {{"type", "object"}, {"additionalProperties", false}, {"properties", Json::object()}};
  for (const auto& key : keys) {
    schema["properties"][std::string(key.name)] = SchemaOf(key);
    if (key.required) schema["required"].push_back(key.name);
  }
  return schema;
}

std::string_view TypeName(const Key& key) {
  switch (key.type) {
    case KeyType::kText: return "text";
    case KeyType::kDuration: return "duration";
    case KeyType::kSize: return "size";
    case KeyType::kCount: return "count";
    case KeyType::kRatio: return "ratio";
    case KeyType::kSwitch: return "true, false";
    case KeyType::kTexts: return "list of text";
    case KeyType::kMap: return "map";
    case KeyType::kMaps: return "list of maps";
    case KeyType::kChoice: break;
  }
  return "one of";
}

void AppendRows(std::span<const Key> keys, const std::string& path, std::string& page) {
  for (const auto& key : keys) {
    const bool list = key.type == KeyType::kMaps;
    const auto own = path + std::string(key.name) + (list ? "[]" : "");
    page.append("| `").append(own).append("` | ").append(TypeName(key));
    for (const auto choice : key.choices) page.append(" ").append(choice);
    page.append(" | ");
    if (!key.fallback.empty()) page.append("`").append(key.fallback).append("`");
    page.append(" | ").append(key.help).append(key.required ? " (required) |\n" : " |\n");
    AppendRows(key.members, own + ".", page);
  }
}

}  // namespace

std::string JsonSchema() {
  Json schema = {{"$schema", "http://json-schema.org/draft-07/schema#"}, {"title", "pgvigil configuration"}};
  schema.update(SchemaOf(Keys()));
  return schema.dump(2) + "\n";
}

std::string ReferencePage() {
  std::string page =
      "# Configuration reference\n\n"
      "Generated from the table of keys (`exporter/config/keys.cc`) by `pgvigil check --print-reference`; a test holds "
      "both together.\n"
      "Durations are `500ms 30s 5m 26h 7d`, sizes `16MiB` or a number of bytes, ratios 0 to 1.\n\n"
      "| key | type | default | meaning |\n| --- | --- | --- | --- |\n";
  AppendRows(Keys(), "", page);
  return page;
}

}  // namespace pgvigil::config
