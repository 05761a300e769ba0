#include "query/columns.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/text.h"
#include "query/definition_reader.h"

namespace pgvigil::query {
namespace {

using yaml::Node;

constexpr std::array<std::string_view, 3> kIdentity = {"namespace", "pg_cluster", "pg_instance"};
constexpr std::array<std::string_view, 8> kFields = {"usage",   "description", "name",           "rename",
                                                     "default", "scale",       "metric_mapping", "metrics_mapping"};
constexpr std::array kUsages = {std::pair<std::string_view, Usage>{"label", Usage::kLabel},
                                std::pair<std::string_view, Usage>{"gauge", Usage::kGauge},
                                std::pair<std::string_view, Usage>{"counter", Usage::kCounter},
                                std::pair<std::string_view, Usage>{"discard", Usage::kDiscard},
                                std::pair<std::string_view, Usage>{"mapped", Usage::kMapped},
                                std::pair<std::string_view, Usage>{"mappedmetric", Usage::kMapped},
                                std::pair<std::string_view, Usage>{"duration", Usage::kDuration},
                                std::pair<std::string_view, Usage>{"histogram", Usage::kHistogram}};

std::string LowerCase(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

class ColumnsReader {
 public:
  ColumnsReader(std::string metric_prefix, std::string path, Definition& definition, base::Diagnostics& diagnostics)
      : metric_prefix_(std::move(metric_prefix)),
        path_(std::move(path)),
        definition_(definition),
        diagnostics_(diagnostics) {}

  bool Read(const Node& node) {
    if (node.IsMap()) {
      for (const auto& member : node.members()) Column(member.key, member.value, member.place);
    } else if (node.IsSequence()) {  // the older form: a list of maps with one column each
      for (const auto& item : node.items()) {
        if (item.IsMap() && item.members().size() == 1) {
          Column(item.members()[0].key, item.members()[0].value, item.members()[0].place);
        } else {
          Wrong(item.place(), "", "expected a map with one column");
        }
      }
    } else {
      Wrong(node.place(), "", "expected a map of columns");
    }
    if (block_columns_.empty() && !errors_)
      Wrong(node.place(), "", "expected at least one column that is neither label nor discarded");
    if (has_histogram_ && labels_.contains("le"))
      Wrong(node.place(), "", "a label \"le\" cannot stand beside a histogram, whose buckets carry it");
    definition_.block_columns = std::make_shared<const std::vector<metrics::Column>>(std::move(block_columns_));
    return !errors_;
  }

 private:
  void Wrong(const base::Place& place, const std::string& column, std::string message) {
    errors_ = true;
    diagnostics_.Error(place, path_ + ".columns" + (column.empty() ? "" : "." + column), std::move(message));
  }

  void Column(const std::string& name, const Node& node, const base::Place& place) {
    if (!node.IsMap()) return Wrong(place, name, "expected a map with usage and description");
    for (const auto& member : node.members()) {
      if (std::find(kFields.begin(), kFields.end(), member.key) != kFields.end()) continue;
      Wrong(member.place, name + "." + member.key,
            "unknown field; there are: usage, description, name, default, scale, metric_mapping");
    }
    if (!names_.insert(name).second) return Wrong(place, name, "is declared twice");
    ColumnDefinition column;
    column.name = name;
    if (const Node* description = node.Find("description")) column.description = description->text();
    if (!ReadUsage(node, place, column)) return;
    const bool one_number =
        column.usage != Usage::kLabel && column.usage != Usage::kDiscard && column.usage != Usage::kHistogram;
    for (const char* field : {"default", "scale"}) {
      if (const Node* value = node.Find(field); value != nullptr && !one_number)
        Wrong(value->place(), name + "." + field, "expected only where the column is one number");
    }
    ReadNumber(node, "default", [&](double number) { column.default_value = number; }, name);
    ReadNumber(node, "scale", [&](double number) { column.scale = number; }, name);
    ReadMapping(node, place, column);
    const std::string exported = NameOf(node, name);
    if (column.usage == Usage::kLabel) {
      Label(place, exported, column);
    } else if (column.usage != Usage::kDiscard) {
      Metric(place, exported, column);
    }
    definition_.columns.push_back(std::move(column));
  }

  static std::string NameOf(const Node& node, const std::string& name) {
    for (const auto* field : {"name", "rename"}) {
      if (const Node* given = node.Find(field); given != nullptr && given->IsScalar()) return given->text();
    }
    return name;
  }

  bool ReadUsage(const Node& node, const base::Place& place, ColumnDefinition& column) {
    const Node* usage = node.Find("usage");
    if (usage == nullptr || !usage->IsScalar()) {
      Wrong(place, column.name, "usage is missing: label, gauge, counter, discard, mapped, duration or histogram");
      return false;
    }
    const auto wanted = LowerCase(usage->text());
    const auto found =
        std::find_if(kUsages.begin(), kUsages.end(), [&](const auto& known) { return known.first == wanted; });
    if (found == kUsages.end()) {
      Wrong(usage->place(), column.name + ".usage",
            "expected label, gauge, counter, discard, mapped, duration or histogram, found \"" + usage->text() + "\"");
      return false;
    }
    column.usage = found->second;
    return true;
  }

  template <typename Take>
  void ReadNumber(const Node& node, const std::string& field, Take take, const std::string& column) {
    const Node* value = node.Find(field);
    if (value == nullptr) return;
    const auto number = base::ParseDouble(value->text());
    if (!number)
      return Wrong(value->place(), column + "." + field, "expected a number, found \"" + value->text() + "\"");
    take(*number);
  }

  void ReadMapping(const Node& node, const base::Place& place, ColumnDefinition& column) {
    const Node* mapping = node.Find("metric_mapping");
    if (mapping == nullptr) mapping = node.Find("metrics_mapping");
    if (mapping == nullptr) {
      if (column.usage == Usage::kMapped)
        Wrong(place, column.name, "metric_mapping is missing: which text stands for which number");
      return;
    }
    if (column.usage != Usage::kMapped)
      return Wrong(mapping->place(), column.name + ".metric_mapping", "expected only with usage: mapped");
    for (const auto& member : mapping->members()) {
      const auto number = base::ParseDouble(member.value.text());
      if (number) {
        column.mapping.emplace(member.key, *number);
      } else {
        Wrong(member.place, column.name + ".metric_mapping." + member.key,
              "expected a number, found \"" + member.value.text() + "\"");
      }
    }
  }

  void Label(const base::Place& place, const std::string& name, ColumnDefinition& column) {
    if (!IsName(name) || name.starts_with("__"))
      return Wrong(place, column.name, "cannot be a label's name: expected letters, digits and underscores");
    if (std::find(kIdentity.begin(), kIdentity.end(), name) != kIdentity.end()) {
      return Wrong(place, column.name, "is a label that every series carries to say whose it is: rename the column");
    }
    if (!labels_.insert(name).second) return Wrong(place, column.name, "another column is the label \"" + name + "\"");
    column.label_name = name;
  }

  void Metric(const base::Place& place, const std::string& name, ColumnDefinition& column) {
    column.metric_name = metric_prefix_ + "_" + name;
    if (!IsName(column.metric_name))
      return Wrong(place, column.name, "gives no metric name: \"" + column.metric_name + "\"");
    if (!families_.insert(column.metric_name).second)
      return Wrong(place, column.name, "another column is the metric " + column.metric_name);
    column.block_column = block_columns_.size();
    const auto& family = column.metric_name;
    if (column.usage != Usage::kHistogram) {
      const auto type = column.usage == Usage::kCounter ? metrics::Type::kCounter : metrics::Type::kGauge;
      block_columns_.push_back({family, family, type, column.description});
      return;
    }
    if (std::exchange(has_histogram_, true))
      return Wrong(place, column.name, "expected at most one histogram a query: make a second query of it");
    for (const auto* suffix : {"_bucket", "_sum", "_count"}) {
      block_columns_.push_back({family, family + suffix, metrics::Type::kHistogram, column.description});
      names_.insert(column.name + suffix);
    }
  }

  const std::string metric_prefix_;
  const std::string path_;
  Definition& definition_;
  base::Diagnostics& diagnostics_;
  std::vector<metrics::Column> block_columns_;
  std::set<std::string> names_, labels_, families_;
  bool has_histogram_ = false;
  bool errors_ = false;
};

}  // namespace

bool ReadColumns(const Node& node, const std::string& metric_prefix, const std::string& path, Definition& definition,
                 base::Diagnostics& diagnostics) {
  return ColumnsReader(metric_prefix, path, definition, diagnostics).Read(node);
}

}  // namespace pgvigil::query
