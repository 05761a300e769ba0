"""A real Kubernetes API server (tests/kubelab) with the definitions of CloudNativePG, its tokens and its permissions.

There is no controller behind it: what an operator or a kubelet would write, the tests write.
"""

import functools
import glob
import http.client
import json
import os
import pathlib
import shutil
import ssl
import subprocess
import tempfile
import urllib.parse

import yaml

from postgres import free_port, wait_for

CNPG = "github.com/cloudnative-pg/cloudnative-pg@v1.30.0"
KINDS = ("clusters", "backups", "scheduledbackups")
API = "/apis/postgresql.cnpg.io/v1"


def find_kubelab():
    """The program, of scripts/test.sh: on the PATH or in its cache."""
    cache = os.environ.get("PGVIGIL_CACHE", "/var/cache/pgvigil")
    return shutil.which("kubelab") or next(iter(sorted(glob.glob(f"{cache}/tools/kubelab-*/kubelab"), key=os.path.getmtime, reverse=True)), None)


@functools.cache
def definitions():
    """The operator's CustomResourceDefinitions, from its Go module."""
    with tempfile.TemporaryDirectory() as outside_of_any_module:
        done = subprocess.run(["go", "mod", "download", "-json", CNPG], cwd=outside_of_any_module, capture_output=True, text=True, check=True)
    folder = pathlib.Path(json.loads(done.stdout)["Dir"]) / "config/crd/bases"
    return {kind: yaml.safe_load((folder / f"postgresql.cnpg.io_{kind}.yaml").read_text(encoding="utf-8")) for kind in KINDS}


class ApiServer:
    """The API server; what is in it outlives a stop and a start."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.port = free_port()
        self.process = None
        self.start()

    def start(self):
        (self.directory / "ready").unlink(missing_ok=True)
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen([find_kubelab(), "-dir", str(self.directory), "-port", str(self.port)], stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL, cwd=self.directory)
        wait_for("the API server is ready", self._ready)

    def _ready(self):
        assert self.process.poll() is None, (self.directory / "log").read_text(errors="replace")[-2000:]
        return (self.directory / "ready").exists()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.kill()  # asked to end it waits for every watch
            self.process.wait()

    @property
    def kubeconfig(self):
        return self.directory / "kubeconfig"

    def file(self, name):
        return (self.directory / name).read_text().strip()

    def connect(self):
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=60, context=ssl.create_default_context(cafile=self.directory / "ca.crt"))

    def ask(self, method, path, body=None, kind="application/json", connection=None):
        """(status, answer)"""
        own = connection or self.connect()
        try:
            own.request(method, path, json.dumps(body) if body is not None else None,
                        {"Authorization": "Bearer " + self.file("admin.token"), "Content-Type": kind})
            response = own.getresponse()
            answer = response.read()
            return response.status, json.loads(answer) if response.getheader("Content-Type") == "application/json" else answer
        finally:
            if connection is None:
                own.close()

    def do(self, method, path, body=None, kind="application/json", connection=None):
        status, answer = self.ask(method, path, body, kind, connection)
        assert status in (200, 201), (status, method, path, answer)
        return answer

    def define(self):
        """CloudNativePG's kinds."""
        for kind, definition in definitions().items():
            self.do("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
            wait_for(f"{kind} are served", lambda: self.ask("GET", f"{API}/{kind}")[0] == 200)  # pylint: disable=cell-var-from-loop

    def compact(self):
        """Everything before now is forgotten, by the watch cache as well: who follows from then is told 410."""
        etcd = urllib.parse.urlparse(self.file("etcd.url"))
        connection = http.client.HTTPConnection(etcd.hostname, etcd.port, timeout=30)
        revision = int(self.do("GET", "/api/v1/namespaces")["metadata"]["resourceVersion"])
        connection.request("POST", "/v3/kv/compaction", json.dumps({"revision": revision, "physical": True}))
        assert connection.getresponse().status == 200
        connection.close()
        path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/clusters.postgresql.cnpg.io"
        columns = self.do("GET", path)["spec"]["versions"][0]["additionalPrinterColumns"]
        columns[0]["description"] = f"as of {revision}"
        self.do("PATCH", path, [{"op": "replace", "path": "/spec/versions/0/additionalPrinterColumns", "value": columns}], "application/json-patch+json")

    # -- what an operator and a kubelet write

    def namespace(self, name):
        self.do("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    def cluster(self, space, name, status=None, spec=None, connection=None, **metadata):
        self.do("POST", f"{API}/namespaces/{space}/clusters", {
            "apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster", "metadata": {"name": name, "namespace": space, **metadata},
            "spec": {"instances": 3, "storage": {"size": "1Gi"}, **(spec or {})}}, connection=connection)
        if status:
            self.status(space, name, status, connection)

    def status(self, space, name, status, connection=None):
        self.do("PATCH", f"{API}/namespaces/{space}/clusters/{name}/status", {"status": status}, "application/merge-patch+json", connection)

    def pod(self, space, name, cluster, role="replica", address="10.0.0.1"):
        self.do("POST", f"/api/v1/namespaces/{space}/pods", {
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": space, "labels": {
                "cnpg.io/cluster": cluster, "cnpg.io/instanceName": name, "cnpg.io/podRole": "instance", "cnpg.io/instanceRole": role}},
            "spec": {"nodeName": "node-a", "containers": [{"name": "postgres", "image": "postgres"}]}})
        self.do("PATCH", f"/api/v1/namespaces/{space}/pods/{name}/status", {"status": {
            "podIP": address, "podIPs": [{"ip": address}], "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": "postgres", "image": "postgres", "imageID": "", "restartCount": 2, "ready": True}]}},
            "application/merge-patch+json")

    # -- who may do what

    def account(self, space, name):
        """A service account; its token."""
        self.do("POST", f"/api/v1/namespaces/{space}/serviceaccounts", {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}})
        return self.token(space, name)

    def token(self, space, name):
        return self.do("POST", f"/api/v1/namespaces/{space}/serviceaccounts/{name}/token",
                       {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}})["status"]["token"]

    def allow(self, space, account, role, *resources):
        """That account may read these, `group/plural`, in the namespace alone."""
        rules = [{"apiGroups": [one.split("/")[0]], "resources": [one.split("/")[1]], "verbs": ["get", "list", "watch"]} for one in resources]
        base = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{space}"
        self.do("POST", base + "/roles", {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": role}, "rules": rules})
        self.do("POST", base + "/rolebindings", {
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": role},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role},
            "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": space}]})

    def disallow(self, space, role):
        self.do("DELETE", f"/apis/rbac.authorization.k8s.io/v1/namespaces/{space}/rolebindings/{role}")

    def kubeconfig_of(self, path, token_file):
        """A kubeconfig of whoever's token that file holds."""
        path.write_text(json.dumps({
            "clusters": [{"name": "lab", "cluster": {"server": f"https://127.0.0.1:{self.port}", "certificate-authority": str(self.directory / "ca.crt")}}],
            "users": [{"name": "who", "user": {"tokenFile": str(token_file)}}],
            "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "who"}}], "current-context": "lab"}))
        return path


class Following:
    """The probe, and what it says."""

    def __init__(self, program, kubeconfig, space=""):
        self.process = subprocess.Popen([program, str(kubeconfig), *([space] if space else [])], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        self.said = {"clusters": None, "pods": None, "states": {}}

    def wait(self, what, condition):
        """What it says once that holds: every line is looked at, in its order."""
        while not condition(self.said):
            line = self.process.stdout.readline()
            assert line, f"ended before: {what}; {self.process.stderr.read()[-2000:]}"
            self.said = json.loads(line)
        return self.said

    def stop(self):
        self.process.stdin.close()
        self.process.stdout.read()
        self.process.wait(30)
        return self.process.returncode
