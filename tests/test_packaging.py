"""What an installation gives: one name, whatever else is called analysis, scripts or sweeps where it is used."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from tests.support.specs import write

TOP = Path(__file__).parents[1]
USERS_OWN = ("analysis.py", "scripts/__init__.py", "sweeps/__init__.py")
PROGRAM = """
import analysis, grokjax, scripts, sweeps
assert analysis.MINE and scripts.MINE and sweeps.MINE
from grokjax import analysis as ours
print(grokjax.__file__)
print(ours.__file__)
"""

pytestmark = pytest.mark.slow


def build(source, folder):
    """Builds a source distribution and a wheel; both are written to `folder`, nothing into the checkout."""
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-d", folder], cwd=source, check=True, capture_output=True)
    (wheel,), (archive,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return wheel, archive


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return build(TOP, tmp_path_factory.mktemp("dist"))


def contents(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/RECORD")}


def test_a_wheel_holds_one_package_with_all_of_its_files(built):
    files = contents(built[0])
    assert {re.sub(r"-.*\.dist-info", ".dist-info", name.partition("/")[0]) for name in files} == {"grokjax", "grokjax.dist-info"}
    folders = [Path(folder) for folder, _, _ in os.walk(TOP / "grokjax", followlinks=True)]
    ours = {path for folder in folders for path in folder.iterdir() if path.is_file() and path.parent.name != "__pycache__"}
    assert {name for name in files if name.startswith("grokjax/")} == {path.relative_to(TOP).as_posix() for path in ours}
    assert "grokjax/py.typed" in files
    assert "grokjax/sweeps/specs/parity-demo.toml" in files
    assert {Path(name).suffix for name in files if name.startswith("grokjax/analysis/report/page/")} >= {".html", ".js", ".css"}


def test_a_source_distribution_gives_the_same_wheel(built, tmp_path):
    with tarfile.open(built[1]) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    again, _ = build(source, tmp_path / "dist")
    assert contents(again) == contents(built[0])


@pytest.mark.parametrize("name", ["analysis", "scripts", "sweeps"])
def test_a_folder_of_the_checkout_is_no_package_of_that_name(name):
    told = subprocess.run([sys.executable, "-c", f"import {name}"], cwd=TOP, capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert told.stderr.splitlines()[-1].startswith(f"ImportError: import grokjax.{name}, not {name}")


@pytest.fixture(scope="module")
def environment(built, tmp_path_factory):
    """The programs of an environment into which the wheel alone was installed. Its requirements are those of this environment.

    They are found by a path, whose own .pth files Python does not follow: so an editable installation of this checkout is not seen.
    """
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    site = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], check=True, capture_output=True, text=True
    )
    paths = dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib"))
    Path(site.stdout.strip(), "requirements.pth").write_text("\n".join(paths))
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", built[0]]
    subprocess.run(install, check=True, capture_output=True)
    return folder / "bin"


@pytest.fixture
def folder(tmp_path):
    """A project whose modules are called as folders of the checkout are."""
    for name in USERS_OWN:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("MINE = True\n")
    (tmp_path / "program.py").write_text(PROGRAM)
    shutil.copytree(TOP / "docs" / "example", tmp_path / "results" / "demo")
    axes = {"hidden_size": [8, 12], "weight_decay": [0.1, 1.0]}
    write(tmp_path, dict.fromkeys(axes) | {"steps": 100}, axes)
    return tmp_path


@pytest.mark.cluster
@pytest.mark.parametrize("python_path", [None, "."])
def test_an_installed_wheel_works_in_a_folder_with_modules_of_the_same_names(environment, folder, python_path):
    env = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")}
    env |= {} if python_path is None else {"PYTHONPATH": python_path}

    def said(program, *arguments):
        command = [environment / program, *arguments]
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    for path in said("python", "program.py").split():
        assert Path(path).is_relative_to(environment.parent), path
        assert not Path(path).parent.is_symlink()
    (folder / "readme.py").write_text("\n".join(re.findall(r"^```python\n(.*?)^```", (TOP / "README.md").read_text(), re.M | re.S)))
    said("python", "readme.py")
    said("grokjax", "run", "mine.toml", "--root", "root", "--cpus", "2")
    assert "4 of 4" in said("grokjax", "status", "root")
    said("grokjax", "phases", "root", "--out", "phases.png")
    said("grokjax", "report", "root", "--out", "page.html")
    assert (folder / "phases.png").stat().st_size > 1000
    assert (folder / "page.html").stat().st_size > 100_000
