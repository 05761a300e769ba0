#include "scrape/page_cache.h"

#include <algorithm>

namespace pgvigil::scrape {
namespace {

// One plain and one compressed page of the newest runs; older ones are nobody's any more.
constexpr std::size_t kKept = 2;

}  // namespace

PageCache::Text PageCache::Get(const std::string& key, const std::function<std::string()>& make) {
  std::promise<Text> promise;
  {
    std::unique_lock lock(mutex_);
    const auto found =
        std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.key == key; });
    if (found != entries_.end()) {
      const auto text = found->text;
      lock.unlock();
      return text.get();
    }
    entries_.push_front({key, promise.get_future().share()});
    if (entries_.size() > kKept) entries_.pop_back();
  }
  try {
    auto text = std::make_shared<const std::string>(make());
    promise.set_value(text);
    return text;
  } catch (...) {  // those who wait must not wait for ever, and the next one tries again
    promise.set_exception(std::current_exception());
    const std::lock_guard lock(mutex_);
    std::erase_if(entries_, [&](const Entry& entry) { return entry.key == key; });
    throw;
  }
}

}  // namespace pgvigil::scrape
