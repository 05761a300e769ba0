"""A real API server with CloudNativePG's own definitions: what is there is known, through everything that happens to the server."""

import signal
import threading

import pytest

from exporter import find_built
from kubelab import ApiServer, Following, find_kubelab

pytestmark = pytest.mark.skipif(find_kubelab() is None, reason="kubelab is not built (scripts/test.sh does it)")

HEALTHY = {
    "phase": "Cluster in healthy state", "currentPrimary": "orders-1", "targetPrimary": "orders-1", "timelineID": 3, "readyInstances": 3, "instances": 3,
    "instanceNames": ["orders-1", "orders-2", "orders-3"], "currentPrimaryTimestamp": "2026-11-27T02:13:07.123456Z",
    "conditions": [{"type": "Ready", "status": "True", "reason": "ClusterIsReady", "message": "", "lastTransitionTime": "2026-11-27T02:13:07Z"}]}


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    server = ApiServer(tmp_path_factory.mktemp("kubelab"))
    try:
        server.define()
        yield server
    finally:
        server.stop()


@pytest.fixture
def space(api, request):
    """A namespace of the test's own."""
    name = request.node.name.replace("_", "-").replace("[", "-").replace("]", "").lower()[:60].strip("-")
    api.namespace(name)
    return name


@pytest.fixture
def follow():
    made = []

    def start(kubeconfig, space=""):
        made.append(Following(find_built("kube_probe"), kubeconfig, space))
        return made[-1]

    yield start
    for one in made:
        assert one.stop() == 0


def known(said):
    return said["clusters"] is not None and said["pods"] is not None


def test_a_cluster_and_its_pods_from_their_beginning_to_their_end(api, space, follow):
    probe = follow(api.kubeconfig, space)
    assert probe.wait("the lists are complete", known)["clusters"] == {}
    api.cluster(space, "orders", annotations={"pgvigil.io/rto": "5m", "cnpg.io/hibernation": "off", "example.net/other": "x"})
    key = f"{space}/orders"
    said = probe.wait("it is there", lambda said: key in said["clusters"])["clusters"][key]
    assert (said["declared"], said["phase"], said["replica"]) == (3, "", False) and "ready" not in said
    assert said["annotations"] == {"pgvigil.io/rto": "5m", "cnpg.io/hibernation": "off"}
    api.status(space, "orders", HEALTHY)
    said = probe.wait("it is healthy", lambda said: said["clusters"][key]["phase"])["clusters"][key]
    assert (said["current"], said["target"], said["timeline"], said["ready"]) == ("orders-1", "orders-1", 3, 3)
    assert said["instances"] == HEALTHY["instanceNames"] and said["conditions"] == {"Ready": "True ClusterIsReady"}
    assert said["current_since"] == 1795745587123456
    api.pod(space, "orders-1", "orders", "primary", "10.1.2.3")
    said = probe.wait("its pod has an address", lambda said: said["pods"].get(key + "-1", {}).get("ip"))["pods"][key + "-1"]
    assert said == {"cluster": "orders", "ip": "10.1.2.3", "node": "node-a", "role": "primary", "ready": True, "terminating": False, "restarts": 2}
    api.do("DELETE", f"/api/v1/namespaces/{space}/pods/orders-1?gracePeriodSeconds=0")
    probe.wait("the pod is gone", lambda said: said["pods"] == {})
    api.do("DELETE", f"/apis/postgresql.cnpg.io/v1/namespaces/{space}/clusters/orders")
    probe.wait("the cluster is gone", lambda said: said["clusters"] == {})


def test_pods_of_others_are_none_of_ours(api, space, follow):
    api.do("POST", f"/api/v1/namespaces/{space}/pods", {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "labels": {"app": "web"}},
                                                        "spec": {"containers": [{"name": "web", "image": "web"}]}})
    api.pod(space, "orders-1", "orders")
    said = follow(api.kubeconfig, space).wait("the lists are complete", known)
    assert list(said["pods"]) == [f"{space}/orders-1"]


@pytest.mark.parametrize("spec, replica", [
    ({"replica": {"enabled": True, "source": "x"}}, True), ({"replica": {"enabled": False, "source": "x"}}, False),
    ({"replica": {"primary": "paris", "self": "berlin", "source": "paris"}}, True), ({"replica": {"primary": "orders", "source": "paris"}}, False)],
    ids=["enabled", "disabled", "of-another", "of-itself"])
def test_a_replica_cluster_is_one_that_follows_another(api, space, follow, spec, replica):
    sources = [{"name": name, "connectionParameters": {"host": name}} for name in ("x", "paris", "berlin")]
    api.cluster(space, "orders", spec={**spec, "externalClusters": sources})
    assert follow(api.kubeconfig, space).wait("it is known", known)["clusters"][f"{space}/orders"]["replica"] is replica


def test_more_objects_than_fit_on_a_page(api, space, follow):
    def make(first):
        connection = api.connect()
        for i in range(first, 1100, 4):
            api.cluster(space, f"c-{i}", connection=connection)
        connection.close()

    threads = [threading.Thread(target=make, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    probe = follow(api.kubeconfig, space)
    for thread in threads:
        thread.join()
    probe.wait("all are there, listed or watched", lambda said: said["clusters"] and len(said["clusters"]) == 1100)
    said = follow(api.kubeconfig, space).wait("the list is complete", known)
    assert len(said["clusters"]) == 1100


def test_a_role_in_one_namespace_is_enough_and_what_lacks_is_said(api, space, follow, tmp_path):
    api.cluster(space, "orders")
    token = tmp_path / "token"
    token.write_text(api.account(space, "pgvigil"))
    kubeconfig = api.kubeconfig_of(tmp_path / "kubeconfig", token)
    api.allow(space, "pgvigil", "clusters", "postgresql.cnpg.io/clusters")
    probe = follow(kubeconfig, space)
    said = probe.wait("clusters are known and pods are not", lambda said: said["clusters"] and said["states"]["pods"].get("error") and said["states"]["clusters"]["up"])
    assert said["pods"] is None
    assert said["states"]["pods"]["error"] == "permission"
    assert 'cannot list resource "pods"' in said["states"]["pods"]["message"]
    api.allow(space, "pgvigil", "pods", "/pods")
    probe.wait("it was allowed since", known)
    everywhere = follow(kubeconfig)
    said = everywhere.wait("the whole cluster is none of its business", lambda said: said["states"].get("clusters", {}).get("error"))
    assert said["states"]["clusters"]["error"] == "permission" and said["clusters"] is None


def test_a_token_that_is_refused_and_one_that_was_rotated(api, space, follow, tmp_path):
    api.cluster(space, "orders")
    token = tmp_path / "token"
    token.write_text("nonsense")
    right = api.account(space, "pgvigil")
    api.allow(space, "pgvigil", "all", "postgresql.cnpg.io/clusters", "/pods")
    probe = follow(api.kubeconfig_of(tmp_path / "kubeconfig", token), space)
    said = probe.wait("it is refused", lambda said: said["states"].get("clusters", {}).get("error"))
    assert said["states"]["clusters"]["error"] == "auth" and said["clusters"] is None
    token.write_text(right + "\n")
    probe.wait("it is taken up", known)


def test_a_server_that_is_stopped_takes_nothing_with_it(api, space, follow):
    api.cluster(space, "orders", HEALTHY)
    probe = follow(api.kubeconfig, space)
    key = f"{space}/orders"
    probe.wait("it is known", known)
    api.stop()
    said = probe.wait("nobody answers", lambda said: not said["states"]["clusters"]["up"])
    assert said["clusters"][key]["phase"] == HEALTHY["phase"], "what is known stays"
    api.start()
    api.status(space, "orders", {"phase": "Failing over"})
    said = probe.wait("what happened since is known", lambda said: said["clusters"][key]["phase"] == "Failing over")
    probe.wait("it is followed again", lambda said: said["states"]["clusters"]["up"] and said["states"]["pods"]["up"])


def test_a_server_that_hangs_and_wakes_up(api, space, follow):
    api.cluster(space, "orders", HEALTHY)
    probe = follow(api.kubeconfig, space)
    probe.wait("it is known", known)
    api.process.send_signal(signal.SIGSTOP)
    api.process.send_signal(signal.SIGCONT)
    api.status(space, "orders", {"phase": "Failing over"})
    probe.wait("it goes on", lambda said: said["clusters"][f"{space}/orders"]["phase"] == "Failing over")


def test_what_is_too_old_is_listed_again_and_nothing_is_forgotten_meanwhile(api, space, follow):
    api.cluster(space, "orders", HEALTHY)
    api.cluster(space, "billing", HEALTHY)
    probe = follow(api.kubeconfig, space)
    probe.wait("they are known", known)
    api.compact()
    api.do("DELETE", f"/apis/postgresql.cnpg.io/v1/namespaces/{space}/clusters/billing")
    api.status(space, "orders", {"phase": "Failing over"})

    def settled(said):
        assert f"{space}/orders" in said["clusters"], "it was never gone"
        return said["clusters"][f"{space}/orders"]["phase"] == "Failing over" and f"{space}/billing" not in said["clusters"]
    probe.wait("all is known again", settled)


def test_a_kind_that_is_not_installed_is_said(follow, tmp_path):
    server = ApiServer(tmp_path)
    try:
        probe = follow(server.kubeconfig)
        said = probe.wait("it is not there", lambda said: said["states"].get("clusters", {}).get("error") and said["pods"] is not None)
        assert said["states"]["clusters"]["error"] == "not_found"
    finally:
        server.stop()
