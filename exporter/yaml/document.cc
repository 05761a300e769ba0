#include "yaml/document.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <utility>

#include "base/text.h"

namespace pgvigil::yaml {
namespace {

// Ends the parse at the first thing that cannot be gone on from. Never leaves this file.
struct Refused {
  base::Place place;
  std::string message;
};

std::size_t CountNodes(const Node& node) {
  std::size_t count = 1;
  for (const auto& item : node.items()) count += CountNodes(item);
  for (const auto& member : node.members()) count += CountNodes(member.value);
  return count;
}

int DepthOf(const Node& node) {
  int deepest = 0;
  for (const auto& item : node.items()) deepest = std::max(deepest, DepthOf(item));
  for (const auto& member : node.members()) deepest = std::max(deepest, DepthOf(member.value));
  return deepest + 1;
}

// The text by lines and columns, which count from 1.
class Lines {
 public:
  explicit Lines(std::string_view text) : text_(text) {
    for (auto end = text.find('\n'); end != std::string_view::npos; end = text.find('\n', end + 1))
      starts_.push_back(end + 1);
  }

  // The column of a tab in the white space that the line starts with, if `column` is behind it; otherwise 0.
  int IndentingTab(int line, int column) const {
    if (line < 1 || static_cast<std::size_t>(line) > starts_.size()) return 0;
    const auto rest = text_.substr(starts_[static_cast<std::size_t>(line) - 1]);
    const auto tab = rest.substr(0, rest.find_first_not_of(" \t")).find('\t');
    if (tab == std::string_view::npos || static_cast<std::size_t>(column) <= tab + 1) return 0;
    return static_cast<int>(tab) + 1;
  }

 private:
  const std::string_view text_;
  std::vector<std::size_t> starts_ = {0};
};

constexpr const char* kTabIndents = "a tab indents this line: YAML indents with spaces";

}  // namespace

// Builds the tree out of the parser's events. An alias is a copy of what it stands for and is counted as such, so that
// what costs little to write cannot cost much to read.
class DocumentBuilder final : public YAML::EventHandler {
 public:
  // `lines` are those of what is parsed.
  DocumentBuilder(const Lines& lines, std::string file, const Limits& limits, base::Diagnostics& diagnostics)
      : lines_(lines), file_(std::move(file)), limits_(limits), diagnostics_(diagnostics) {}

  Node Take() && { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Node node;
    node.place_ = At(mark);
    AddLeaf(std::move(node), anchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node node;
    node.place_ = At(mark);
    node.kind_ = Node::Kind::kScalar;
    node.text_ = value;
    node.quoted_ = tag == "!";
    const bool null = !node.quoted_ && (value == "~" || value == "null" || value.empty());
    if (null && !ExpectsKey()) node.kind_ = Node::Kind::kNull;
    AddLeaf(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto known = anchors_.find(anchor);
    if (known == anchors_.end()) throw Refused{At(mark), "the alias stands for something that contains it"};
    Count(CountNodes(known->second), mark);
    if (static_cast<int>(open_.size()) + DepthOf(known->second) > limits_.depth) TooDeep(mark);
    if (ExpectsKey()) throw Refused{At(mark), "an alias cannot be a key here: write the key out"};
    Node copy = known->second;
    Add(std::move(copy));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    Open(mark, Node::Kind::kSequence, anchor, style == YAML::EmitterStyle::Block);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    Open(mark, Node::Kind::kMap, anchor, style == YAML::EmitterStyle::Block);
  }
  void OnMapEnd() override { Close(); }

 private:
  // A sequence or map whose end has not come yet.
  struct Pending {
    Node node;
    YAML::anchor_t anchor = 0;
    bool block = false;  // not within brackets
    bool has_key = false;
    std::string key;
    base::Place key_place;
  };

  base::Place At(const YAML::Mark& mark) const { return {file_, mark.line + 1, mark.column + 1}; }
  bool ExpectsKey() const {
    return !open_.empty() && open_.back().node.kind_ == Node::Kind::kMap && !open_.back().has_key;
  }

  void Count(std::size_t nodes, const YAML::Mark& mark) {
    nodes_ += nodes;
    if (nodes_ <= limits_.nodes) return;
    throw Refused{At(mark), "expected at most " + std::to_string(limits_.nodes) +
                                " values, counting an alias as what it stands for"};
  }

  // YAML takes a tab for no indentation at all. Within a text of several lines or within brackets it is white space
  // like any other.
  void CheckIndentation(const base::Place& place) const {
    if (const int tab = lines_.IndentingTab(place.line, place.column); tab > 0)
      throw Refused{{file_, place.line, tab}, kTabIndents};
  }

  [[noreturn]] void TooDeep(const YAML::Mark& mark) const {
    throw Refused{At(mark), "expected at most " + std::to_string(limits_.depth) + " levels of nesting"};
  }

  void AddLeaf(Node node, YAML::anchor_t anchor) {
    const base::Place place = node.place_;
    if (!open_.empty() && open_.back().block) CheckIndentation(place);
    nodes_ += 1;
    if (nodes_ > limits_.nodes) throw Refused{place, "expected at most " + std::to_string(limits_.nodes) + " values"};
    if (anchor != 0) anchors_[anchor] = node;
    Add(std::move(node));
  }

  void Open(const YAML::Mark& mark, Node::Kind kind, YAML::anchor_t anchor, bool block) {
    Count(1, mark);
    if (static_cast<int>(open_.size()) >= limits_.depth) TooDeep(mark);
    if (ExpectsKey()) throw Refused{At(mark), "expected a plain key, found a list or a map"};
    Pending pending;
    pending.node.kind_ = kind;
    pending.node.place_ = At(mark);
    pending.anchor = anchor;
    pending.block = block;
    open_.push_back(std::move(pending));
  }

  void Close() {
    Pending done = std::move(open_.back());
    open_.pop_back();
    if (done.anchor != 0) anchors_[done.anchor] = done.node;
    Add(std::move(done.node));
  }

  void Add(Node node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    auto& parent = open_.back();
    parent.node.flawed_ = parent.node.flawed_ || node.flawed_;
    if (parent.node.kind_ == Node::Kind::kSequence) {
      parent.node.items_.push_back(std::move(node));
    } else if (!parent.has_key) {
      parent.has_key = true;
      parent.key = std::move(node.text_);
      parent.key_place = node.place_;
    } else {
      parent.has_key = false;
      AddMember(parent, std::move(node));
    }
  }

  void AddMember(Pending& parent, Node value) {
    if (parent.key == "<<") {
      parent.node.flawed_ = true;
      diagnostics_.Error(parent.key_place, Path(), "merge keys (<<) are not supported: write the members out");
      return;
    }
    const auto& members = parent.node.members_;
    const auto first = std::find_if(members.begin(), members.end(),
                                    [&](const Node::Member& member) { return member.key == parent.key; });
    if (first != members.end()) {
      parent.node.flawed_ = true;
      diagnostics_.Error(parent.key_place, Path(),
                         "duplicate key: it is already there on line " + std::to_string(first->place.line));
      return;
    }
    parent.node.members_.push_back({std::move(parent.key), parent.key_place, std::move(value)});
  }

  // Of the member that is being added: clusters[2].instances[0].dsn.
  std::string Path() const {
    std::string path;
    for (const auto& pending : open_) {
      if (pending.node.kind_ == Node::Kind::kSequence) {
        path += "[" + std::to_string(pending.node.items_.size()) + "]";
      } else {
        path += (path.empty() ? "" : ".") + pending.key;
      }
    }
    return path;
  }

  const Lines& lines_;
  const std::string file_;
  const Limits limits_;
  base::Diagnostics& diagnostics_;
  Node root_;
  std::vector<Pending> open_;
  std::map<YAML::anchor_t, Node> anchors_;
  std::size_t nodes_ = 0;
};

namespace {

base::Place PlaceOf(std::string_view text, std::size_t offset, const std::string& name) {
  const auto before = text.substr(0, offset);
  const auto line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  return {name, 1 + static_cast<int>(std::count(before.begin(), before.end(), '\n')),
          1 + static_cast<int>(offset - line_start)};
}

// What is no text at all is told so in words of its own, rather than in a parser's.
void CheckText(std::string_view text, const std::string& name) {
  if (const auto zero = text.find('\0'); zero != std::string_view::npos) {
    throw Refused{PlaceOf(text, zero, name), "expected a text file, found a NUL byte: is this a binary file?"};
  }
  const auto valid = base::ValidUtf8(text);
  if (valid != text) {
    const auto differs = std::mismatch(text.begin(), text.end(), valid.begin(), valid.end()).first;
    throw Refused{PlaceOf(text, static_cast<std::size_t>(differs - text.begin()), name),
                  "expected UTF-8, found a byte that is none"};
  }
}

// What the parser complains of, in words of our own where a tab is the reason.
Refused SyntaxError(const YAML::Exception& problem, const Lines& lines, const std::string& name) {
  if (problem.mark.is_null()) return {{name, 1, 1}, "not YAML: " + problem.msg};
  const int line = problem.mark.line + 1, column = problem.mark.column + 1;
  if (const int tab = lines.IndentingTab(line, column + 1); tab > 0) return {{name, line, tab}, kTabIndents};
  return {{name, line, column}, "not YAML: " + problem.msg};
}

std::unique_ptr<const Node> ParseOrThrow(std::string_view text, const std::string& name, const Limits& limits,
                                         base::Diagnostics& diagnostics) {
  CheckText(text, name);
  const Lines lines(text);
  std::istringstream stream{std::string(text)};
  YAML::Parser parser(stream);
  DocumentBuilder builder(lines, name, limits, diagnostics);
  DocumentBuilder second(lines, name, limits, diagnostics);
  bool several = false;
  try {
    parser.HandleNextDocument(builder);
    several = parser.HandleNextDocument(second);
  } catch (const YAML::Exception& problem) {
    throw SyntaxError(problem, lines, name);
  }
  if (several) {
    auto place = std::move(second).Take().place();
    if (place.file.empty()) place = {name, 1, 1};
    throw Refused{place, "expected one document, found a second one behind ---"};
  }
  return std::make_unique<const Node>(std::move(builder).Take());
}

}  // namespace

const Node* Node::Find(std::string_view key) const {
  const auto found =
      std::find_if(members_.begin(), members_.end(), [&](const Member& member) { return member.key == key; });
  return found == members_.end() ? nullptr : &found->value;
}

std::unique_ptr<const Node> Parse(std::string_view text, const std::string& name, const Limits& limits,
                                  base::Diagnostics& diagnostics) {
  if (text.size() > limits.bytes) {
    diagnostics.Error({name, 0, 0}, "", "expected at most " + base::FormatSize(limits.bytes));
    return nullptr;
  }
  try {
    return ParseOrThrow(text, name, limits, diagnostics);
  } catch (const Refused& refused) {
    diagnostics.Error(refused.place, "", refused.message);
  }
  return nullptr;
}

std::unique_ptr<const Node> Load(const std::string& path, const Limits& limits, base::Diagnostics& diagnostics) {
  const auto text = base::ReadFile(path, limits.bytes);
  if (!text.ok()) {
    diagnostics.Error({path, 0, 0}, "", text.error().message);
    return nullptr;
  }
  return Parse(*text, path, limits, diagnostics);
}

}  // namespace pgvigil::yaml
