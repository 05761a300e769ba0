"""The dashboard of a cluster's backups, and of what they can restore."""

from board import (
    BY_CLUSTER, BY_INSTANCE, CLUSTER, DATASOURCE, GREEN, NEVER, NO_ARCHIVE, RED, RUNBOOKS, SEVERITIES, UNKNOWNS, YELLOW, coloured, column, Dashboard,
    from_on, line, link_to, most, of_cluster, Query, steps, unknown_of_archive, words)


def backups_dashboard():
    board = Dashboard("pgvigil-backups", "pgvigil / Backups and recovery",
                      "To which times could one recover, what would be lost with the site, do WAL and backups arrive", False,
                      link_to("Cluster", "pgvigil-cluster"))
    done = f"max by (archive, method) (pgvigil_backup_last_success_timestamp_seconds{{{CLUSTER}}})"
    board.content["annotations"]["list"].append({
        "name": "Backup done", "datasource": DATASOURCE, "enable": True, "iconColor": "blue", "hide": False,
        "expr": f"changes({done}[2m:15s]) > 0", "titleFormat": "Backup done", "tagKeys": "archive,method"})
    on_cluster = f"on ({BY_CLUSTER})"
    in_archive, in_method, in_type = "archive", "archive, method", "archive, method, type"
    each, by_method, by_type = "{{archive}}", "{{archive}} {{method}}", "{{archive}} {{method}} {{type}}"
    proof, claim = 'evidence="proof"', 'evidence="claim"'

    def all_of(metric, *matchers, by=in_archive, how="max"):
        return most(by, metric, ",".join((CLUSTER, *matchers)), how)

    def least(metric, *matchers):
        return all_of(metric, *matchers, by=BY_CLUSTER, how="min")

    def words_for(*more):
        return words(*more, *UNKNOWNS, (NO_ARCHIVE, "NO ARCHIVE", YELLOW))

    board.row("What is wrong now")
    rpo, objective = (of_cluster(metric, 'loss="site"') for metric in ("pgvigil_rpo_seconds", "pgvigil_objective_rpo_seconds"))
    board.judged("Lost if the site died now",
                 "Time whose commits are in no archive behind a restorable backup. Over the objective: see under Archive what does not arrive; "
                 "EVERYTHING: take a backup now. Alerts: PgRpoSiteOverObjective, PgBackupNoneRestorable, PgRpoSiteUnknown, PgArchiveNotConfigured.", rpo,
                 [("PgRpoSiteOverObjective", "critical", "over the objective", f"< inf > {on_cluster} {objective}"),
                  ("PgBackupNoneRestorable", "critical", "no restorable backup", "== inf")],
                 well="within the objective", ask="see Archive", unknown=unknown_of_archive(rpo), unit="s", decimals=0,
                 mappings=[*words_for(), from_on(1e15, "EVERYTHING", RED)])
    effective = least("pgvigil_archive_effective")
    failing = of_cluster("pg_stat_archiver_failing")
    board.judged("WAL reaches the archive",
                 "Whether what the server calls archived is in the store, and whether its archiver succeeds. NO: archive_command says that it "
                 "is done, and it is not. Alerts: PgArchiveNotEffective, PgArchiverFailing.", effective,
                 [("PgArchiverFailing", "warning", "the archiver fails", f"and {on_cluster} {failing} == 1"),
                  ("PgArchiveNotEffective", "critical", "does not arrive", "== 0")],
                 well="it arrives", ask="see Archive", unknown=unknown_of_archive(effective), mappings=words_for((0, "NO", RED), (1, "yes", GREEN)))
    gaps = of_cluster("pgvigil_archive_gaps")
    histories, switch = (of_cluster(f"pgvigil_archive_{what}") for what in ("missing_histories", "switch_missing_segments"))
    board.judged("Holes in the archive", "Confirmed holes in the WAL from the oldest backup to the newest segment; no backup from before a hole reaches "
                 "beyond it. Look for the segments in every pg_wal at once. Alerts: PgArchiveGap, PgArchiveSwitchWalMissing, PgArchiveHistoryMissing.", gaps,
                 [("PgArchiveGap", "warning", "WAL is missing", "> 0"),
                  ("PgArchiveHistoryMissing", "critical", "a history is missing", f"and {on_cluster} {histories} > 0"),
                  ("PgArchiveSwitchWalMissing", "critical", "LOST AT A PROMOTION", f"and {on_cluster} {switch} > 0")],
                 well="none", ask="see Archive", unknown=unknown_of_archive(gaps), mappings=words_for())
    success = "pgvigil_backup_last_success_timestamp_seconds"
    newest = f"time() - ({of_cluster(success, proof)} or {on_cluster} {of_cluster(success, claim)})"
    readable = of_cluster("pgvigil_source_up", 'source=~"objectstore|pgbackrest"')
    board.judged("Newest backup", "Age of the newest backup that can be restored. Over the objective: the table of newest backups says which kind fails. "
                 "NEVER: take one now. Alerts: PgBackupTooOld, PgBackupNever.", newest,
                 [("PgBackupTooOld", "critical", "over the objective", f"> {on_cluster} {of_cluster('pgvigil_objective_backup_age_seconds')}")],
                 well="within the objective", ask="see Archive", unknown=unknown_of_archive(newest, f"0 * ({readable} == 1) - 5 or "), unit="dtdurations",
                 mappings=words_for((NEVER, "NEVER", RED)))
    good = most(BY_CLUSTER + ", archive, method", "pgvigil_backups", CLUSTER + ',state="restorable"')
    restorable = f"sum by ({BY_CLUSTER}) ({good})"
    useless = of_cluster("pgvigil_backups", 'state=~"broken|orphan|archived_tier"')
    board.judged("Restorable backups", "Backups whose parts, WAL and ancestors are all there. NONE while others are kept: Backups by state says what they are. "
                 "Alert: PgBackupNoneRestorable.", restorable,
                 [("PgBackupNoneRestorable", "critical", "all are broken", f"== 0 and {on_cluster} {useless} > 0")],
                 well="can be restored", ask="see Archive", unknown=unknown_of_archive(restorable), mappings=words_for(), decimals=0)
    window = "pgvigil_recovery_window_start_timestamp_seconds"
    start, oldest = least(window, proof), least("pgvigil_backup_oldest_timestamp_seconds")
    promised = of_cluster("pgvigil_objective_recovery_window_seconds")
    earlier = f"min by ({BY_CLUSTER}) (min_over_time({window}{{{CLUSTER},{proof}}}[14d]))"
    short = (f"< {on_cluster} {promised} and {on_cluster} ({start} > {on_cluster} {earlier} or {on_cluster} {start} > {on_cluster} {oldest}"
             f" and {on_cluster} time() - {oldest} > {on_cluster} {promised})")
    board.judged("Recoverable for the last", "How far back the recovery window reaches. Shorter than the objective, and not because the cluster is young: retention "
                 "removes too much, or the chain from the older backups is broken. Alerts: PgRecoveryWindowTooShort, PgRecoveryWindowJumped.",
                 f"time() - {start}", [("PgRecoveryWindowTooShort", "warning", "shorter than promised", short)],
                 well="as promised, or young", ask="see Archive", unknown=unknown_of_archive(start), unit="dtdurations", mappings=words_for())
    firing = f'{CLUSTER},component=~"archive|backup|recovery",alertstate="firing"'
    board.add("table", "Firing alerts", "What fires for the archives and backups of this cluster, longest first. A click on a name opens its runbook.",
              [Query(f"1000 * max by (alertname, severity, archive, schedule) (ALERTS_FOR_STATE and ignoring (alertstate) ALERTS{{{firing}}})",
                     may_be_empty="only while an alert fires")],
              size=(24, 6), none="Nothing fires", options={"showHeader": True, "sortBy": [{"displayName": "Since", "desc": False}]},
              transformations=[{"id": "organize", "options": {
                  "excludeByName": {"Time": True}, "indexByName": {"severity": 0, "alertname": 1, "archive": 2, "schedule": 3, "Value": 4},
                  "renameByName": {"severity": "Severity", "alertname": "Alert", "archive": "Archive", "schedule": "Schedule", "Value": "Since"}}}],
              overrides=[coloured("Severity", *((severity, severity, colour) for severity, colour in SEVERITIES.items())),
                         column("Since", unit="dateTimeFromNow"),
                         column("Alert", links=[{"title": "Runbook", "url": RUNBOOKS + "${__data.fields.Alert}.md", "targetBlank": True}])])

    board.row("Recovery")
    board.series("Recovery window",
                 "The band is what can be recovered: how long ago its begin and its end are. A lower end that rises: WAL does not arrive; an upper "
                 "end that falls at once: the chain from older backups broke. Alerts: PgRecoveryWindowTooShort, PgRecoveryWindowJumped.",
                 [(f"time() - {all_of(window, proof, by=BY_CLUSTER, how='min')}", "begin"),
                  (f"time() - {of_cluster('pgvigil_recovery_window_end_timestamp_seconds', proof)}", "end"),
                  line(promised, "PgRecoveryWindowTooShort", "warning", may_be_empty="only where a window is declared")],
                 unit="dtdurations", size=(12, 8), custom={"fillOpacity": 0},
                 overrides=[{"matcher": {"id": "byFrameRefID", "options": "A"},
                             "properties": [{"id": "custom.fillBelowTo", "value": "end"}, {"id": "custom.fillOpacity", "value": 25}]}])
    board.series("What would be lost with the site",
                 "Commits that no archive could bring back, in time and, on the right, in WAL. Nothing is drawn where everything would be lost. "
                 "Alerts: PgRpoSiteOverObjective, PgRpoSiteUnknown.",
                 [(rpo, "time"), line(objective, "PgRpoSiteOverObjective", "critical"),
                  Query(of_cluster("pgvigil_rpo_bytes", 'loss="site"'), "WAL", unit="bytes")], unit="s", size=(12, 8))
    begins = [all_of(window, evidence, by=in_method, how="min") for evidence in (claim, proof)]
    ends = [all_of(success, evidence, by=in_type) for evidence in (claim, proof)]
    board.series("Claimed and not proven",
                 "How far the begin of the window that the operator or the tool claims is from the proven one, and by how much the newest backup called "
                 "done is newer than the newest restorable one. Trust the store. Alerts: PgRecoveryClaimDisagrees, PgBackupUnproven.",
                 [Query(f"abs({begins[0]} - on ({in_method}) {begins[1]})", f"{by_method} window", may_be_empty="only where something is claimed"),
                  Query(f"{ends[0]} - on ({in_type}) {ends[1]}", f"{by_type} backup", may_be_empty="only where something is claimed")],
                 unit="s", thresholds=steps(("warning", 3600)), size=(12, 8), none="Nothing is claimed")
    board.series("Age of the newest backup",
                 "Age of the newest restorable backup, by type, and the objective, which the newest of all must keep. A new type that stays away is in the "
                 "table of newest backups. Alerts: PgBackupTooOld, PgBackupNever.",
                 [(f"time() - {all_of(success, proof, by=in_type)}", by_type),
                  line(of_cluster("pgvigil_objective_backup_age_seconds"), "PgBackupTooOld", "critical")], unit="dtdurations", size=(12, 8))

    board.row("Archive")
    facts = {"archive": ("Archive", None), "effective": ("WAL arrives", "pgvigil_archive_effective"), "backlog": ("Not stored", "pgvigil_archive_backlog_bytes"),
             "segments": ("Segments not stored", "pgvigil_archive_backlog_segments"), "gaps": ("Holes", "pgvigil_archive_gaps"),
             "missing": ("Segments missing", "pgvigil_archive_missing_segments"), "timeline": ("Timeline", "pgvigil_archive_timeline_id"),
             "highest": ("Highest timeline", "pgvigil_archive_highest_timeline_id"), "conflicts": ("Foreign objects", "pgvigil_archive_conflicts"),
             "retention": ("Retention", "pgvigil_archive_retention_seconds")}
    read = [name for name, (_, metric) in facts.items() if metric]
    columns = {"archive": "Archive", **{f"Value #{chr(65 + i)}": facts[name][0] for i, name in enumerate(read)}}
    board.add("table", "Archives",
              "Each archive with what is stored there and what is not. WAL arrives: NO is an outage of the archive, whatever the server says. Alerts: "
              "PgArchiveNotEffective, PgArchiveBacklogGrowing, PgArchiveGap, PgArchiveTwoWriters, PgBackupRetentionNotEnforced.",
              [Query(all_of(facts[name][1], how="min" if name == "effective" else "max"),
                     may_be_empty="only where a retention is declared" if name == "retention" else "") for name in read],
              size=(24, 6), none="No archive is configured, or none could be read",
              transformations=[{"id": "merge", "options": {}},
                               {"id": "organize", "options": {"excludeByName": {"Time": True}, "indexByName": {name: i for i, name in enumerate(columns)},
                                                              "renameByName": columns}}],
              overrides=[coloured("WAL arrives", (0, "NO", RED), (1, "yes", GREEN)), column("Not stored", unit="bytes"),
                         *(column(name, unit="none", decimals=0) for name in ("Timeline", "Highest timeline")), column("Retention", unit="dtdurations")])
    board.series("Segments not stored",
                 "Whole segments that the primary has filled and the archive does not hold. Some are on their way; if they become more for half an hour, see "
                 "Archiver on the instance. Alerts: PgArchiveBacklogGrowing, PgArchiveWalOld.",
                 [(all_of("pgvigil_archive_backlog_segments"), each)], decimals=0, thresholds=steps(("warning", 16), ("critical", 256)))
    board.series("Age of the newest WAL stored",
                 "Time since the newest segment that recovery can use was stored, and since the server reported one. It grows on an idle primary, too; with "
                 "segments not stored it must stay below the objective. Alert: PgArchiveWalOld.",
                 [(f"time() - {all_of('pgvigil_archive_last_wal_timestamp_seconds', by='archive, evidence')}", "{{archive}} {{evidence}}"),
                  line(objective, "PgArchiveWalOld", "warning")], unit="s")
    waiting = most("pg_instance", "pg_wal_directory_oldest_ready_timestamp_seconds", CLUSTER)
    board.series("WAL waits for the archiver", "How long the oldest file has waited for archive_command. Above the line a failure fills the disk: the server's log "
                 "says why. Alert: PgArchiverFailing.",
                 [Query(f"time() - {waiting}", "{{pg_instance}}", may_be_empty="only while a file waits")], unit="s", thresholds=steps(("critical", 1800)),
                 none="Nothing waits")
    board.series("Missing in the archive",
                 "Segments missing from the middle, segments needed up to a promotion, and timeline history files. Each ends recovery where it is. "
                 "Look for them in every pg_wal. Alerts: PgArchiveGap, PgArchiveSwitchWalMissing, PgArchiveHistoryMissing.",
                 [(all_of(f"pgvigil_archive_{metric}"), f"{each} {what}")
                  for metric, what in (("missing_segments", "segments"), ("switch_missing_segments", "segments at a promotion"),
                                       ("missing_histories", "histories"))], decimals=0)
    primary = f'pgvigil_instance_role{{{CLUSTER},role="primary"}} == 1'
    board.series("Timelines",
                 "The primary's timeline, the one on which the proven chain ends, and the highest one stored. Behind the primary: nothing arrives since its "
                 "promotion; above it: recovery would follow a stranger. Alerts: PgArchiveNewTimelineMissing, PgArchiveHigherTimeline.",
                 [(f"max by ({BY_CLUSTER}) (pgvigil_timeline_id{{{CLUSTER}}} and on ({BY_INSTANCE}) {primary})", "primary"),
                  (all_of("pgvigil_archive_timeline_id"), f"{each} chain"), (all_of("pgvigil_archive_highest_timeline_id"), f"{each} highest")],
                 unit="none", decimals=0, custom={"lineInterpolation": "stepAfter", "fillOpacity": 0})
    board.series("Signs of another writer", "Objects under the archive's path that this cluster cannot have written, by what gives them away. Any: stop the other "
                 "writer first, then give it a path of its own. Alert: PgArchiveTwoWriters.",
                 [(all_of("pgvigil_archive_conflicts", by="archive, kind"), f"{each} {{{{kind}}}}")], decimals=0)
    board.states("Does pgvigil see the archives", "Whether each archive could be read when it was last asked. If not, everything here grows old: credentials, bucket, "
                 "network. Alert: PgArchiveUnreadable.",
                 [(most("archive, source", "pgvigil_source_up", CLUSTER + ',source=~"objectstore|pgbackrest"', "min"), f"{each} {{{{source}}}}")],
                 [(0, "fails", RED), (1, "answers", GREEN)])
    board.series("Clock of the store", "By how much the store's clock differs from pgvigil's. Ages are wrong by as much: mend the clock. Alert: PgArchiveClockSkew.",
                 [(f"max by (archive) (abs(pgvigil_archive_clock_skew_seconds{{{CLUSTER}}}))", each)], unit="s", thresholds=steps(("warning", 60)))
    board.series("Requests to the store", "Requests that pgvigil makes for all clusters, by operation: what watching costs. Many more than before: the listing "
                 "interval is short for the number of objects.",
                 [("sum by (operation) (rate(pgvigil_objectstore_requests_total[$__rate_interval]))", "{{operation}}")], unit="reqps")

    board.row("Backups")
    board.series("Backups by state",
                 "Backups kept, by what they are. Broken: parts or WAL are missing; orphan: files without metadata; archived_tier: in a tier that cannot be "
                 "read at once. None restorable: take one now. Alerts: PgBackupNoneRestorable, PgBackupUnproven.",
                 [(all_of("pgvigil_backups", by="archive, method, state"), f"{by_method} {{{{state}}}}")], decimals=0,
                 custom={"stacking": {"mode": "normal"}, "fillOpacity": 60}, size=(12, 8))
    columns = {"schedule": "Schedule", "Value #A": "Due", "Value #B": "Overdue", "Value #C": "Suspended"}
    unscheduled = "only where backups are scheduled"
    board.add("table", "Schedules", "When each schedule is due, and by how much it is late. Suspended ones make no backups and are never late. "
              "Alerts: PgBackupOverdue, PgBackupScheduleSuspended.",
              [Query(expression, may_be_empty=unscheduled) for expression in (
                  f"1000 * {all_of('pgvigil_backup_due_timestamp_seconds', by='schedule')}",
                  all_of("pgvigil_backup_overdue_seconds", by="schedule"), all_of("pgvigil_backup_schedule_suspended", by="schedule"))],
              size=(12, 8), none="No backups are scheduled",
              transformations=[{"id": "merge", "options": {}},
                               {"id": "organize", "options": {"excludeByName": {"Time": True}, "indexByName": {name: i for i, name in enumerate(columns)},
                                                              "renameByName": columns}}],
              overrides=[column("Due", unit="dateTimeFromNow"), column("Overdue", unit="dtdurations"),
                         coloured("Suspended", (0, "no", GREEN), (1, "SUSPENDED", YELLOW))])
    failure = "pgvigil_backup_last_failure_timestamp_seconds"
    columns = {"archive": "Archive", "method": "Method", "type": "Type", "Value #A": "Restorable", "Value #B": "Called done", "Value #C": "Failed",
               "Value #D": "Took", "Value #E": "Size"}
    board.add("table", "Newest backups",
              "Of each kind the newest backup that can be restored, that is called done, and that failed. Failed after done: its log says why; done and not "
              "restorable: its WAL or parts are missing. Alerts: PgBackupFailed, PgBackupUnproven, PgBackupTooOld, PgBackupNever.",
              [Query(f"1000 * {all_of(success, proof, by=in_type)}"),
               Query(f"1000 * {all_of(success, claim, by=in_type)}", may_be_empty="only where something is claimed"),
               Query(f"1000 * {all_of(failure, by=in_type)}", may_be_empty="only while a failed backup is kept"),
               Query(all_of("pgvigil_backup_last_duration_seconds", by=in_type)), Query(all_of("pgvigil_backup_last_size_bytes", by=in_type))],
              size=(24, 7), none="There are no backups",
              transformations=[{"id": "merge", "options": {}},
                               {"id": "organize", "options": {"excludeByName": {"Time": True}, "indexByName": {name: i for i, name in enumerate(columns)},
                                                              "renameByName": columns}}],
              overrides=[*(column(name, unit="dateTimeFromNow") for name in ("Restorable", "Called done", "Failed")), column("Took", unit="dtdurations"),
                         column("Size", unit="bytes")])
    few = "only once there were several of a type"
    board.series("Duration of backups", "Time the newest backup of each type took, and twice the usual. Above the line: the server, its disk or the way to "
                 "the store is slow, and a restore will be, too. Alert: PgBackupSlow.",
                 [(all_of("pgvigil_backup_last_duration_seconds", by=in_type), by_type),
                  line(f"2 * {all_of('pgvigil_backup_usual_duration_seconds', by=in_type)}", "PgBackupSlow", "warning", f"{by_type} 2 × usual",
                       may_be_empty=few)], unit="dtdurations")
    board.series("Size of backups", "Size of the newest backup of each type, and half the usual one of a full backup. Below the line: data were removed, or the "
                 "backup lacks some. Alert: PgBackupSmall.",
                 [(all_of("pgvigil_backup_last_size_bytes", by=in_type), by_type),
                  line("0.5 * " + all_of("pgvigil_backup_usual_size_bytes", 'type="full"', by=in_type), "PgBackupSmall", "warning", f"{by_type} half of the usual",
                       may_be_empty=few)], unit="bytes")
    board.series("Overdue", "By how much each schedule is late. Look at the operator or the timer that should have started it. Alert: PgBackupOverdue.",
                 [Query(all_of("pgvigil_backup_overdue_seconds", by="schedule"), "{{schedule}}", may_be_empty=unscheduled)], unit="dtdurations",
                 thresholds=steps(("warning", 1800)), none="No backups are scheduled")
    kept = all_of("pgvigil_archive_retention_seconds")
    board.series("Age of the oldest backup", "Age of the oldest backup kept, and where retention should long have removed it. Above the line: nothing removes what is "
                 "old. Alert: PgBackupRetentionNotEnforced.",
                 [(f"time() - {all_of('pgvigil_backup_oldest_timestamp_seconds', by=in_method, how='min')}", by_method),
                  line(f"1.5 * {kept} + 604800", "PgBackupRetentionNotEnforced", "warning", f"{each} long past retention",
                       may_be_empty="only where a retention is declared")], unit="dtdurations")
    return board.content
