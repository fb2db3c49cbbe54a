"""Where specs are written: files, and the ones that come with the package; one may include another."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from grokjax.errors import SpecError, nearest
from grokjax.sweeps.spec.sweep_spec import SweepSpec

# Of a written spec; `sample` becomes an axis of the sweep, `include` is replaced by what it names, less what is `unset`.
KEYS = (*SweepSpec.model_fields, "sample", "include", "unset")


def shipped_specs() -> dict[str, str]:
    """The texts of the specs that come with the package, by name."""
    folder = resources.files("grokjax.sweeps") / "specs"
    return {Path(file.name).stem: file.read_text("utf-8") for file in sorted(folder.iterdir(), key=lambda f: f.name)}


def read_spec(path_or_name: str) -> tuple[dict[str, Any], str]:
    """The TOML tables of a spec, what it includes laid under them, and what to call it in errors. Raises SpecError."""
    return _read(path_or_name, ())


def _read(path_or_name: str, includers: tuple[str, ...]) -> tuple[dict[str, Any], str]:
    text, where, folder = _text(path_or_name)
    identity = str(folder / where)
    if identity in includers:
        raise SpecError(f"{where} includes itself, by way of {' and '.join(Path(each).name for each in includers)}")
    try:
        written = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SpecError(f"{where} is not TOML: {error}") from None
    included = written.pop("include", None)
    if included is None:
        return written, where
    if not isinstance(included, str):
        raise SpecError(f"{where}: include is the name of a shipped spec or the path of a file, got {included!r}")
    path = included if included in shipped_specs() else str(folder / included)
    base, _ = _read(path, (*includers, identity))
    unset = written.pop("unset", [])
    if not isinstance(unset, list):
        raise SpecError(f"{where}: unset is a list of hyperparameters that {included} gives, got {unset!r}")
    return _laid_over(without(base, unset, where), written), where


def without(written: Mapping[str, Any], names: Sequence[str], where: str) -> dict[str, Any]:
    """A written spec less some hyperparameters of its [run] and [axes]. Raises SpecError for one that is in neither."""
    tables = {key: dict(written.get(key, {})) for key in ("run", "axes") if isinstance(written.get(key, {}), dict)}
    for name in names:
        if all(table.pop(name, None) is None for table in tables.values()):
            known = [given for table in tables.values() for given in table]
            raise SpecError(f"{where}: cannot unset {name}, which is neither in [run] nor in [axes]{nearest(str(name), known)}")
    return {**written, **tables}


def _text(path_or_name: str) -> tuple[str, str, Path]:
    shipped = shipped_specs()
    if path_or_name in shipped:
        return shipped[path_or_name], path_or_name, Path()
    path = Path(path_or_name)
    try:
        return path.read_text("utf-8"), path.name, path.parent.resolve()
    except UnicodeDecodeError:
        raise SpecError(f"{path_or_name} is not a text file; a spec is TOML") from None
    except OSError as error:
        hint = nearest(path_or_name, shipped) or f"; shipped specs: {', '.join(shipped)}"
        raise SpecError(f"cannot read spec {path_or_name}: {error.strerror}{hint}") from None


def _laid_over(base: Mapping[str, Any], written: Mapping[str, Any]) -> dict[str, Any]:
    """The included spec with the including one over it: a hyperparameter's place is where it was given last."""
    given = _names(written)
    merged: dict[str, Any] = {key: value for key, value in base.items() if key not in ("name", "description")}
    for key, empty in (("run", {}), ("axes", {}), ("zipped", []), ("leave_out", [])):
        under, over = base.get(key, empty), written.get(key, empty)
        if wrong := [each for each in (under, over) if type(each) is not type(empty)]:
            merged[key] = wrong[0]  # which is refused with all else that is wrong
        elif isinstance(under, list):
            merged[key] = [*under, *over]
        else:
            merged[key] = {name: value for name, value in under.items() if name not in given} | over
    for key in ("resources", "tuning"):
        if all(isinstance(spec.get(key), dict) for spec in (base, written)):
            written = {**written, key: base[key] | written[key]}
    return merged | {key: value for key, value in written.items() if key not in ("run", "axes", "zipped", "leave_out")}


def _names(written: Mapping[str, Any]) -> set[str]:
    """Every hyperparameter that a spec gives, wherever it stands."""
    sample = written.get("sample", {})
    tables = [written.get("run"), written.get("axes"), sample.get("axes") if isinstance(sample, dict) else None]
    zipped = written.get("zipped", [])
    tables += zipped if isinstance(zipped, list) else []
    return {name for table in tables if isinstance(table, dict) for name in table}
