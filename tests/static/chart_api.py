"""The Kubernetes API's own schemas, from the Go modules that ship them: nothing is asked of a cluster or a web site.

Built-in kinds: the typed schema of k8s.io/client-go (what server-side apply checks by). Kinds of the Prometheus Operator:
its CustomResourceDefinitions.
"""

import functools
import json
import pathlib
import re
import subprocess
import tempfile

import jsonschema
import yaml

CLIENT_GO = "k8s.io/client-go@v0.34.0"
PROMETHEUS_OPERATOR = "github.com/prometheus-operator/prometheus-operator@v0.85.0"


@functools.cache
def module(name):
    """Folder of a Go module in the module cache."""
    with tempfile.TemporaryDirectory() as outside_of_any_module:
        done = subprocess.run(["go", "mod", "download", "-json", name], cwd=outside_of_any_module, capture_output=True, text=True, check=False)
    answer = json.loads(done.stdout or "{}")
    assert "Dir" in answer, f"{name}: {answer.get('Error') or done.stderr}"
    return pathlib.Path(answer["Dir"])


@functools.cache
def builtin_types():
    source = (module(CLIENT_GO) / "applyconfigurations/internal/internal.go").read_text(encoding="utf-8")
    text = re.search(r"schemaYAML = typed\.YAMLObject\(`(.*?)`\)", source, re.S).group(1)
    return {one["name"]: one for one in yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))["types"]}


@functools.cache
def custom_schema(api_version, kind):
    for path in (module(PROMETHEUS_OPERATOR) / "example/prometheus-operator-crd").glob("*.yaml"):
        definition = yaml.safe_load(path.read_text(encoding="utf-8"))["spec"]
        for version in definition["versions"]:
            if (f"{definition['group']}/{version['name']}", definition["names"]["kind"]) == (api_version, kind):
                return strict(version["schema"]["openAPIV3Schema"])
    return None


def strict(schema):
    """What the API server would prune without a word is an error here."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: strict(value) for key, value in schema.items()}
    if schema.get("x-kubernetes-int-or-string"):
        made.pop("type", None)
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object" and "additionalProperties" not in schema:
        made["additionalProperties"] = False
    return made


def faults(document):
    """What the API server would refuse or drop of an object."""
    api_version, kind = document.get("apiVersion", ""), document.get("kind", "")
    if api_version.startswith("monitoring.coreos.com/"):
        schema = custom_schema(api_version, kind)
        if schema is None:
            return [f"{api_version} {kind}: no such kind"]
        schema = {**schema, "properties": {**schema["properties"], "metadata": {"type": "object"}}}
        found = jsonschema.Draft7Validator(schema).iter_errors(document)
        return [f"{'.'.join(map(str, one.absolute_path))}: {one.message}" for one in found] + metadata_faults(document)
    group, _, version = api_version.rpartition("/")
    name = f"io.k8s.api.{group.split('.')[0] or 'core'}.{version}.{kind}"
    if name not in builtin_types():
        return [f"{api_version} {kind}: no such kind"]
    return list(walk(document, {"namedType": name}, kind))


def metadata_faults(document):
    return list(walk(document["metadata"], {"namedType": "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}, "metadata"))


SCALARS = {"string": str, "boolean": bool, "numeric": (int, float)}


def walk(value, schema, where):
    """The faults of a value by a type of structured-merge-diff: its map, list and scalar atoms."""
    while "namedType" in schema:
        schema = builtin_types()[schema["namedType"]]
    if value is None or schema.get("scalar") == "untyped" and not isinstance(value, (dict, list)):
        return
    if isinstance(value, dict) and "map" in schema:
        fields = {one["name"]: one["type"] for one in schema["map"].get("fields", [])}
        for key, below in value.items():
            if key in fields:
                yield from walk(below, fields[key], f"{where}.{key}")
            elif "elementType" in schema["map"]:
                yield from walk(below, schema["map"]["elementType"], f"{where}.{key}")
            else:
                yield f"{where}: unknown field {key}"
    elif isinstance(value, list) and "list" in schema:
        for i, below in enumerate(value):
            yield from walk(below, schema["list"]["elementType"], f"{where}[{i}]")
    elif "scalar" not in schema or not isinstance(value, SCALARS[schema["scalar"]]) or (isinstance(value, bool) and schema["scalar"] != "boolean"):
        yield f"{where}: {value!r} is no {schema.get('scalar') or ('map' if 'map' in schema else 'list')}"
