#include "web/landing.h"

#include <gtest/gtest.h>

namespace pgvigil::web {
namespace {

TEST(LandingPageTest, SaysInWordsWhatIsWrongAndEscapesEverything) {
  observe::ClusterView view;
  view.state.name = {"", "<orders>"};
  view.state.instances.resize(1);
  view.state.instances[0].name = "a&b";
  view.state.instances[0].sql.error = base::Error{base::ErrorKind::kRefused, "Connection refused", "", ""};
  view.verdict.instances.resize(1);
  view.verdict.declared = 1;
  const auto page = LandingPage({std::make_shared<const observe::ClusterView>(view)}, "1.2.3", {});
  EXPECT_NE(page.find("&lt;orders&gt;"), std::string::npos);
  EXPECT_NE(page.find("does not answer: Connection refused"), std::string::npos);
  EXPECT_NE(page.find("Check that the server runs"), std::string::npos) << "what to do";
  EXPECT_NE(page.find("1 instance in 1 cluster; 1 does not answer"), std::string::npos);
  EXPECT_NE(page.find("Who is primary is not known"), std::string::npos);
  EXPECT_NE(page.find("/metrics?cluster=%3Corders%3E"), std::string::npos);
  EXPECT_EQ(page.find("<orders>"), std::string::npos);
  EXPECT_EQ(page.find("<script"), std::string::npos);
}

TEST(LandingPageTest, SaysThatNothingIsWatched) {
  EXPECT_NE(LandingPage({}, "1.2.3", {}).find("Nothing is watched"), std::string::npos);
}

}  // namespace
}  // namespace pgvigil::web
