// Pages made of the same runs are made once: whoever asks while one is being made waits for it and shares the text.
#pragma once

#include <functional>
#include <future>
#include <list>
#include <memory>
#include <mutex>
#include <string>

namespace pgvigil::scrape {

enum class Encoding { kPlain, kGzip };

// Thread-safe.
class PageCache {
 public:
  using Text = std::shared_ptr<const std::string>;

  // The page of that key: kept from the last few, awaited from whoever makes it, or made here.
  Text Get(const std::string& key, const std::function<std::string()>& make);

 private:
  struct Entry {
    std::string key;
    std::shared_future<Text> text;
  };

  std::mutex mutex_;
  std::list<Entry> entries_;  // newest first
};

}  // namespace pgvigil::scrape
