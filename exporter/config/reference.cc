#include <nlohmann/json.hpp>

#include "base/text.h"
#include "config/config.h"
#include "config/environment.h"
#include "config/keys.h"

namespace pgvigil::config {
namespace {

using Json = nlohmann::ordered_json;

Json SchemaOf(std::span<const Key> keys);

// JSON schema has no word for the limits of a duration or size.
void AddLimits(const Key& key, Json& schema) {
  const auto limit = [&](std::string_view text, const char* word) {
    if (!text.empty()) schema[word] = *base::ParseInteger<std::uint32_t>(text);
  };
  switch (key.type) {
    case KeyType::kText: limit(key.least, "minLength"); break;
    case KeyType::kTexts:
    case KeyType::kMaps: limit(key.least, "minItems"); break;
    case KeyType::kTextMap: limit(key.least, "minProperties"); break;
    case KeyType::kCount:
      limit(key.least, "minimum");
      limit(key.most, "maximum");
      break;
    default: break;
  }
}

Json SchemaOf(const Key& key) {
  Json schema;
  switch (key.type) {
    case KeyType::kText: schema["type"] = "string"; break;
    case KeyType::kName: schema = {{"type", "string"}, {"pattern", "^[a-zA-Z_][a-zA-Z0-9_]*$"}}; break;
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
    case KeyType::kTexts: schema = {{"type", "array"}, {"items", {{"type", "string"}, {"minLength", 1}}}}; break;
    case KeyType::kTextMap: schema = {{"type", "object"}, {"additionalProperties", {{"type", "string"}}}}; break;
    case KeyType::kMap: schema = SchemaOf(key.members); break;
    case KeyType::kMaps: schema = {{"type", "array"}, {"items", SchemaOf(key.members)}}; break;
    case KeyType::kRefused: return false;
  }
  AddLimits(key, schema);
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
    case KeyType::kName: return "name";
    case KeyType::kTextMap: return "map to text";
    case KeyType::kRefused: return "refused";
    case KeyType::kChoice: break;
  }
  return "one of";
}

// "2 to 100", "1s or more"; that text is not empty goes without saying.
std::string Limits(const Key& key) {
  const bool counted = key.type == KeyType::kCount || key.type == KeyType::kDuration || key.type == KeyType::kSize;
  if (!counted || key.least.empty()) return "";
  return ", " + std::string(key.least) + (key.most.empty() ? " or more" : " to " + std::string(key.most));
}

void AppendRows(std::span<const Key> keys, const std::string& path, std::string& page) {
  for (const auto& key : keys) {
    const bool list = key.type == KeyType::kMaps;
    const auto own = path + std::string(key.name) + (list ? "[]" : "");
    page.append("| `").append(own).append("` | ").append(TypeName(key));
    for (const auto choice : key.choices) page.append(" ").append(choice);
    page.append(Limits(key)).append(" | ");
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
  page +=
      "\n## Environment\n\n"
      "Read where neither `--dsn` nor the file names a server, but for libpq's own; the cluster is that of "
      "`--cluster`.\n\n"
      "| variable | meaning |\n| --- | --- |\n";
  for (const auto& variable : EnvironmentVariables())
    page.append("| `").append(variable.name).append("` | ").append(variable.help).append(" |\n");
  return page;
}

}  // namespace pgvigil::config
