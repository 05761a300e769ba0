// Rows of the compiled-in statements, as the server would send them, and the facts that are read out of them.
#include "postgres/facts.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "fakes/manual_clock.h"

namespace pgvigil::postgres {
namespace {

using namespace std::chrono_literals;

using Row = std::map<std::string, std::string>;

class OneRow final : public Rows {
 public:
  explicit OneRow(std::vector<std::string> values) : values_(std::move(values)) {}
  std::size_t size() const override { return 1; }
  std::optional<std::string_view> text(std::size_t, std::size_t column) const override { return values_[column]; }

 private:
  const std::vector<std::string> values_;
};

void Answer(ResultSink& sink, const Row& row) {
  std::vector<ResultColumn> columns;
  std::vector<std::string> values;
  for (const auto& [name, value] : row) {
    columns.push_back({name, 25});
    values.push_back(value);
  }
  sink.OnColumns(columns);
  sink.OnRows(OneRow(std::move(values)));
  sink.OnDone({});
}

const Row kPulseRow = {{"in_recovery", "f"},
                       {"server_time", "2000000"},
                       {"postmaster_start", "1000000"},
                       {"flushed", "0/2000"},
                       {"next_xid", "900"}};

class PulseTest : public testing::Test {
 protected:
  PulseTest() {
    auto known = std::make_shared<cluster::InstanceFacts>();
    known->postmaster_start = base::WallTime(1s);
    known->timeline = 3;
    known->flushed = wal::Lsn{0x1000};
    known->walsenders.emplace_back().pid = 42;
    known->synchronous_standby_names = "b";
    known_ = known;
  }

  base::Result<cluster::InstanceFacts> Read(Row row) {
    PulseSink sink(clock_, known_);
    clock_.Advance(5ms);
    Answer(sink, row);
    return sink.facts();
  }

  static Row With(const std::string& column, const std::string& value) {
    auto row = kPulseRow;
    row[column] = value;
    return row;
  }

  fakes::ManualClock clock_;
  std::shared_ptr<const cluster::InstanceFacts> known_;
};

TEST_F(PulseTest, RenewsWhatMovesAndKeepsTheRest) {
  const auto facts = Read(kPulseRow);
  ASSERT_TRUE(facts.ok());
  EXPECT_EQ(facts->flushed, wal::Lsn{0x2000});
  EXPECT_EQ(facts->next_xid, 900U);
  EXPECT_EQ(facts->server_time, base::WallTime(2s));
  EXPECT_EQ(facts->received - facts->sent, 5ms);
  EXPECT_EQ(facts->received, clock_.Steady());
  EXPECT_EQ(facts->timeline, 3U);
  ASSERT_EQ(facts->walsenders.size(), 1U);
  EXPECT_EQ(facts->walsenders[0].pid, 42);
  EXPECT_EQ(facts->synchronous_standby_names, "b");
}

TEST_F(PulseTest, OfAnotherServerOrRoleRenewsNothing) {
  for (const auto& row : {With("in_recovery", "t"), With("postmaster_start", "1500000"), With("server_time", "")}) {
    EXPECT_FALSE(Read(row).ok());
  }
}

TEST_F(PulseTest, ThatFailedSaysWhy) {
  PulseSink sink(clock_, known_);
  sink.OnDone({base::Error{base::ErrorKind::kTimeout, "late", {}, {}}, 0, {}});
  ASSERT_FALSE(sink.facts().ok());
  EXPECT_EQ(sink.facts().error().kind, base::ErrorKind::kTimeout);
}

}  // namespace
}  // namespace pgvigil::postgres
