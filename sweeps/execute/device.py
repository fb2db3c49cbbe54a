"""The device that a process trains on: its threads, its share of a GPU, its kind, and where compiled programs are kept."""

import contextlib
import functools
import hashlib
import os
import platform
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import jax
from jax.experimental.compilation_cache import compilation_cache

from grokjax.environment import restored_environment

XLA_FLAG = "--xla_cpu_multi_thread_eigen=false"
GPU_MEMORY_SHARE = 0.9  # of a GPU's memory, over all workers that share it; the rest is for the programs themselves
MOST_COMPILED_BYTES = 2 * 2**30  # the cache limit for each kind of processor; a compiled program has some 100 kB
# The jax options that `prepare_device` changes.
JAX_OPTIONS = (
    "jax_platforms",
    "jax_compilation_cache_dir",
    "jax_persistent_cache_min_compile_time_secs",
    "jax_persistent_cache_min_entry_size_bytes",
)


def use_one_thread() -> None:
    """Keeps XLA's thread pools, in this process and its children, to one thread; must come before the first computation.

    Each worker has one core. NPROC sets the size of the thread pool of XLA's CPU client: without it, a worker's matrix products
    spread over the cores of other workers and wait for them (two workers at hidden_size 64 train a third slower).
    """
    os.environ["NPROC"] = "1"
    flags = os.environ.get("XLA_FLAGS", "")
    if XLA_FLAG not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {XLA_FLAG}".strip()


def prepare_device(gpus: float | None = None) -> None:
    """Sets XLA's threads, its share of a GPU and its compilation cache; must be called before the first computation.

    Args:
      gpus: the share of a GPU; 0 uses the CPU, None the default device.
    """
    use_one_thread()
    if gpus == 0:
        jax.config.update("jax_platforms", "cpu")
    elif gpus is not None:  # the share of the memory that jax reserves; three quarters by default
        os.environ.setdefault("XLA_PYTHON_CLIENT_MEM_FRACTION", f"{GPU_MEMORY_SHARE * gpus:.4f}")
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        folder = cache_folder() / f"compiled-{_processor()}"
        bound_folder(folder, MOST_COMPILED_BYTES)
        jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)


@contextlib.contextmanager
def restored_device() -> Iterator[None]:
    """A context that restores the environment and the jax configuration that `prepare_device` changes."""
    before = {name: getattr(jax.config, name) for name in JAX_OPTIONS}
    with restored_environment():
        try:
            yield
        finally:
            for name, value in before.items():
                jax.config.update(name, value)
            compilation_cache.reset_cache()  # jax opens the folder only once


def bound_folder(folder: Path, most: int) -> None:
    """If a folder holds more than `most` bytes, deletes its least recently used files until three quarters of that remain.

    jax can limit its cache itself (`jax_compilation_cache_max_size`), but then it locks the folder for each read, so that workers
    that share a home folder wait for each other, and it caches nothing more once a worker was killed between two of its writes.
    """
    with contextlib.suppress(OSError):  # it does not exist, or another process is doing the same
        used = sorted((max(at.st_atime, at.st_mtime), at.st_size, path) for path in folder.iterdir() for at in [path.stat()])
        total = sum(size for _, size, _ in used)
        target = most if total <= most else most * 3 // 4
        for _, size, path in used:
            if total <= target:
                return
            path.unlink(missing_ok=True)
            total -= size


def device_kind() -> str:
    """The kind of device that this process trains on."""
    kind = str(jax.devices()[0].device_kind)
    return _cpu_model() if kind == "cpu" else kind


def compiler_versions() -> dict[str, str]:
    """The versions of the packages that turn a config into machine code, by name."""
    return {name: metadata.version(name) for name in ("jax", "jaxlib")}


def cache_folder() -> Path:
    """This user's cache folder for compiled programs and measured tunings; in the temporary folder if the user has no home."""
    try:
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:  # a user id without a home, as in some containers
        home = Path(tempfile.gettempdir(), f"cache-{os.getuid()}")
    return home / "grokjax"


@functools.cache
def _processor() -> str:
    flags = next((line for line in _cpuinfo() if line.startswith(("flags", "Features"))), platform.processor())
    return hashlib.sha256(f"{platform.machine()} {flags}".encode()).hexdigest()[:12]


def _cpu_model() -> str:
    named = (line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name"))
    return next(named, platform.machine())


@functools.cache
def _cpuinfo() -> tuple[str, ...]:
    try:
        return tuple(Path("/proc/cpuinfo").read_text("utf-8").splitlines())
    except OSError:
        return ()
