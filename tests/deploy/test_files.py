"""The files of deploy/, held against what reads them."""

import copy
import re
from pathlib import Path

import jsonschema
import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config
from ray.runtime_env import RuntimeEnv

TOP = Path(__file__).parents[2]
DEPLOY = TOP / "deploy"


def read(name):
    return yaml.safe_load((DEPLOY / name).read_text())


def validated(config):
    prepared = prepare_config(copy.deepcopy(config))
    validate_config(prepared)
    return prepared


def test_the_launcher_takes_its_file():
    cluster = validated(read("aws.yaml"))
    assert cluster["available_node_types"].keys() == {"head", "cpu", "gpu"}
    assert "-e RAY_AUTH_MODE=token" in cluster["docker"]["run_options"]
    assert cluster["file_mounts"]["/home/ray/.ray/auth_token"] == "~/.ray/auth_token"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda config: config.update(max_worker=3), "max_worker"),
        (lambda config: config["available_node_types"]["cpu"].update(maximum=3), "maximum"),
        (lambda config: config["available_node_types"]["cpu"].pop("resources"), "resources"),
        (lambda config: config["docker"].update(images="x"), "images"),
    ],
)
def test_the_launcher_would_not_take_a_slip(change, says):
    config = read("aws.yaml")
    change(config)
    with pytest.raises(jsonschema.ValidationError, match=says):
        validated(config)


# The fields of a RayJob and of what is in it, as KubeRay 1.5 and later know them: those that a sweep may want.
POD = {"spec": {"containers", "nodeSelector", "tolerations", "serviceAccountName", "terminationGracePeriodSeconds", "volumes"}}
CONTAINER = {"name", "image", "imagePullPolicy", "env", "envFrom", "resources", "volumeMounts", "ports"}
JOB = {
    *("entrypoint", "submissionMode", "backoffLimit", "shutdownAfterJobFinishes", "ttlSecondsAfterFinished"),
    *("rayClusterSpec", "runtimeEnvYAML", "activeDeadlineSeconds", "preRunningDeadlineSeconds", "suspend"),
}
CLUSTER = {"rayVersion", "authOptions", "enableInTreeAutoscaling", "autoscalerOptions", "headGroupSpec", "workerGroupSpecs"}
HEAD = {"rayStartParams", "template", "serviceType"}
WORKERS = {"groupName", "replicas", "minReplicas", "maxReplicas", "rayStartParams", "template", "idleTimeoutSeconds"}


def unknown_fields(job):
    """Those of a RayJob that KubeRay does not know, each with where it is."""
    cluster = job["spec"]["rayClusterSpec"]
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    containers = [each for group in groups for each in group["template"]["spec"]["containers"]]
    parts = [
        ("RayJob", job, {"apiVersion", "kind", "metadata", "spec"}),
        ("spec", job["spec"], JOB),
        ("rayClusterSpec", cluster, CLUSTER),
        ("authOptions", cluster["authOptions"], {"mode", "secretName"}),
        ("autoscalerOptions", cluster["autoscalerOptions"], {"idleTimeoutSeconds", "upscalingMode", "version", "resources"}),
        *(("group", group, WORKERS if "groupName" in group else HEAD) for group in groups),
        *(("template", group["template"], POD.keys()) for group in groups),
        *(("pod", group["template"]["spec"], POD["spec"]) for group in groups),
        *(("container", each, CONTAINER) for each in containers),
        *(("resources", each["resources"], {"requests", "limits"}) for each in containers),
    ]
    return [f"{name}.{field}" for name, part, known in parts for field in part if field not in known]


def test_kuberay_knows_every_field_of_the_job():
    job = read("rayjob.yaml")
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    assert unknown_fields(job) == []
    cluster = job["spec"]["rayClusterSpec"]
    assert cluster["authOptions"] == {"mode": "token"}
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        assert all(isinstance(value, str) for value in group["rayStartParams"].values()), "they become words of a command"
        (container,) = group["template"]["spec"]["containers"]
        assert all(isinstance(value, str) for kind in container["resources"].values() for value in kind.values())
    job["spec"]["rayClusterSpec"]["workerGroupSpecs"][0]["maxReplica"] = 3
    assert unknown_fields(job) == ["group.maxReplica"]


def test_ray_takes_the_runtime_environment():
    env = RuntimeEnv(**read("runtime-env.yaml") | {"working_dir": str(TOP)})
    here = "${RAY_RUNTIME_ENV_CREATE_WORKING_DIR}"  # which Ray fills in where packages are named, and in pip's options is not
    assert env.pip_config()["packages"] == [f"-c {here}/constraints.txt", f"{here}[s3]"]


def test_all_run_the_version_of_ray_that_is_pinned_and_one_image():
    pinned = re.search(r"^ray==(.+)$", (TOP / "constraints.txt").read_text(), re.MULTILINE).group(1)
    job, dockerfile = read("rayjob.yaml"), (DEPLOY / "Dockerfile").read_text()
    assert f"FROM rayproject/ray:{pinned}-py311-" in dockerfile
    assert job["spec"]["rayClusterSpec"]["rayVersion"] == pinned
    built = set(re.findall(r"-t (\S+)", dockerfile))
    used = set(re.findall(r"image: (\S+)", (DEPLOY / "aws.yaml").read_text() + (DEPLOY / "rayjob.yaml").read_text()))
    assert built == used


def test_the_page_on_clusters_says_what_every_file_is_for():
    page = (TOP / "docs" / "howto" / "clusters.md").read_text("utf-8")
    assert sorted(re.findall(r"\]\(\.\./\.\./deploy/([^)]+)\)", page)) == sorted(file.name for file in DEPLOY.iterdir())
