"""A real Prometheus and a real Alertmanager on loopback, with what the project ships."""

import json
import pathlib
import re
import subprocess
import urllib.parse
import urllib.request

from postgres import free_port, wait_for

ROOT = pathlib.Path(__file__).resolve().parents[2]


class _Daemon:
    def __init__(self, directory, name, command, port):
        self.port = port
        self.log = pathlib.Path(directory) / f"{name}.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        wait_for(f"{name} is ready", self._ready)

    def _ready(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"it ended: {self.log.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5) as response:
                return response.status == 200
        except OSError:
            return False

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)


class Alertmanager(_Daemon):
    """With the shipped routing; receivers stay as they are unless `receivers` rewrites their URLs."""

    def __init__(self, directory, config=None):
        directory = pathlib.Path(directory)
        if config is None:
            config = directory / "alertmanager.yaml"
            config.write_text("route: {receiver: nobody, group_wait: 1s, group_interval: 1s}\nreceivers: [{name: nobody}]\n")
        port = free_port()
        super().__init__(directory, "alertmanager",
                         ["prometheus-alertmanager", f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}",
                          "--cluster.listen-address=", f"--storage.path={directory}/alertmanager-data"], port)


def quickened(rules):
    """The shipped rules with every `for` and `keep_firing_for` cut to a second: demonstrations do not wait ten minutes."""
    return re.sub(r"^(\s+(?:for|keep_firing_for):).*$", r"\1 1s", rules, flags=re.MULTILINE)


class Prometheus(_Daemon):
    """Scrapes one exporter every second and evaluates rules as often."""

    def __init__(self, directory, exporter_port, alertmanager_port=None, rules=(), quicken=False):
        directory = pathlib.Path(directory)
        files = []
        for path in rules:
            copy = directory / f"rules-{path.name}"
            copy.write_text(quickened(path.read_text()) if quicken else path.read_text())
            files.append(str(copy))
        config = {"global": {"scrape_interval": "1s", "evaluation_interval": "1s"}, "rule_files": files,
                  "scrape_configs": [{"job_name": "pgvigil", "honor_labels": True, "static_configs": [{"targets": [f"127.0.0.1:{exporter_port}"]}]}]}
        if alertmanager_port:
            config["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager_port}"]}]}]}
        path = directory / "prometheus.json"
        path.write_text(json.dumps(config))
        port = free_port()
        super().__init__(directory, "prometheus",
                         ["prometheus", f"--config.file={path}", f"--web.listen-address=127.0.0.1:{port}", f"--storage.tsdb.path={directory}/tsdb"], port)

    def query(self, expression):
        """The instant vector of that expression."""
        url = f"http://127.0.0.1:{self.port}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
        with urllib.request.urlopen(url, timeout=30) as response:
            return json.load(response)["data"]["result"]
