#include "json/selection.h"

#include <vector>

#include "base/text.h"

namespace pgvigil::json {
namespace {

// nlohmann-json's events, turned into the part of the document that is kept. Null values and empty places mark what is
// passed over.
class Reader final : public nlohmann::json_sax<Value> {
 public:
  Reader(const Selection& kept, const Selection* of_items, const std::function<void(const Value&)>* item)
      : kept_(kept), of_items_(of_items), item_(item) {}

  bool null() override { return Put(nullptr); }
  bool boolean(bool value) override { return Put(value); }
  bool number_integer(number_integer_t value) override { return Put(value); }
  bool number_unsigned(number_unsigned_t value) override { return Put(value); }
  bool number_float(number_float_t value, const string_t&) override { return Put(value); }
  bool string(string_t& value) override { return Put(std::move(value)); }
  bool binary(binary_t&) override { return false; }  // no JSON
  bool start_object(std::size_t) override { return Enter(Value::object()); }
  bool start_array(std::size_t) override { return Enter(Value::array()); }
  bool end_object() override { return Leave(); }
  bool end_array() override { return Leave(); }

  bool key(string_t& name) override {
    auto& place = places_.back();
    place.member = std::move(name);
    place.below = place.whole ? place.selection : place.selection ? place.selection->Below(place.member) : nullptr;
    place.below_whole = place.whole || (place.below != nullptr && place.below->whole());
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& why) override {
    error_ = base::Error{
        base::ErrorKind::kMalformed, "byte " + std::to_string(position) + " is no JSON: " + why.what(), {}, {}};
    return false;
  }

  base::Result<Value> Take() && {
    if (error_) return *error_;
    return std::move(root_);
  }
  bool failed() const { return error_.has_value(); }

 private:
  // An object or array that is open. A skipped one has neither value nor selection.
  struct Place {
    Value* value = nullptr;
    const Selection* selection = nullptr;
    bool whole = false;
    bool items = false;  // the array whose elements are handed out
    // Of the member that comes next.
    std::string member = {};
    const Selection* below = nullptr;
    bool below_whole = false;
  };

  bool IsItems(const Place& parent) const {
    return of_items_ != nullptr && places_.size() == 1 && parent.member == "items";
  }

  // Where the next value belongs; null: nowhere.
  Value* Slot(const Place& parent) {
    if (parent.value == nullptr) return nullptr;
    if (parent.value->is_array()) return &parent.value->emplace_back();
    if (parent.below == nullptr && !parent.below_whole) return nullptr;
    return &(*parent.value)[parent.member];
  }

  template <typename T>
  bool Put(T&& value) {
    if (places_.empty()) {
      root_ = std::forward<T>(value);
      return true;
    }
    auto& parent = places_.back();
    if (parent.items) return true;  // an object is expected there
    // A path that leads on ends at a value that holds nothing: there is nothing to keep below it.
    const bool kept = parent.value != nullptr && (parent.value->is_array() ? parent.whole : parent.below_whole);
    if (!kept) return true;
    if (Value* slot = Slot(parent)) *slot = std::forward<T>(value);
    return true;
  }

  bool Enter(Value empty) {
    if (static_cast<int>(places_.size()) >= kDepthAtMost) {
      error_ = base::Error{
          base::ErrorKind::kLimit, "brackets stand in each other deeper than " + std::to_string(kDepthAtMost), {}, {}};
      return false;
    }
    Place place;
    if (places_.empty()) {
      root_ = std::move(empty);
      place.value = &root_;
      place.selection = &kept_;
      place.whole = kept_.whole();
    } else if (places_.back().items) {
      item_value_ = std::move(empty);
      place.value = &item_value_;
      place.selection = of_items_;
    } else if (IsItems(places_.back())) {
      place.items = true;
    } else {
      EnterBelow(places_.back(), std::move(empty), place);
    }
    places_.push_back(std::move(place));
    return true;
  }

  void EnterBelow(Place& parent, Value empty, Place& place) {
    const bool in_array = parent.value != nullptr && parent.value->is_array();
    const auto* selection = in_array ? parent.selection : parent.below;
    const bool whole = in_array ? parent.whole : parent.below_whole;
    if (parent.value == nullptr || (selection == nullptr && !whole)) return;
    Value* slot = Slot(parent);
    if (slot == nullptr) return;
    *slot = std::move(empty);
    place.value = slot;
    place.selection = selection;
    place.whole = whole;
  }

  bool Leave() {
    places_.pop_back();
    if (!places_.empty() && places_.back().items) (*item_)(item_value_);
    return true;
  }

  const Selection& kept_;
  const Selection* const of_items_;
  const std::function<void(const Value&)>* const item_;
  std::vector<Place> places_;
  Value root_, item_value_;
  std::optional<base::Error> error_;
};

base::Result<Value> Read(std::string_view text, Reader reader) {
  const bool whole = Value::sax_parse(text, &reader);
  if (!whole && !reader.failed()) return base::Error{base::ErrorKind::kMalformed, "no JSON", {}, {}};
  return std::move(reader).Take();
}

}  // namespace

Selection::Selection(std::initializer_list<std::string_view> paths) {
  for (const auto path : paths) Add(path);
}

Selection::Selection(const std::vector<std::string>& paths) {
  for (const auto& path : paths) Add(path);
}

void Selection::Add(std::string_view path) {
  Selection* at = this;
  for (const auto member : base::Split(path, '.')) {
    const auto found = at->members_.find(member);
    at = found != at->members_.end() ? &found->second
                                     : &at->members_.emplace(std::string(member), Selection()).first->second;
  }
  at->whole_ = true;
}

const Selection* Selection::Below(std::string_view member) const {
  const auto found = members_.find(member);
  return found == members_.end() ? nullptr : &found->second;
}

base::Result<Value> ReadSelected(std::string_view text, const Selection& kept) {
  return Read(text, Reader(kept, nullptr, nullptr));
}

base::Result<Value> ReadList(std::string_view text, const Selection& kept, const Selection& of_items,
                             const std::function<void(const Value&)>& item) {
  return Read(text, Reader(kept, &of_items, &item));
}

}  // namespace pgvigil::json
