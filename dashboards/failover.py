"""The dashboard of what happened to a cluster's primaries, and of who could be the next one."""

from board import (
    BLUE, BY_CLUSTER, CLUSTER, DATASOURCE, GREEN, ORANGE, RED, STATES, YELLOW, Dashboard, Query, coloured, column, line, link_to, most, of_cluster, steps, words)

COUNTED = {"failover": RED, "switchover": BLUE, "crash": YELLOW, "restart": BLUE, "designated": BLUE}
NAMES = {"failover": "failover", "switchover": "switchover", "designated": "other designated primary"}
NONE_YET = "only after the first one that is known of"


def failover_dashboard():
    board = Dashboard("pgvigil-failover", "pgvigil / Failover and replication",
                      "What happened to the primary and what it cost, who is primary, who could take over", False, link_to("Cluster", "pgvigil-cluster"))
    board.content["time"] = {"from": "now-24h", "to": "now"}
    happened = most("kind", "pgvigil_last_failover_timestamp_seconds", CLUSTER)
    # The counters are there, at 0, before the first event; what is told of the last one is not.
    board.content["annotations"]["list"].append({
        "name": "What happened", "datasource": DATASOURCE, "enable": True, "iconColor": "red", "hide": False,
        "expr": f"changes({most('kind', 'pgvigil_failover_events_total', CLUSTER)}[2m:15s]) > 0", "titleFormat": "{{kind}}", "tagKeys": "kind"})
    on_cluster = f"on ({BY_CLUSTER})"

    def last(metric, kind):
        return of_cluster(f"pgvigil_last_failover_{metric}", f'kind="{kind}"')

    def counted(kind):
        return of_cluster("pgvigil_failover_events_total", f'kind="{kind}"')

    def ago(kind):
        return f"time() - {last('timestamp_seconds', kind)}"

    board.row("Now")
    ready, blockers = of_cluster("pgvigil_failover_ready"), most(f"{BY_CLUSTER}, blocker", "pgvigil_failover_blocker", CLUSTER, "min")
    board.stat("Can it fail over", "Whether a standby could take over now within the objectives; NO: see what stands in the way. Unknown without a primary to "
               "measure against. Alert: PgNotFailoverReady.",
               [(f"{ready} or 0 * {of_cluster('pgvigil_cluster_info')} - 1", "ready")],
               mappings=words((0, "NO", RED), (1, "yes", GREEN), (-1, "UNKNOWN", ORANGE)), size=(6, 4))
    board.states("What stands in the way", "Of a failover: no standby that follows, one that is too far behind, or missing synchronous standbys. "
                 "Alert: PgNotFailoverReady.", [(blockers, "{{blocker}}")], [(0, "no", GREEN), (1, "in the way", RED)], size=(18, 4))

    board.row("The last one")
    for kind, alert, severity, says in (
            ("failover", "PgFailover", "warning", "What the old primary had that the new one lacks is under Lost; why it went is in its log. "
             "Alerts: PgFailover, PgFailoverFlapping."),
            ("switchover", "PgSwitchover", "info", "Somebody asked for it, and nothing was lost. Alert: PgSwitchover."),
            ("designated", "PgDesignatedPrimaryChanged", "info", "In a replica cluster another instance receives for the others. Alert: "
             "PgDesignatedPrimaryChanged.")):
        board.judged(f"Last {NAMES[kind]}", f"Time since the last {NAMES[kind]} was over. {says}", ago(kind), [(alert, severity, "just now", "< 1800")],
                     well="long over", unit="s", decimals=0,
                     unknown=f"(0 * {counted(kind)} - 1) unless {on_cluster} ({ago(kind)})",
                     ask="the journal knows of none", mappings=words((-1, "none", GREEN)))
    rto = of_cluster("pgvigil_objective_rto_seconds")
    for kind in ("failover", "switchover"):
        outage = last("outage_seconds", kind)
        board.judged(f"Outage of the last {kind}",
                     "From the last sign of the old primary to the first of the new one as primary. Over the objective: look under Role for what was "
                     "waited for. Alert: PgFailoverSlow.", outage,
                     [("PgFailoverSlow", "warning", "over the objective", f"> {on_cluster} {rto} and {on_cluster} {ago(kind)} < 3600")], well="within the objective",
                     unit="s", decimals=1, ask="none is known of", unknown=f"(0 * {rto} - 1) unless {on_cluster} {outage}", mappings=words((-1, "none", GREEN)))
    lost = last("lost_bytes", "failover")
    board.judged("Lost in the last failover",
                 "WAL that the old primary is known to have written and the new one never received: a lower bound. More than nothing: keep the old "
                 "primary's pg_wal before it is rewound. Alert: PgFailoverDataLost.", lost,
                 [("PgFailoverDataLost", "critical", "LOST", f"> 0 and {on_cluster} {ago('failover')} < 3600")], well="nothing that is known of", unit="bytes", ask="none is known of",
                 unknown=f"(0 * {rto} - 1) unless {on_cluster} {lost}", mappings=words((-1, "none", GREEN)))
    board.stat("Failovers within the hour",
               "Two or more: whatever takes the primaries down is still there. Alert: PgFailoverFlapping.",
               [(of_cluster("pgvigil_failover_events_recent", 'kind="failover"', 'window="1h"'), "failovers")],
               thresholds=steps(("critical", 2)))

    board.row("What happened")
    board.states("Role", "Who was primary when. A gap is an instance that did not answer; two bars that say primary at one time are a split brain. "
                 "Alerts: PgTwoPrimaries, PgNoPrimary, PgPrimaryUnknown.",
                 [(most("pg_instance", "pgvigil_instance_role", CLUSTER + ',role="primary"'), "{{pg_instance}}")],
                 [(0, "standby", BLUE), (1, "primary", GREEN)], size=(12, 8))
    number = " + ".join(f"{i} * " + most("pg_instance", "pgvigil_replication_state", f'{CLUSTER},state="{state}"') for i, state in enumerate(STATES) if i)
    board.states("Replication state", "How each standby is fed: who streams can take over. Diverged after a failover: it has WAL that the new primary lacks, "
                 "rewind or clone it. Alerts: PgStandbyDisconnected, PgStandbyDiverged.",
                 [(number, "{{pg_instance}}")], [(i, state.replace("_", " "), colour) for i, (state, colour) in enumerate(STATES.items())], size=(12, 8))
    board.series("Events", "Failovers, switchovers, restarts and crashes of the primary, counted by the journal. They survive restarts of pgvigil only "
                 "where it has a journal. Alerts: PgPrimaryCrashed, PgFailoverFlapping.",
                 [(most("kind", "pgvigil_failover_events_total", CLUSTER), "{{kind}}")], decimals=0, size=(12, 8))
    board.series("Timeline", "Each promotion begins a new one. Instances on different ones for long: one of them did not follow.",
                 [(most("pg_instance", "pgvigil_timeline_id", CLUSTER), "{{pg_instance}}")], decimals=0, size=(12, 8))

    board.row("What the next one would cost")
    board.series("Lost with the primary", "Time whose commits no reachable standby has: what a failover now would cost. Over the line: do not fail over now if "
                 "you can wait. Alert: PgRpoPrimaryOverObjective.",
                 [(of_cluster("pgvigil_rpo_seconds", 'loss="primary"'), "lost"),
                  line(of_cluster("pgvigil_objective_rpo_seconds", 'loss="primary"'), "PgRpoPrimaryOverObjective", "critical")], unit="s", size=(12, 8))
    board.series("Not yet received", "WAL of the primary that each standby has yet to receive. High: the network, or the standby's disk.",
                 [(most("pg_instance", "pgvigil_replication_lag_bytes", CLUSTER + ',position="received"'), "{{pg_instance}}")], unit="bytes", size=(12, 8))

    board.row("By kind")
    columns = {"kind": "Kind", "Value #A": "When", "Value #B": "Without a primary for", "Value #C": "Lost at least"}
    board.add("table", "The last of each kind",
              "When it was over, how long there was no primary, and what is known to be lost. The sentences, with instances, are on pgvigil's own page and in "
              "`pgvigil status`. Alert: PgDesignatedPrimaryChanged.",
              [Query(f"1000 * {happened}", may_be_empty=NONE_YET),
               Query(most("kind", "pgvigil_last_failover_outage_seconds", CLUSTER), may_be_empty=NONE_YET),
               Query(most("kind", "pgvigil_last_failover_lost_bytes", CLUSTER), may_be_empty=NONE_YET)],
              size=(24, 6), none="Nothing is known to have happened",
              transformations=[{"id": "merge", "options": {}},
                               {"id": "organize", "options": {"excludeByName": {"Time": True}, "indexByName": {name: i for i, name in enumerate(columns)},
                                                              "renameByName": columns}}],
              overrides=[coloured("Kind", *((kind, kind, colour) for kind, colour in COUNTED.items())), column("When", unit="dateTimeAsLocal"),
                         column("Without a primary for", unit="s"), column("Lost at least", unit="bytes")])
    return board.content
