"""A real Prometheus and a real Alertmanager on loopback, with what the project ships."""

import datetime
import http.server
import json
import pathlib
import re
import subprocess
import threading
import urllib.parse
import urllib.request

import yaml

from postgres import free_port, wait_for

ROOT = pathlib.Path(__file__).resolve().parents[2]


class _Daemon:
    def __init__(self, directory, name, command, port):
        self.port = port
        self.log = pathlib.Path(directory) / f"{name}.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            wait_for(f"{name} is ready", self._ready)
        except BaseException:
            self.stop()
            raise

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
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Sink:
    """Takes the webhooks of every receiver; the path of a request names the receiver."""

    def __init__(self, on_message=None):
        self.received = []  # (receiver, message), in order of arrival
        sink = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                arrived = (self.path.strip("/"), json.loads(body))
                sink.received.append(arrived)
                if on_message:
                    on_message(*arrived)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def messages(self, receiver, after=0):
        return [message for name, message in self.received[after:] if name == receiver]

    def firing(self, receiver, after=0):
        """{(alert name, cluster's namespace, instance)} that the receiver was told of."""
        return {(a["labels"]["alertname"], a["labels"].get("namespace"), a["labels"].get("pg_instance"))
                for message in self.messages(receiver, after) for a in message["alerts"] if a["status"] == "firing"}

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def shipped_routing(sink, working_now=True):
    """The shipped Alertmanager configuration; only the receivers' addresses, the waits and the working hours are other ones."""
    text = (ROOT / "alerts/alertmanager/alertmanager.yaml").read_text(encoding="utf-8")
    config = yaml.safe_load(re.sub(r"https://(\w+)\.invalid/pgvigil", rf"{sink.url}/\1", text))
    for route in [config["route"], *config["route"]["routes"]]:
        if "group_wait" in route:
            route["group_wait"] = "0s" if route["group_wait"] == "0s" else "1s"
        if "group_interval" in route:
            route["group_interval"] = "1s"
    config["route"]["routes"][0]["repeat_interval"] = "1s"  # the heartbeat's
    hours = config["time_intervals"][0]["time_intervals"][0]
    hours["times"] = [{"start_time": "00:00", "end_time": "24:00"}]
    today = datetime.datetime.now(datetime.timezone.utc)
    other = today + datetime.timedelta(days=3)  # neither today nor, should midnight pass, tomorrow
    hours["weekdays"] = ["sunday:saturday"] if working_now else [other.strftime("%A").lower()]
    return config


class Alertmanager(_Daemon):
    """With that configuration, as shipped_routing() gives it."""

    def __init__(self, directory, config):
        directory = pathlib.Path(directory)
        path = directory / "alertmanager.yaml"
        path.write_text(yaml.safe_dump(config))
        port = free_port()
        super().__init__(directory, "alertmanager",
                         ["prometheus-alertmanager", f"--config.file={path}", f"--web.listen-address=127.0.0.1:{port}",
                          "--cluster.listen-address=", f"--storage.path={directory}/alertmanager-data"], port)


def quickened(rules):
    """The shipped rules with every `for` and `keep_firing_for` cut to a second, and the windows that bridge missed scrapes to
    five scrapes of a second each: demonstrations do not wait ten minutes."""
    rules = re.sub(r"^(\s+(?:for|keep_firing_for):).*$", r"\1 1s", rules, flags=re.MULTILINE)
    return rules.replace("[130s]", "[5s]")


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
