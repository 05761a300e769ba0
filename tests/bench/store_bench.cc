// What a request to a store costs before it leaves, and a page of a listing when it has come.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "objectstore/directory.h"
#include "objectstore/list_xml.h"
#include "objectstore/sigv4.h"

namespace pgvigil::objectstore {
namespace {

// A listing's request with a session token, as with IAM roles: the longest that is sent.
void BM_Sign(benchmark::State& state) {
  UnsignedRequest request{"GET", "/", {}, {}, std::string(kEmptySha256)};
  request.query = {{"list-type", "2"},
                   {"encoding-type", "url"},
                   {"prefix", "orders/wals/0000000100000005/"},
                   {"continuation-token", std::string(96, '+')}};
  request.headers = {{"host", "backups.s3.eu-central-1.amazonaws.com"},
                     {"x-amz-content-sha256", std::string(kEmptySha256)},
                     {"x-amz-date", "20260102T030405Z"},
                     {"x-amz-security-token", std::string(1200, 'x')}};
  const AccessKey key{"ASIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", std::string(1200, 'x')};
  Signer signer;
  for (auto _ : state) {
    benchmark::DoNotOptimize(signer.Authorization(request, key, {"eu-central-1", "s3"}, "20260102T030405Z"));
  }
}
BENCHMARK(BM_Sign)->Unit(benchmark::kMicrosecond);

void BM_ParsePageOfThousand(benchmark::State& state) {
  std::string xml = "<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>";
  for (int i = 0; i < 1000; ++i) {
    xml += "<Contents><Key>orders%2Fwals%2F0000000100000005%2F0000000100000005" + std::to_string(10'000'000 + i) +
           ".gz</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified><ETag>&quot;d41d8cd98f00b204e9800998ecf8427e"
           "&quot;</ETag><Size>16777216</Size><StorageClass>STANDARD</StorageClass></Contents>";
  }
  xml += "</ListBucketResult>";
  for (auto _ : state) benchmark::DoNotOptimize(ParseListing(xml).ok());
  state.SetItemsProcessed(state.iterations() * 1000);
}
BENCHMARK(BM_ParsePageOfThousand)->Unit(benchmark::kMicrosecond);

void BM_ListDirectoryOfHundredThousand(benchmark::State& state) {
  std::string root = "/dev/shm/store_bench.XXXXXX";
  if (mkdtemp(root.data()) == nullptr) return state.SkipWithError("no /dev/shm");
  for (int i = 0; i < 100'000; ++i) std::ofstream(root + "/0000000100000005" + std::to_string(10'000'000 + i));
  for (auto _ : state) {
    std::size_t files = 0;
    const auto listed =
        ListAll(*OpenDirectory(root), {}, std::chrono::minutes(1), base::SystemClock(), [&](const ListPage& page) {
          files += page.objects.size();
          return true;
        });
    if (!listed.ok() || files != 100'000) state.SkipWithError("not all of it was listed");
  }
  std::filesystem::remove_all(root);
}
BENCHMARK(BM_ListDirectoryOfHundredThousand)->Unit(benchmark::kMillisecond)->Iterations(3);

}  // namespace
}  // namespace pgvigil::objectstore
