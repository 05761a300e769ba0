// The compiled-in statements that yield facts, and the sinks that read their results.
// Source: PostgreSQL manual, "System Information Functions", "pg_stat_*", "pg_control_*"; needs pg_monitor.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cluster/instance_facts.h"
#include "postgres/session.h"

namespace pgvigil::postgres {

// Walsenders whose names and addresses an earlier observation over the same session has brought: the server is spared
// looking them up again, which takes it through the state of every backend.
using KnownWalsenders = std::vector<cluster::Walsender>;

// One row, a few tens of microseconds of server CPU; every observation. `version` is server_version_num.
Execution FactsExecution(int version, const KnownWalsenders& known, std::shared_ptr<ResultSink> sink);
// One row; every 60 s.
Execution SettingsExecution(int version, std::shared_ptr<ResultSink> sink);

// Reads that row. After a good OnDone `facts()` holds it; `sent` and `received` are set by the sink from the clock.
class FactsSink final : public ResultSink {
 public:
  FactsSink(int version, const base::Clock& clock, KnownWalsenders known = {});
  ~FactsSink() override;
  void OnColumns(std::span<const ResultColumn> columns) override;
  void OnRows(const Rows& rows) override;
  void OnDone(const Outcome& outcome) override;
  const base::Result<cluster::InstanceFacts>& facts() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class SettingsSink final : public ResultSink {
 public:
  SettingsSink();
  ~SettingsSink() override;
  void OnColumns(std::span<const ResultColumn> columns) override;
  void OnRows(const Rows& rows) override;
  void OnDone(const Outcome& outcome) override;
  const base::Result<cluster::InstanceSettings>& settings() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pgvigil::postgres
