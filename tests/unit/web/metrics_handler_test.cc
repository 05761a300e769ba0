#include "web/metrics_handler.h"

#include <gtest/gtest.h>

#include <thread>

#include "web/admission.h"

namespace pgvigil::web {
namespace {

using namespace std::chrono_literals;

TEST(AdmissionTest, GivesAPlaceBackWhenItsHolderGoes) {
  Admission admission(1);
  auto first = admission.Enter(0ms);
  ASSERT_TRUE(first);
  EXPECT_FALSE(admission.Enter(1ms));
  std::thread leaver([&] { first.reset(); });
  EXPECT_TRUE(admission.Enter(60s)) << "waits for it";
  leaver.join();
}

TEST(MetricsHandlerTest, LeavesTheGreaterOfHalfASecondAndATwentiethOfTheTime) {
  struct Case {
    const char* header;
    std::chrono::milliseconds span;
  };
  for (const auto& [header, span] :
       {Case{"", 9500ms}, Case{"3", 2500ms}, Case{"60", 9500ms}, Case{"0.6", 300ms}, Case{"nonsense", 9500ms}}) {
    Request request;
    if (*header != '\0') request.headers["x-prometheus-scrape-timeout-seconds"] = header;
    EXPECT_EQ(std::chrono::round<std::chrono::milliseconds>(ScrapeDeadline(request, 10s).Left(request.received)), span)
        << header;
  }
}

TEST(MetricsHandlerTest, CompressesForThoseWhoTakeIt) {
  for (const auto& [header, takes] : std::vector<std::pair<const char*, bool>>{{"gzip", true},
                                                                               {"deflate, gzip;q=0.5", true},
                                                                               {"gzip;q=0", false},
                                                                               {"gzip;q=0.0", false},
                                                                               {"identity", false},
                                                                               {"*", true},
                                                                               {"gzipped", false}}) {
    Request request;
    request.headers["accept-encoding"] = header;
    EXPECT_EQ(AcceptsGzip(request), takes) << header;
  }
}

}  // namespace
}  // namespace pgvigil::web
