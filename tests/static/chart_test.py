"""The chart: every set of values in helm/pgvigil/ci rendered and held against the API, the tools and the tree.

Needs helm, promtool and go on the PATH. With PGVIGIL_BINARY set the rendered configuration goes through `pgvigil check`.
"""

import copy
import functools
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile

import jsonschema
import pytest
import yaml

import chart_api

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "helm/pgvigil"
SETS = sorted(CHART.glob("ci/*-values.yaml"))
RULES = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))["groups"] for path in (ROOT / "alerts/rules").glob("*.yaml")}
KUBERNETES = ["--kube-version", "1.31"]


def helm(*arguments):
    return subprocess.run(["helm", *map(str, arguments)], capture_output=True, text=True, check=False)


@functools.cache
def render(*arguments, chart=CHART):
    done = helm("template", "watch", chart, "--namespace", "monitoring", *KUBERNETES, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def documents(*arguments):
    return [one for one in yaml.safe_load_all(render(*arguments)) if one]


def of_kind(kind, *arguments):
    return [one for one in documents(*arguments) if one["kind"] == kind]


def the(kind, *arguments):
    (one,) = of_kind(kind, *arguments)
    return one


def pods(*arguments):
    """(name, metadata of the pod, its spec) of everything that becomes a pod."""
    for one in documents(*arguments):
        if one["kind"] == "Deployment":
            yield one["metadata"]["name"], one["spec"]["template"]["metadata"], one["spec"]["template"]["spec"]
        elif one["kind"] == "Pod":
            yield one["metadata"]["name"], one["metadata"], one["spec"]


def selects(selector, labels):
    return selector.items() <= labels.items()


each_set = pytest.mark.parametrize("values", [("-f", str(path)) for path in SETS], ids=[path.stem for path in SETS])


@each_set
def test_lint_finds_nothing(values):
    done = helm("lint", "--strict", CHART, *KUBERNETES, *values)
    assert done.returncode == 0, done.stdout + done.stderr


@each_set
def test_every_object_is_what_the_api_takes(values):
    found = [f"{one['kind']} {one['metadata']['name']}: {fault}" for one in documents(*values) for fault in chart_api.faults(one)]
    assert not found


@each_set
def test_names_are_valid_and_unique(values):
    seen = set()
    for one in documents(*values):
        name, namespace = one["metadata"]["name"], one["metadata"]["namespace"]
        assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", name) and len(name) <= 63, name
        assert (one["kind"], namespace, name) not in seen
        seen.add((one["kind"], namespace, name))
        for key, value in one["metadata"].get("labels", {}).items():
            assert re.fullmatch(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]|", value) and len(value) <= 63, (key, value)


@each_set
def test_pods_hold_the_restricted_standard(values):
    checked = 0
    for _, _, spec in pods(*values):
        assert spec["automountServiceAccountToken"] is False
        assert not any(spec.get(key) for key in ("hostNetwork", "hostPID", "hostIPC"))
        assert spec["securityContext"]["runAsNonRoot"] is True and spec["securityContext"]["runAsUser"] > 0
        assert spec["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
        assert all({"configMap", "secret", "emptyDir", "projected", "persistentVolumeClaim"} & set(volume) for volume in spec["volumes"])
        for container in spec["containers"] + spec.get("initContainers", []):
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False and context["readOnlyRootFilesystem"] is True
            assert context["capabilities"] == {"drop": ["ALL"]} and not context.get("privileged")
            checked += 1
    assert checked


@each_set
def test_mounts_and_volumes_match(values):
    own = {one["metadata"]["name"] for one in of_kind("ConfigMap", *values)}
    for name, _, spec in pods(*values):
        volumes = {volume["name"]: volume for volume in spec["volumes"]}
        assert len(volumes) == len(spec["volumes"])
        mounted = {mount["name"] for container in spec["containers"] for mount in container.get("volumeMounts", [])}
        assert mounted == set(volumes), name
        for volume in volumes.values():
            source = volume.get("configMap", {}).get("name", "")
            assert not source.startswith("watch-pgvigil") or source in own


@each_set
def test_selectors_find_the_exporter_and_not_its_test(values):
    labels = {one["kind"]: one["spec"].get("template", one)["metadata"]["labels"] for one in documents(*values) if one["kind"] in ("Deployment", "Pod")}
    service = the("Service", *values)
    selectors = [service["spec"]["selector"], the("Deployment", *values)["spec"]["selector"]["matchLabels"]]
    selectors += [one["spec"]["selector"]["matchLabels"] for one in of_kind("PodDisruptionBudget", *values)]
    for selector in selectors:
        assert selects(selector, labels["Deployment"]) and not selects(selector, labels.get("Pod", {}))
    for one in of_kind("ServiceMonitor", *values):
        assert selects(one["spec"]["selector"]["matchLabels"], service["metadata"]["labels"])
        assert one["spec"]["namespaceSelector"]["matchNames"] == [service["metadata"]["namespace"]]
        assert one["spec"]["endpoints"][0]["honorLabels"] is True
        assert one["spec"]["endpoints"][0]["port"] in [port["name"] for port in service["spec"]["ports"]]


@each_set
def test_probes_never_touch_postgresql(values):
    (container,) = [one for one in the("Deployment", *values)["spec"]["template"]["spec"]["containers"] if one["name"] == "pgvigil"]
    assert container["args"][:3] == ["serve", "--config", "/etc/pgvigil/pgvigil.yaml"]
    for kind, path in (("startupProbe", "/-/healthy"), ("livenessProbe", "/-/healthy"), ("readinessProbe", "/-/ready")):
        probe = container[kind]
        assert probe.get("httpGet", {}).get("path") == path or probe.get("tcpSocket") == {"port": "http"}


def config_map(*values):
    (one,) = [one for one in of_kind("ConfigMap", *values) if "pgvigil.yaml" in one["data"]]
    return one["data"]


@each_set
def test_configuration_holds_its_schema(values):
    schema = json.loads((ROOT / "docs/pgvigil.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(yaml.safe_load(config_map(*values)["pgvigil.yaml"]), schema)


@pytest.mark.skipif("PGVIGIL_BINARY" not in os.environ, reason="PGVIGIL_BINARY is not set")
@each_set
def test_exporter_takes_the_configuration(values, tmp_path):
    """In a folder that stands for /etc/pgvigil, with every file there that the configuration names."""
    text = config_map(*values)["pgvigil.yaml"]
    for path in re.findall(r"/etc/pgvigil/(secrets/[^\s'\"]+)", text):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("secret\n", encoding="utf-8")
        (tmp_path / path).chmod(0o600)
    for folder in re.findall(r"/etc/pgvigil/(queries/[^/]+)/", text):
        (tmp_path / folder).mkdir(parents=True)
        name = folder.replace("/", "-")
        found = [one["data"] for one in of_kind("ConfigMap", *values) if one["metadata"]["name"].endswith(name)]
        for file, query in (found[0] if found else {}).items():
            (tmp_path / folder / file).write_text(query, encoding="utf-8")
        if not found:  # a ConfigMap of somebody else's
            (tmp_path / folder / "shared.yaml").write_text(
                "shared: {description: One, sql: SELECT 1 AS one, columns: {one: {usage: gauge, description: One}}}\n", encoding="utf-8")
    if "config_file" in text:
        for folder in ("web", "web-tls", "web-client-ca"):
            (tmp_path / folder).mkdir()
        web = config_map(*values).get("web.yaml", "{}")  # a Secret of somebody else's
        (tmp_path / "web/web.yaml").write_text(web.replace("/etc/pgvigil/", f"{tmp_path}/"), encoding="utf-8")
        key, certificate = tmp_path / "web-tls/tls.key", tmp_path / "web-tls/tls.crt"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", "-keyout", key, "-out", certificate], capture_output=True, check=True)
        shutil.copy(certificate, tmp_path / "web-client-ca/ca.crt")
    text = text.replace("/etc/pgvigil/", f"{tmp_path}/").replace("/usr/share/pgvigil/queries/", f"{ROOT}/queries/")
    (tmp_path / "pgvigil.yaml").write_text(text, encoding="utf-8")
    environment = {**os.environ, **{one: "secret" for one in re.findall(r"password_env: (\w+)", text)}}
    command = [os.environ["PGVIGIL_BINARY"], "check", "--config", tmp_path / "pgvigil.yaml"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def rule_groups(*values):
    return {re.sub(r"^.*?pgvigil-", "", one["metadata"]["name"]): one["spec"]["groups"] for one in of_kind("PrometheusRule", *values)}


def alerts(groups):
    return [rule for area in groups.values() for group in area for rule in group["rules"] if "alert" in rule]


MINIMAL = ("-f", str(CHART / "ci/minimal-values.yaml"))
BUNDLE = ("-f", str(CHART / "ci/bundle-values.yaml"))
FULL = ("-f", str(CHART / "ci/full-values.yaml"))


def test_rules_without_overrides_are_the_shipped_ones():
    """So what promtool's tests say of alerts/rules holds for the chart."""
    assert RULES and rule_groups(*BUNDLE) == RULES


@each_set
def test_promtool_takes_the_rules(values, tmp_path):
    for name, groups in rule_groups(*values).items():
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump({"groups": groups}), encoding="utf-8")
    files = sorted(tmp_path.glob("*.yaml"))
    if files:
        done = subprocess.run(["promtool", "check", "rules", *files], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_overrides_change_what_they_name_and_nothing_else():
    expected = copy.deepcopy(RULES)
    del expected["wraparound"]
    expected["availability"][0]["interval"] = "15s"
    for area in expected.values():
        for group in area:
            group["rules"] = [rule for rule in group["rules"] if rule["alert"] != "PgInstanceRestarted"]
    for rule in alerts(expected):
        critical_down = (rule["alert"], rule["labels"]["severity"]) == ("PgInstanceDown", "critical")
        rule["labels"]["environment"] = "production"
        rule["annotations"]["runbook_url"] = f"https://runbooks.example.net/pgvigil/{rule['alert']}.md"
        rule["annotations"]["dashboard_url"] = "https://grafana.example.net" + rule["annotations"]["dashboard_url"]
        if rule["alert"] == "PgLongTransaction":
            rule.update({"for": "1h", "keep_firing_for": "10m"})
        if rule["alert"] == "PgInstanceDown":
            rule["labels"]["page"] = "databases" if critical_down else "platform"
            rule["annotations"]["note"] = "{{ $labels.pg_instance }}"
        if critical_down:
            rule["labels"]["severity"] = "warning"
    assert rule_groups(*FULL) == expected


def test_dashboards_are_the_shipped_ones():
    shipped = {path.name: path.read_text(encoding="utf-8").strip() for path in (ROOT / "dashboards").glob("*.json")}
    found = {}
    for one in of_kind("ConfigMap", *BUNDLE):
        if one["metadata"]["labels"].get("grafana_dashboard") == "1":
            found.update({name: text.strip() for name, text in one["data"].items()})
    assert shipped and found == shipped


def test_a_package_renders_as_the_tree_does(tmp_path):
    """The links to alerts/rules and dashboards become files in the package."""
    done = helm("package", CHART, "--destination", tmp_path)
    assert done.returncode == 0, done.stderr
    (package,) = tmp_path.glob("pgvigil-*.tgz")
    with tarfile.open(package) as archive:
        names = archive.getnames()
        assert not any(member.issym() or member.islnk() for member in archive.getmembers())
    assert {name for name in names if "/files/rules/" in name} == {f"pgvigil/files/rules/{area}.yaml" for area in RULES}
    outside_templates = {name.removeprefix("pgvigil/") for name in names if not re.match("pgvigil/(templates|files/rules|files/dashboards)/", name)}
    assert outside_templates == {"Chart.yaml", "values.yaml", "values.schema.json", "README.md", "LICENSE"}
    assert {pathlib.Path(name).name for name in names if "/files/dashboards/" in name} == {path.name for path in (ROOT / "dashboards").glob("*.json")}
    assert render(*BUNDLE, chart=package) == render(*BUNDLE)


@each_set
def test_two_renderings_are_identical(values):
    first = render(*values)
    render.cache_clear()
    assert render(*values) == first


def test_defaults_given_as_values_change_nothing():
    assert render("-f", str(CHART / "values.yaml"), *MINIMAL) == render(*MINIMAL)


def ports_out(*arguments):
    return [port["port"] for rule in the("NetworkPolicy", *arguments)["spec"]["egress"] for port in rule["ports"]]


def test_the_network_policy_lets_out_to_object_stores_where_there_is_an_archive():
    servers_alone = SERVER + ["--set", "networkPolicy.enabled=true"]
    assert 443 not in ports_out(*servers_alone)
    with_archive = servers_alone + ["--set-json", f"clusters[0].archive={json.dumps([ARCHIVE])}", "--set", "secrets[0].name=backups,secrets[0].secretName=b"]
    assert 443 in ports_out(*with_archive)
    assert 9000 in ports_out(*with_archive, "--set", "networkPolicy.objectStore.ports={9000}")


def test_a_changed_configuration_restarts_the_pod():
    def sums(*arguments):
        return the("Deployment", *FULL, *arguments)["spec"]["template"]["metadata"]["annotations"]

    assert sums() == sums("--set", "service.port=80")
    assert sums()["checksum/config"] != sums("--set", "log.level=debug")["checksum/config"]
    assert sums()["checksum/queries"] != sums("--set", "queries.custom[0].content.orders_waiting.description=x")["checksum/queries"]
    assert sums()["checksum/web"] != sums("--set", "web.tls.clientCa.configMapName=")["checksum/web"]


def journal_of(*arguments):
    """(the key in the configuration, the claim that is mounted, the claims that are made)"""
    spec = the("Deployment", *MINIMAL, *arguments)["spec"]["template"]["spec"]
    claims = [volume["persistentVolumeClaim"]["claimName"] for volume in spec["volumes"] if "persistentVolumeClaim" in volume]
    made = [one["metadata"]["name"] for one in of_kind("PersistentVolumeClaim", *MINIMAL, *arguments)]
    return yaml.safe_load(config_map(*MINIMAL, *arguments)["pgvigil.yaml"]).get("journal"), claims, made


def test_the_journal_lies_on_a_volume_that_outlives_the_pod():
    mounts = the("Deployment", *MINIMAL)["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]
    assert {"name": "journal", "mountPath": "/var/lib/pgvigil"} in mounts
    assert journal_of() == ("/var/lib/pgvigil/journal", ["watch-pgvigil-journal"], ["watch-pgvigil-journal"])
    assert journal_of("--set", "journal.existingClaim=mine") == ("/var/lib/pgvigil/journal", ["mine"], [])
    assert journal_of("--set", "journal.enabled=false") == (None, [], [])


INSTANCE = "clusters[0].instances[0]"
LOGIN = ["--set", "clusters[0].name=a", "--set", f"{INSTANCE}.name=a-1"]
SERVER = LOGIN + ["--set", f"{INSTANCE}.dsn=host=x"]


ARCHIVE = {"name": "s3", "barman": {"bucket": "backups", "server": "orders", "credentials": {
    "access_key_id_file": "/etc/pgvigil/secrets/backups/id", "secret_access_key_file": "/etc/pgvigil/secrets/backups/key"}}}


def dsn(text):
    return LOGIN + ["--set-json", f"{INSTANCE}.dsn={json.dumps(text)}"]


def arguments_of(*words):
    return ["--set-json", f"extraArgs={json.dumps(words)}"]


CLUSTER = '{"name":"a"%s,"instances":[{"name":"a-1","dsn":"host=x"%s}]}'
WITH_LOGIN = SERVER + ["--set", "secrets[0].name=login,secrets[0].secretName=login"]
VARIABLE = ["--set", "extraEnv[0].name=LOGIN,extraEnv[0].valueFrom.secretKeyRef.name=login,extraEnv[0].valueFrom.secretKeyRef.key=password"]
BAD = {
    "nothing to watch": ([], "clusters: nothing is listed"),
    "unknown key": (["--set", "serviceMonitor.intervall=30s"], "intervall"),
    "unknown section": (["--set", "podMonitor.enabled=true"], "podMonitor"),
    "wrong type": (["--set", "serviceMonitor.enabled=often"], "boolean"),
    "bad duration": (["--set", "serviceMonitor.interval=soon"], "interval"),
    "bad objective": (["--set", "objectives.rto=quickly"], "rto"),
    "unknown objective": (["--set", "objectives.rpo=1s"], "rpo"),
    "bad level": (["--set", "log.level=loud"], "level"),
    "bad port": (["--set", "service.port=70000"], "70000|65535|65,535"),
    "instance without DSN": (LOGIN, "dsn"),
    "password in DSN": (LOGIN + ["--set", f"{INSTANCE}.dsn=host=x password=s3cret"], "password_file"),
    "password in URI": (LOGIN + ["--set", f"{INSTANCE}.dsn=postgresql://me:s3cret@x/postgres"], "password_file"),
    "password after a newline": (dsn("host=x\npassword=s3cret"), "password_file"),
    "password after a tab": (dsn("host=x\tpassword = s3cret"), "password_file"),
    "password after a quoted value": (dsn("host='x'password=s3cret"), "password_file"),
    "pass phrase of a key": (dsn("host=x sslpassword=s3cret"), "password_file"),
    "password in URI, with a slash": (dsn("postgresql://me:s3cret/cr%40et@x/db"), "password_file"),
    "password in the parameters of a URI": (dsn("postgresql://me@x/db?password=s3cret"), "password_file"),
    "password under an escaped keyword": (dsn("postgresql://me@x/db?p%61ssword=s3cret"), "password_file"),
    "password in an argument": (SERVER + arguments_of("--dsn", "host=x password=s3cret"), r"extraArgs\[1\] holds a password"),
    "password in an argument of one word": (SERVER + arguments_of("--dsn=postgresql://me:s3cret@x/db"), r"extraArgs\[0\] holds a password"),
    "password in a variable": (SERVER + ["--set", "extraEnv[0].name=PGPASSWORD,extraEnv[0].value=s3cret"], "the value of PGPASSWORD holds a password.*secretKeyRef"),
    "password in a variable of another name": (
        SERVER + ["--set", f"{INSTANCE}.password_env=LOGIN,extraEnv[0].name=LOGIN,extraEnv[0].value=s3cret"], "the value of LOGIN holds a password.*secretKeyRef"),
    "password in a data source": (
        SERVER + ["--set", "extraEnv[0].name=DATA_SOURCE_NAME,extraEnv[0].value=postgresql://me:s3cret@x/db"], "DATA_SOURCE_NAME holds a password"),
    "file of no secret": (LOGIN + ["--set", f"{INSTANCE}.dsn=host=x", "--set", f"{INSTANCE}.password_file=/etc/pgvigil/secrets/login/password"], "secretName or configMapName"),
    "archive's key of no secret": (SERVER + ["--set-json", f"clusters[0].archive={json.dumps([ARCHIVE])}"], r"clusters\[0\]\.archive\[0\] names files.*backups"),
    "no instances": (["--set-json", 'clusters=[{"name":"a","instances":[]}]'], "instances"),
    "cluster without a name": (SERVER + ["--set", "clusters[0].name="], "name"),
    "instance without a name": (SERVER + ["--set", f"{INSTANCE}.name="], "name"),
    "empty DSN": (dsn(""), "dsn"),
    "cluster twice": (["--set-json", f'clusters=[{CLUSTER % ("", "")},{CLUSTER % ("", "")}]'], r"clusters\[1\].*same name and namespace"),
    "instance twice": (SERVER + ["--set", "clusters[0].instances[1].name=a-1,clusters[0].instances[1].dsn=host=y"], r"instances\[1\].*same name"),
    "two hosts": (dsn("user=me host = x,y"), "one host"),
    "two addresses": (dsn("hostaddr='10.0.0.1,10.0.0.2'"), "one host"),
    "two hosts in a URI": (dsn("postgresql://me@x:1,y:2/db"), "one host"),
    "two hosts among a URI's parameters": (dsn("postgresql:///db?host=x,y"), "one host"),
    "one connection": (SERVER + ["--set", "limits.connections_per_instance=1"], "connections_per_instance"),
    "no time for a scrape": (SERVER + ["--set", "limits.scrape_timeout=999ms"], "scrape_timeout"),
    "restless observer": (SERVER + ["--set", "intervals.observe_primary=1ms"], "observe_primary"),
    "sleepy observer": (SERVER + ["--set", "intervals.observe_standby=6m"], "observe_standby"),
    "variable that is not set": (SERVER + ["--set", f"{INSTANCE}.password_env=LOGIN"], "LOGIN.*extraEnv"),
    "password twice": (WITH_LOGIN + ["--set", f"{INSTANCE}.password_file=/etc/pgvigil/secrets/login/password", "--set", f"{INSTANCE}.password_env=LOGIN", *VARIABLE],
                       "password_env and password_file"),
    "password file outside every mount": (SERVER + ["--set", f"{INSTANCE}.password_file=/run/secrets/password"], "/run/secrets/password.*extraVolumeMounts"),
    "password file that is not picked": (WITH_LOGIN + ["--set", f"{INSTANCE}.password_file=/etc/pgvigil/secrets/login/pasword", "--set", "secrets[0].items[0].key=password,secrets[0].items[0].path=password"],
                                         "pasword.*items"),
    "secret without source": (["--set", "secrets[0].name=login"], "secrets"),
    "secret with two sources": (["--set", "secrets[0].name=login,secrets[0].secretName=a,secrets[0].configMapName=b"], "secrets"),
    "secret twice": (SERVER + ["--set", "secrets[0].name=a,secrets[0].secretName=a,secrets[1].name=a,secrets[1].secretName=b"], "is there twice"),
    "query file twice": (SERVER + ["--set", "queries.custom[0].name=a,queries.custom[0].content=x,queries.custom[1].name=a,queries.custom[1].content=x"], "is there twice"),
    "no queries": (SERVER + ["--set", "queries.shipped.enabled=false"], "queries.custom"),
    "two web configurations": (SERVER + ["--set", "web.config.secretName=a,web.tls.secretName=b"], "exclude each other"),
    "client CA over plain HTTP": (SERVER + ["--set", "web.tls.clientCa.configMapName=ca"], "web.tls.clientCa.*web.tls.secretName"),
    "client CA beside a web configuration": (SERVER + ["--set", "web.tls.clientCa.secretName=ca,web.config.secretName=a,web.config.scheme=HTTPS"], "web.tls.clientCa.*web.config"),
    "two client CAs": (SERVER + ["--set", "web.tls.secretName=a,web.tls.clientCa.configMapName=b,web.tls.clientCa.secretName=c"], "clientCa.*both"),
    "web configuration of unsaid scheme": (SERVER + ["--set", "web.config.secretName=a"], "web.config.scheme"),
    "client certificates over plain HTTP": (SERVER + ["--set", "web.config.secretName=a,web.config.scheme=HTTP,web.config.clientCertificates=true"], "clientCertificates"),
    "unknown alert": (SERVER + ["--set", "prometheusRule.enabled=true", "--set", "prometheusRule.alerts.PgNoPrimery.for=1m"], "PgNoPrimery.*PgNoPrimary"),
    "unknown level of an alert": (SERVER + ["--set", "prometheusRule.enabled=true", "--set", "prometheusRule.alerts.PgNoPrimary/info.for=1m"], "PgNoPrimary/info"),
    "unknown area": (SERVER + ["--set", "prometheusRule.enabled=true", "--set", "prometheusRule.areas.slot.enabled=false"], "slots"),
    "bad override": (["--set", "prometheusRule.alerts.PgNoPrimary.threshold=3"], "threshold"),
    "digest that is none": (["--set", "image.digest=latest"], "digest"),
}


@pytest.mark.parametrize("arguments, message", BAD.values(), ids=BAD.keys())
def test_bad_values_are_refused(arguments, message):
    done = helm("template", "watch", CHART, *KUBERNETES, *arguments)
    assert done.returncode != 0
    assert re.search(message, done.stderr, re.S), done.stderr
    assert "s3cret" not in done.stderr


GOOD = {
    "a user and a port": "postgresql://me@x:5432/db?sslmode=verify-full",
    "a port without a user": "postgresql://x:5432/db",
    "a pass file": "host=x passfile=/etc/pgvigil/passwords",
    "a login by password": "host=x require_auth=password,scram-sha-256 application_name=a,b",
    "a user with a comma": "postgresql://one,two@x/db",
}


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD.keys())
def test_what_only_looks_like_a_bad_dsn_is_taken(text):
    render(*dsn(text))


def test_what_is_at_the_limit_is_taken():
    """Two clusters of one name in two namespaces, and the least and greatest values that the exporter takes."""
    clusters = ",".join(CLUSTER % (f',"namespace":"{one}"', "") for one in ("shop", "lab"))
    limits = ["limits.connections_per_instance=2", "limits.scrape_timeout=1000ms", "intervals.observe_primary=100ms", "intervals.observe_standby=5m"]
    render("--set-json", f"clusters=[{clusters}]", "--set", ",".join(limits))


@pytest.mark.parametrize("path, more", [
    ("/run/own/password", ["--set", "extraVolumeMounts[0].name=own,extraVolumeMounts[0].mountPath=/run/own"]),
    ("secrets/login/password", []), ("/etc/pgvigil/secrets/login/../login/password", [])])
def test_password_files_on_a_mount_are_taken(path, more):
    render(*WITH_LOGIN, "--set", f"{INSTANCE}.password_file={path}", *more)


WEB_CONFIG = ("--set", "web.config.secretName=a,web.config.scheme=HTTPS")
CLIENT_CERTIFICATES = (*WEB_CONFIG, "--set", "web.config.clientCertificates=true")


def probes(*values):
    (container,) = the("Deployment", *values)["spec"]["template"]["spec"]["containers"]
    return [container[kind] for kind in ("startupProbe", "livenessProbe", "readinessProbe")]


def test_probes_open_the_port_where_a_client_certificate_is_asked_for():
    assert all(probe["httpGet"]["scheme"] == "HTTPS" for probe in probes(*MINIMAL, *WEB_CONFIG))
    for values in (CLIENT_CERTIFICATES, ("--set", "web.tls.secretName=a,web.tls.clientCa.secretName=b")):
        assert all(probe["tcpSocket"] == {"port": "http"} and "httpGet" not in probe for probe in probes(*MINIMAL, *values))


def notes(tmp_path, *values):
    """NOTES.txt, which `helm template` leaves out, as an extra object."""
    wanted = '{kind: Notes, metadata: {name: notes, namespace: x}, text: {{ include "pgvigil/templates/NOTES.txt" . | toJson }}}'
    (tmp_path / "notes.yaml").write_text(yaml.safe_dump({"extraObjects": [wanted]}), encoding="utf-8")
    return the("Notes", *values, "-f", str(tmp_path / "notes.yaml"))["text"]


MONITORED = (*MINIMAL, "--set", "serviceMonitor.enabled=true,prometheusRule.enabled=true,dashboards.enabled=true")


@pytest.mark.parametrize("values, told, not_told", [
    (MINIMAL, r"connectionLimit: 5,", r"WARNING|\{\}|must select"),
    ((*MINIMAL, "--set", "limits.connections_per_instance=8"), r"connectionLimit: 10,", r"WARNING"),
    (MONITORED, r"select ServiceMonitors whatever.*select PrometheusRules whatever", r"WARNING|\{\}"),
    ((*MINIMAL, "--set", "journal.enabled=false"), r"Journal: off", r"WARNING"),
    (FULL, r'labels \{"release":"prometheus"\}', r"labels gives|empty"),
    ((*MONITORED, "--set", "web.tls.secretName=a"), r"WARNING: serviceMonitor.tlsConfig is empty", r"client certificate"),
    ((*MONITORED, *WEB_CONFIG), r"WARNING: serviceMonitor.tlsConfig is empty", r"client certificate"),
    ((*MONITORED, *CLIENT_CERTIFICATES, "--set", "serviceMonitor.tlsConfig.serverName=x"), r"WARNING: scrapers are asked for a client certificate", r"is empty"),
    ((*MONITORED, *CLIENT_CERTIFICATES, "--set", "serviceMonitor.tlsConfig.cert.secret.name=x"), r"ServiceMonitor", r"WARNING"),
    ((*MONITORED, "--set", "serviceMonitor.honorLabels=false"), r"WARNING: serviceMonitor.honorLabels is false", r"certificate"),
])
def test_notes_say_what_is_still_to_do(tmp_path, values, told, not_told):
    text = notes(tmp_path, *values)
    assert re.search(told, text, re.S) and not re.search(not_told, text), text


def test_examples_of_the_documentation_render(tmp_path):
    text = (ROOT / "docs/install.md").read_text(encoding="utf-8")
    examples = [block for block in re.findall(r"(?s)```yaml\n(.*?)```", text) if re.search(r"(?m)^(clusters|prometheusRule):", block)]
    examples += re.findall(r"(?s)```yaml\n(.*?)```", (CHART / "README.md").read_text(encoding="utf-8"))
    assert len(examples) == 4
    for i, block in enumerate(examples):
        path = tmp_path / f"{i}.yaml"
        path.write_text(block, encoding="utf-8")
        assert not [fault for one in documents(*MINIMAL, "-f", str(path)) for fault in chart_api.faults(one)]


def test_schema_of_values_holds_the_schema_of_the_configuration():
    done = subprocess.run([sys.executable, ROOT / "tests/static/chart_schema.py"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def leaves(value, path=()):
    if isinstance(value, dict) and value:
        for key, below in value.items():
            yield from leaves(below, path + (key,))
    else:
        yield path


def test_schema_knows_every_value_and_templates_use_it():
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    assert set(schema["properties"]) - {"global"} == set(values)
    templates = "\n".join(path.read_text(encoding="utf-8") for path in CHART.glob("templates/**/*") if path.is_file())
    unread = ("podSecurityContext", "securityContext", "resources", "labels")  # passed on whole
    for path in leaves(values):
        assert re.search(rf'[.\s]{path[0]}\b|"{path[0]}"', templates), path
        if not set(path[:-1]) & set(unread):
            assert re.search(rf'\.{path[-1]}\b|"{path[-1]}"', templates), path
