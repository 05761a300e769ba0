"""The dashboard of a cluster."""

from board import (
    BLUE, BY_CLUSTER, BY_INSTANCE, CLUSTER, DECLARED, GREEN, READY, RED, RPO_OBJECTIVE, RUNBOOKS, SEVERITIES, STATES, TO_INSTANCE, UNKNOWN, UNKNOWNS,
    coloured, column, Dashboard, from_on, line, link_to, most, of_cluster, Query, steps, unknown_of_cluster, words)


def cluster_dashboard():
    board = Dashboard("pgvigil-cluster", "pgvigil / Cluster", "Is there one primary, do the standbys follow, what would be lost now", False,
                      link_to("Instances", "pgvigil-instance"))
    board.row("What is wrong now")
    board.stat("Primary",
               "Instances that answer as primary. NONE: nothing can be written. TWO OR MORE: what all but one take is lost. UNKNOWN: "
               "an instance that could be the primary does not answer, see the table of instances. Alerts: PgNoPrimary, PgTwoPrimaries, PgPrimaryUnknown.",
               [(f"{of_cluster('pgvigil_cluster_primaries')} or 0 * {RPO_OBJECTIVE} - 1 or 0 * {DECLARED} - 2", "primaries")],
               mappings=[*words((0, "NONE", RED), (1, "one", GREEN), *UNKNOWNS), from_on(2, "TWO OR MORE", RED)])
    counted = (f'{READY} / {DECLARED} * on ({BY_CLUSTER}) group_left (ready) count_values by ({BY_CLUSTER}) ("ready", {READY})'
               f' * on ({BY_CLUSTER}) group_left (declared) count_values by ({BY_CLUSTER}) ("declared", {DECLARED})')
    board.judged("Instances that answer", "Declared instances, and those of them that answer SQL. Fewer than declared: the table of instances says which "
                 "one does not. Alerts: PgInstanceDown, PgInstanceUnreachable.", counted,
                 [("PgInstanceDown", "warning", "{{ready}} of {{declared}}", "< 1"), ("PgInstanceDown", "critical", "NONE of {{declared}}", "== 0")],
                 well="{{ready}} of {{declared}}", text_mode="name", unit="percentunit")
    rpo = of_cluster("pgvigil_rpo_seconds", 'loss="primary"')
    lost = f"{rpo} unless on ({BY_CLUSTER}) {DECLARED} == 1"
    board.judged("Lost if the primary died now", "Time whose commits no reachable standby has; without bound when none follows. Over the objective: do not "
                 "fail over now if you can wait, and see the replication states for the standby that fell behind. Alerts: PgRpoPrimaryOverObjective, "
                 "PgRpoPrimaryUnknown.", lost,
                 [("PgRpoPrimaryOverObjective", "critical", "over the objective", f"> on ({BY_CLUSTER}) {RPO_OBJECTIVE}")],
                 well="within the objective", unknown=unknown_of_cluster(lost, alone=True), unit="s", decimals=1,
                 mappings=[*words(*UNKNOWNS), from_on(1e15, "WITHOUT BOUND", RED)])
    behind = (f"sum by ({BY_CLUSTER}) (" + most(BY_INSTANCE + ", state", "pgvigil_replication_state", CLUSTER + ',state=~"disconnected|diverged"') + ")")
    diverged = of_cluster("pgvigil_replication_state", 'state="diverged"')
    board.judged("Standbys that do not follow", "Standbys that are disconnected, or diverged and have to be rebuilt. One that does not answer is counted under "
                 "Instances that answer. Alerts: PgStandbyDisconnected, PgStandbyDiverged.", behind,
                 [("PgStandbyDisconnected", "warning", "disconnected", "> 0"),
                  ("PgStandbyDiverged", "critical", "diverged", f"and on ({BY_CLUSTER}) {diverged} == 1")],
                 well="all follow", unknown=unknown_of_cluster(behind, alone=True), mappings=words(*UNKNOWNS))
    waiters = of_cluster("pgvigil_sync_waiters")
    required, streaming = (of_cluster("pgvigil_sync_standbys", f'state="{state}"') for state in ("required", "streaming"))
    missing = f"{required} > on ({BY_CLUSTER}) {streaming}"
    # Streaming is not confirming: a commit waits for what is received or, where synchronous_commit is remote_apply (4), replayed.
    stuck, unapplied = (f"max by ({BY_CLUSTER}) (changes(pg_recovery_{position}_bytes{{{CLUSTER}}}[130s])) == 0" for position in ("received", "replayed"))
    primary = f'pgvigil_instance_role{{{CLUSTER},role="primary"}} == 1'
    applied = f"max by ({BY_CLUSTER}) (pg_settings_synchronous_commit{{{CLUSTER}}} and on ({BY_INSTANCE}) {primary}) == 4"
    blocked = f"{missing} or on ({BY_CLUSTER}) {stuck} or on ({BY_CLUSTER}) {unapplied} and on ({BY_CLUSTER}) {applied}"
    board.judged("Commits that wait",
                 "Backends whose commit waits for a synchronous standby. To wait is normal while the standbys confirm; if too few stream, or "
                 "none confirms, commits wait for ever: bring the standby back. Alerts: PgCommitsBlocked, PgSyncStandbysMissing.", waiters,
                 [("PgSyncStandbysMissing", "warning", "a standby is missing", f"and on ({BY_CLUSTER}) {required} - on ({BY_CLUSTER}) {streaming} > 0"),
                  ("PgCommitsBlocked", "critical", "BLOCKED", f"> 0 and on ({BY_CLUSTER}) ({blocked})")],
                 well="none is blocked", unknown=unknown_of_cluster(waiters), mappings=words(*UNKNOWNS))
    slots = most(BY_INSTANCE + ", slot_name", "pg_replication_slot_wal_status_state", CLUSTER + ',wal_status=~"lost|unreserved"')
    asked = of_cluster("pgvigil_query_success", 'query="pg_replication_slot_wal_status"')
    endangered = f"count by ({BY_CLUSTER}) ({slots} == 1) or 0 * ({asked} == 1)"
    lost_slots = most(BY_CLUSTER, "pg_replication_slot_wal_status_state", CLUSTER + ',wal_status="lost"')
    board.judged("Slots in danger", "Replication slots that lost WAL they need, or lose it at the next checkpoint. Bring the client of an unreserved one back "
                 "now; a lost one has to be made anew, with its standby or subscriber. Alerts: PgSlotNearInvalidation, PgSlotLost.", endangered,
                 [("PgSlotNearInvalidation", "critical", "about to be lost", "> 0"),
                  ("PgSlotLost", "critical", "LOST", f"and on ({BY_CLUSTER}) {lost_slots} == 1")],
                 well="none", unknown=unknown_of_cluster(endangered), mappings=words(*UNKNOWNS))
    firing = f'{CLUSTER},alertstate="firing"'
    own = 'pg_cluster="",component="exporter",severity!="none",alertstate="firing"'
    since = "ALERTS_FOR_STATE and ignoring (alertstate)"
    board.add("table", "Firing alerts",
              "What fires for this cluster, and for pgvigil itself, longest first. A click on a name opens its runbook, on an instance its "
              "dashboard.",
              [Query(f"1000 * max by (alertname, severity, pg_instance) ({since} ALERTS{{{firing}}} or {since} ALERTS{{{own}}})",
                     may_be_empty="only while an alert fires")],
              size=(24, 6), none="Nothing fires", options={"showHeader": True, "sortBy": [{"displayName": "Since", "desc": False}]},
              transformations=[{"id": "organize", "options": {
                  "excludeByName": {"Time": True}, "indexByName": {"severity": 0, "alertname": 1, "pg_instance": 2, "Value": 3},
                  "renameByName": {"severity": "Severity", "alertname": "Alert", "pg_instance": "Instance", "Value": "Since"}}}],
              overrides=[coloured("Severity", *((severity, severity, colour) for severity, colour in SEVERITIES.items())),
                         column("Since", unit="dateTimeFromNow"),
                         column("Alert", links=[{"title": "Runbook", "url": RUNBOOKS + "${__data.fields.Alert}.md", "targetBlank": True}]),
                         column("Instance", links=[TO_INSTANCE])])

    board.row("Roles and replication")
    board.states("Role", "Who was primary when. Two bars that say primary at one time are a split brain; a gap is an instance that did not answer. "
                 "Alerts: PgTwoPrimaries, PgNoPrimary, PgPrimaryUnknown.",
                 [(most("pg_instance", "pgvigil_instance_role", CLUSTER + ',role="primary"'), "{{pg_instance}}")],
                 [(0, "standby", BLUE), (1, "primary", GREEN)], size=(12, 8))
    number = " + ".join(f"{i} * " + most("pg_instance", "pgvigil_replication_state", f'{CLUSTER},state="{state}"') for i, state in enumerate(STATES) if i)
    board.states("Replication state", "How each standby is fed. Disconnected: look at its WAL receiver's log; diverged: rebuild or rewind it; paused: resume "
                 "replay. Alerts: PgStandbyDisconnected, PgStandbyDiverged, PgReplayPaused.",
                 [(number, "{{pg_instance}}")], [(i, state.replace("_", " "), colour) for i, (state, colour) in enumerate(STATES.items())], size=(12, 8))
    board.series("Lag of what is replayed, in time", "How long ago the primary passed what each standby has replayed: how old a read on it is. Right also when "
                 "idle or cut off. Only this one high: replay is slow or held up by a query. Alert: PgReplicationLagSecondsHigh.",
                 [(most("pg_instance", "pgvigil_replication_lag_seconds", CLUSTER + ',position="replayed"'), "{{pg_instance}}"),
                  line(of_cluster("pgvigil_objective_replication_lag_seconds"), "PgReplicationLagSecondsHigh", "warning")], unit="s", size=(12, 8))
    board.series("Lag of what is received, in time",
                 "How long ago the primary passed what each standby has received: what would be lost with the primary if that "
                 "standby were promoted. High: the network, or the standby's disk.",
                 [(most("pg_instance", "pgvigil_replication_lag_seconds", CLUSTER + ',position="received"'), "{{pg_instance}}")], unit="s", size=(12, 8))
    board.series("Lag in WAL",
                 "WAL between the primary's flush position and what each standby has received. It grows without end on a standby that is cut off. "
                 "Alert: PgReplicationLagBytesHigh.",
                 [(most("pg_instance", "pgvigil_replication_lag_bytes", CLUSTER + ',position="received"'), "{{pg_instance}}"),
                  line(of_cluster("pgvigil_objective_replication_lag_bytes"), "PgReplicationLagBytesHigh", "warning")], unit="bytes")
    board.series("What would be lost with the primary",
                 "Commits that no reachable standby has, in time and, on the right, in WAL. Nothing is drawn where the loss "
                 "has no bound. Alerts: PgRpoPrimaryOverObjective, PgRpoPrimaryUnknown.",
                 [(rpo, "time"),
                  line(RPO_OBJECTIVE, "PgRpoPrimaryOverObjective", "critical"),
                  Query(of_cluster("pgvigil_rpo_bytes", 'loss="primary"'), "WAL", unit="bytes")], unit="s")
    board.series("Timeline", "The timeline each instance is on: one more at every promotion. An instance that stays below the others has not followed; of two "
                 "primaries the higher one was promoted later. Alerts: PgStandbyDiverged, PgTwoPrimaries.",
                 [(most("pg_instance", "pgvigil_timeline_id", CLUSTER), "{{pg_instance}}")], unit="none", decimals=0,
                 custom={"lineInterpolation": "stepAfter", "fillOpacity": 0})

    board.row("Synchronous replication and slots")
    board.series("Synchronous standbys",
                 "Asked for, and streaming as sync or quorum; and commits that wait for them. Fewer streaming than required: commits wait "
                 "until one is back or synchronous_standby_names asks for less. Alerts: PgSyncStandbysMissing, PgCommitsBlocked.",
                 [(most("state", "pgvigil_sync_standbys", CLUSTER), "{{state}}"), (waiters, "commits that wait")], decimals=0)
    retained = of_cluster("pgvigil_objective_slot_retained_bytes")
    board.series("WAL retained by slots",
                 "WAL the servers keep for each slot, which fills the disk in the end. Bring the client back, or drop a slot that nobody "
                 "needs. Alerts: PgSlotRetainingOverObjective, PgSlotInactive.",
                 [(most("pg_instance, slot_name", "pg_replication_slots_retained_bytes", CLUSTER), "{{pg_instance}} {{slot_name}}"),
                  line(retained, "PgSlotRetainingOverObjective", "warning"),
                  line(f"4 * {retained}", "PgSlotRetainingOverObjective", "critical", "4 × objective")], unit="bytes",
                 none="There are no slots")
    unlimited = "only where max_slot_wal_keep_size limits slots"
    board.series("WAL until slots are in danger",
                 "WAL that may be written before a slot loses what it needs; at 0 it is lost with the next checkpoint. Bring the "
                 "client back, or raise max_slot_wal_keep_size if the disk has room. Alerts: PgSlotNearInvalidation, PgSlotLost.",
                 [Query(most("pg_instance, slot_name", "pg_replication_slots_safe_wal_size_bytes", CLUSTER, "min"), "{{pg_instance}} {{slot_name}}",
                        may_be_empty=unlimited),
                  line("0.2 * " + most("pg_instance", "pg_settings_max_slot_wal_keep_size_bytes", CLUSTER), "PgSlotNearInvalidation", "warning",
                       "{{pg_instance}} 20 %", may_be_empty=unlimited)],
                 unit="bytes", none="max_slot_wal_keep_size is unlimited: slots are safe, the disk is not")

    # The exporters that watch this cluster; what they say of themselves names no cluster.
    watching = f"and on (job, instance) pgvigil_cluster_info{{{CLUSTER}}}"
    board.row("The exporter")
    board.states("Does pgvigil see everything",
                 "Whether each source answered when it was last asked. If nothing is drawn pgvigil itself is down or not scraped. "
                 "Alerts: PgSourceFailing, PgExporterDown.",
                 [(most("pg_instance, source", "pgvigil_source_up", CLUSTER, "min"), "{{pg_instance}} {{source}}")],
                 [(0, "fails", RED), (1, "answers", GREEN)])
    board.series("Scrape duration",
                 "Time a page took, waiting for instances included. It must stay below the scrape timeout; an instance that hangs shows here. "
                 "Whether pgvigil itself is short of CPU is in Loop lag (alert PgExporterLoopLagging).",
                 [(f"max by (instance) (pgvigil_scrape_duration_seconds {watching})", "{{instance}}")], unit="s")
    board.series("Loop lag", "Greatest lateness of pgvigil's event loop. Above the line a missed observation is no evidence: give it more CPU. "
                 "Alert: PgExporterLoopLagging.",
                 [(f"max by (instance) (pgvigil_loop_lag_seconds {watching})", "{{instance}}")], unit="s", thresholds=steps(("warning", 0.25)))
    board.series("Left out and reloaded",
                 "Samples left out of pages, by reason; and on the right whether the newest configuration was taken up, which pgvigil's "
                 "log explains if not; likewise whether the journal of failovers is written. Alerts: PgConfigReloadFailed, PgJournalNotWritten, PgWatchdog.",
                 [(f"sum by (instance, reason) (rate(pgvigil_samples_dropped_total[$__rate_interval]) {watching})", "{{instance}} {{reason}}"),
                  Query(f"min by (instance) (pgvigil_config_last_reload_successful {watching})", "{{instance}} configuration taken up", unit="bool_yes_no"),
                  Query(f"min by (instance) (pgvigil_journal_up {watching})", "{{instance}} journal written", unit="bool_yes_no",
                        may_be_empty="only where a journal is configured")],
                 unit="cps", size=(24, 6))

    board.row("Instances")
    columns = {"pg_instance": "Instance", "Value #A": "Answers", "role": "Role", "state": "Replication", "Value #D": "Timeline", "Value #E": "Replay behind",
               "Value #F": "Replay behind, in time", "Value #G": "Running for", "version": "Version"}
    board.add("table", "Every instance",
              "Each instance with what it says of itself. One that is DOWN says nothing else: its log and its host come next. A click on its "
              "name opens its dashboard. Alerts: PgInstanceDown, PgInstanceUnreachable.",
              [(most("pg_instance", "pg_up", CLUSTER),), (most("pg_instance, role", "pgvigil_instance_role", CLUSTER) + " == 1",),
               (most("pg_instance, state", "pgvigil_replication_state", CLUSTER) + " == 1",),
               (most("pg_instance", "pgvigil_timeline_id", CLUSTER),),
               (most("pg_instance", "pgvigil_replication_lag_bytes", CLUSTER + ',position="replayed"'),),
               (most("pg_instance", "pgvigil_replication_lag_seconds", CLUSTER + ',position="replayed"'),),
               ("time() - " + most("pg_instance", "pg_postmaster_start_timestamp_seconds", CLUSTER),),
               (most("pg_instance, version", "pg_server_info", CLUSTER),)],
              size=(24, 8), transformations=[
                  {"id": "merge", "options": {}},
                  {"id": "organize", "options": {
                      "excludeByName": {"Time": True, "Value #B": True, "Value #C": True, "Value #H": True},
                      "indexByName": {name: i for i, name in enumerate(columns)}, "renameByName": columns}}],
              overrides=[
                  coloured("Answers", (0, "DOWN", RED), (1, "answers", GREEN)),
                  coloured("Role", ("primary", "primary", GREEN), ("standby", "standby", BLUE)),
                  coloured("Replication", *((state, state.replace("_", " "), colour) for state, colour in STATES.items())),
                  column("Timeline", unit="none", decimals=0),
                  column("Replay behind", unit="bytes"), column("Replay behind, in time", unit="s"), column("Running for", unit="dtdurations"),
                  column("Instance", links=[TO_INSTANCE])])
    return board.content
