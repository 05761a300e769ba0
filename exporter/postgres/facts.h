// The compiled-in statements that yield facts, and the sinks that read their results.
// Source: PostgreSQL manual, "System Information Functions", "pg_stat_*", "pg_control_*"; needs pg_monitor.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cluster/instance_facts.h"
#include "postgres/session.h"

namespace pgvigil::postgres {

// What an earlier observation over the same session has brought; the server is spared looking it up again.
struct KnownFacts {
  std::vector<cluster::Walsender>
      walsenders;                 // names and addresses: it goes through the state of every backend for them
  std::string system_identifier;  // empty: unknown. It opens a file for it
};

// One row, everything. `version` is server_version_num.
Execution FactsExecution(int version, const KnownFacts& known, std::shared_ptr<ResultSink> sink);
// One row, a fifth of that: what moves from one second to the next on a primary.
Execution PulseExecution(std::shared_ptr<ResultSink> sink);
// One row; every 60 s.
Execution SettingsExecution(int version, std::shared_ptr<ResultSink> sink);

// Reads the row of FactsExecution. After a good OnDone `facts()` holds it; `sent` and `received` are set by the sink
// from the clock.
class FactsSink final : public ResultSink {
 public:
  FactsSink(int version, const base::Clock& clock, KnownFacts known = {});
  ~FactsSink() override;
  void OnColumns(std::span<const ResultColumn> columns) override;
  void OnRows(const Rows& rows) override;
  void OnDone(const Outcome& outcome) override;
  const base::Result<cluster::InstanceFacts>& facts() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Reads the row of PulseExecution into what is known of a primary. An error of kind kUnavailable says that it is not
// the primary any more that `known` speaks of: everything has to be asked anew.
class PulseSink final : public ResultSink {
 public:
  PulseSink(const base::Clock& clock, std::shared_ptr<const cluster::InstanceFacts> known);
  ~PulseSink() override;
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
