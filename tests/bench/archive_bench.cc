// What reading an archive of many segments costs, beside a bare listing of the same bucket: time, CPU, requests,
// memory. tests/bench/archive_bench.py makes the bucket and runs it.
//
//   archive_bench ENDPOINT CA BUCKET SERVER PASSES    the key comes from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY
//
// One line of JSON for each thing that was done, in this order: first and listing in turn, kTurns times, each first
// pass by a reader that knows nothing; then later, PASSES times, by the last of them.
#include <sys/resource.h>

#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "archive/barman.h"
#include "objectstore/s3.h"

namespace {

using namespace pgvigil;

double CpuSeconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) { return double(time.tv_sec) + double(time.tv_usec) / 1e6; };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

double PeakMib() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  return double(used.ru_maxrss) / 1024;
}

constexpr int kTurns = 3;

class Bench {
 public:
  explicit Bench(std::shared_ptr<objectstore::RequestCounts> counts) : counts_(std::move(counts)) {}

  // `work` returns how many keys it saw, or what went wrong.
  template <typename Work>
  bool Measure(const std::string& what, const Work& work) {
    const auto began = base::SystemClock().Steady();
    const auto cpu = CpuSeconds();
    const auto requests = Requests();
    const base::Result<std::uint64_t> keys = work();
    if (!keys.ok()) {
      std::cerr << what << ": " << keys.error().message << '\n';
      return false;
    }
    const nlohmann::json line = {{"what", what},
                                 {"keys", *keys},
                                 {"seconds", base::Seconds(base::SystemClock().Steady() - began)},
                                 {"cpu_ms", (CpuSeconds() - cpu) * 1000},
                                 {"requests", Requests() - requests},
                                 {"peak_mib", PeakMib()}};
    std::cout << line.dump() << std::endl;
    return true;
  }

 private:
  std::uint64_t Requests() const {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < objectstore::kOperations; ++i)
      sum += counts_->Of(static_cast<objectstore::Operation>(i));
    return sum;
  }

  std::shared_ptr<objectstore::RequestCounts> counts_;
};

int Run(const std::string& endpoint, const std::string& ca, const std::string& bucket, const std::string& server,
        int passes) {
  objectstore::S3Options options;
  options.bucket = bucket;
  options.endpoint = endpoint;
  options.ca_file = ca;
  objectstore::Surroundings surroundings;
  surroundings.counts = std::make_shared<objectstore::RequestCounts>();
  auto store = objectstore::OpenS3(options, surroundings);
  if (!store.ok()) return std::cerr << store.error().message << '\n', 1;
  std::unique_ptr<archive::Reader> reader;
  Bench bench(surroundings.counts);

  const auto pass = [&]() -> base::Result<std::uint64_t> {
    archive::PassOptions pass_options;
    pass_options.segment_size = wal::SegmentSize::FromBytes(16 << 20).Take();
    const auto contents = reader->Pass(pass_options);
    if (!contents.ok()) return contents.error();
    return (*contents)->wal.stored.size();
  };
  const auto listing = [&]() -> base::Result<std::uint64_t> {
    std::uint64_t keys = 0;
    const auto listed = objectstore::ListAll(**store, {server + "/wals/", false, ""}, std::chrono::minutes(1),
                                             base::SystemClock(), [&](const objectstore::ListPage& page) {
                                               keys += page.objects.size();
                                               return true;
                                             });
    if (!listed.ok()) return listed.error();
    return keys;
  };
  for (int turn = 0; turn < kTurns; ++turn) {
    reader = archive::MakeBarmanReader(*store, server, base::SystemClock());
    if (!bench.Measure("first", pass) || !bench.Measure("listing", listing)) return 1;
  }
  for (int i = 0; i < passes; ++i)
    if (!bench.Measure("later", pass)) return 1;
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) return std::cerr << "usage: archive_bench ENDPOINT CA BUCKET SERVER PASSES\n", 2;
  return Run(argv[1], argv[2], argv[3], argv[4], std::stoi(argv[5]));
}
