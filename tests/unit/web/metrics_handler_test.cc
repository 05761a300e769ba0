#include "web/metrics_handler.h"

#include <gtest/gtest.h>

#include <future>
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
                                                                               {"*;q=0", false},
                                                                               {"gzip;q=0, *", false},
                                                                               {"*;q=0, gzip", true},
                                                                               {"GZIP;Q=0.1", true},
                                                                               {"gzip; q=x", false},
                                                                               {"identity;q=1, gzip;q=0.001", true},
                                                                               {"gzipped", false}}) {
    Request request;
    request.headers["accept-encoding"] = header;
    EXPECT_EQ(AcceptsGzip(request), takes) << header;
  }
}

TEST(AdmissionTest, NobodyWaitsBehindPlacesThatDoNotMove) {
  Admission admission(1, 1);
  auto first = admission.Enter(1ms);
  ASSERT_TRUE(first);
  EXPECT_FALSE(admission.Enter(1ms)) << "waits out its patience";
  EXPECT_FALSE(admission.Enter(1ms)) << "and the next one not at all";
  auto behind = std::async(std::launch::async, [&] { return admission.Enter(60s).has_value(); });
  while (admission.waiting() == 0) std::this_thread::yield();
  EXPECT_FALSE(admission.Enter(60s)) << "the queue is full";
  first.reset();
  EXPECT_TRUE(behind.get());
}

}  // namespace
}  // namespace pgvigil::web
