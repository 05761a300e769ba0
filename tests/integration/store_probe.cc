// Drives a store by hand: what the integration tests do with real servers.
//
//   store_probe [--directory PATH | --bucket B [--path P] [--endpoint URL] [--region R] [--virtual-host] [--ca FILE]
//               [--key FILE --secret FILE [--token FILE]]] [--within SECONDS] OPERATION...
//
//   list PREFIX | folders PREFIX | after PREFIX KEY | get KEY MOST | range KEY FIRST LENGTH | read KEY | head KEY |
//   sleep
//
// One line of JSON an answer; "skew" at the end. Operations are done one after the other with one store.
#include <unistd.h>

#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "objectstore/directory.h"
#include "objectstore/s3.h"

namespace {

using namespace pgvigil;
using objectstore::Operation;
using Json = nlohmann::json;

struct Words {
  std::vector<std::string> all;
  std::size_t next = 0;

  bool AtEnd() const { return next == all.size(); }
  std::string Take() { return AtEnd() ? std::string() : all[next++]; }
};

class Probe {
 public:
  Probe(std::shared_ptr<objectstore::Store> store, std::chrono::milliseconds within)
      : store_(std::move(store)), within_(within) {}

  void Do(const std::string& operation, Words& words) {
    const auto began = base::SystemClock().Steady();
    Json line = {{"operation", operation}};
    if (operation == "list" || operation == "folders" || operation == "after") {
      List(operation, words, line);
    } else if (operation == "get" || operation == "range") {
      Get(operation, words, line);
    } else if (operation == "read") {
      Read(words, line);
    } else if (operation == "head") {
      const auto object = store_->Head(words.Take(), Until());
      if (object.ok())
        line.update(
            Json{{"key", object->key}, {"size", object->size}, {"modified", base::UnixSeconds(object->modified)}});
      if (!object.ok()) Fail(line, object.error());
    } else if (operation == "sleep") {
      std::string ignored;
      std::getline(std::cin, ignored);  // until the test says so
    }
    line["seconds"] = base::Seconds(base::SystemClock().Steady() - began);
    std::cout << line.dump(-1, ' ', false, Json::error_handler_t::replace) << std::endl;
  }

 private:
  base::Deadline Until() const { return base::Deadline::After(base::SystemClock().Steady(), within_); }

  static void Fail(Json& line, const base::Error& error) {
    line["error"] = base::Name(error.kind);
    line["message"] = error.message;
    line["subject"] = error.subject;
    line["code"] = error.code;
  }

  void List(const std::string& operation, Words& words, Json& line) {
    objectstore::ListRequest request;
    request.prefix = words.Take();
    request.folders = operation == "folders";
    if (operation == "after") request.start_after = words.Take();
    Json keys = Json::array(), folders = Json::array(), pages = Json::array();
    const auto listed = objectstore::ListAll(*store_, request, within_, base::SystemClock(), [&](const auto& page) {
      for (const auto& object : page.objects) keys.push_back(object.key);
      for (const auto& folder : page.folders) folders.push_back(folder);
      pages.push_back(page.objects.size() + page.folders.size());
      return true;
    });
    line.update(Json{{"keys", keys}, {"folders", folders}, {"pages", pages}});
    if (!listed.ok()) Fail(line, listed.error());
  }

  void Get(const std::string& operation, Words& words, Json& line) {
    const auto key = words.Take();
    std::optional<objectstore::Range> range;
    std::uint64_t most = 1 << 20;
    if (operation == "range") {
      const auto first = std::stoull(words.Take());
      range = objectstore::Range{first, std::stoull(words.Take())};
    } else {
      most = std::stoull(words.Take());
    }
    const auto bytes = store_->Get(key, range, most, Until());
    if (bytes.ok()) line["bytes"] = *bytes;
    if (!bytes.ok()) Fail(line, bytes.error());
  }

  void Read(Words& words, Json& line) {
    std::uint64_t size = 0, pieces = 0;
    const auto read = store_->Read(
        words.Take(),
        [&](std::string_view bytes) {
          size += bytes.size();
          ++pieces;
          return true;
        },
        Until());
    line.update(Json{{"size", size}, {"pieces", pieces}});
    if (!read.ok()) Fail(line, read.error());
  }

  const std::shared_ptr<objectstore::Store> store_;
  const std::chrono::milliseconds within_;
};

// Takes what begins with "--" from the words.
std::map<std::string, std::string> Options(Words& words) {
  std::map<std::string, std::string> options;
  while (!words.AtEnd() && words.all[words.next].starts_with("--")) {
    const auto name = words.Take();
    options[name] = name == "--virtual-host" ? "yes" : words.Take();
  }
  return options;
}

int Run(Words words) {
  auto options = Options(words);
  auto client = std::make_shared<http::Client>();
  auto counts = std::make_shared<objectstore::RequestCounts>();
  std::shared_ptr<objectstore::Store> store;
  if (options.contains("--directory")) {
    store = objectstore::OpenDirectory(options["--directory"]);
  } else {
    objectstore::S3Options s3;
    s3.bucket = options["--bucket"];
    s3.path = options["--path"];
    s3.endpoint = options["--endpoint"];
    s3.region = options["--region"];
    s3.ca_file = options["--ca"];
    s3.credentials = {options["--key"], options["--secret"], options["--token"]};
    if (options.contains("--virtual-host")) s3.addressing = objectstore::Addressing::kVirtualHost;
    objectstore::Surroundings around;
    around.client = client;
    around.counts = counts;
    const auto opened = objectstore::OpenS3(s3, around);
    if (!opened.ok()) {
      std::cerr << opened.error().message << "\n";
      return 2;
    }
    store = *opened;
  }
  const auto seconds = options.contains("--within") ? std::stod(options["--within"]) : 30.0;
  Probe probe(store, std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000)));
  while (!words.AtEnd()) probe.Do(words.Take(), words);
  Json last = {{"connections", client->connections()}};
  for (const auto operation : {Operation::kList, Operation::kGet, Operation::kHead}) {
    last[std::string(objectstore::Name(operation))] = counts->Of(operation);
  }
  if (const auto skew = store->ClockSkew()) last["skew"] = base::Seconds(*skew);
  std::cout << last.dump() << std::endl;
  return 0;
}

}  // namespace

int main(int count, char** values) {
  try {
    return Run({std::vector<std::string>(values + 1, values + count), 0});
  } catch (const std::exception& problem) {
    std::cerr << problem.what() << "\n";
    return 2;
  }
}
