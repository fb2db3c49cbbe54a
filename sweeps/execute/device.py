"""The device that a process trains on: its threads, its kind, and where its compiled programs are kept."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
from pathlib import Path

import jax

XLA_FLAG = "--xla_cpu_multi_thread_eigen=false"
GPU_MEMORY_SHARE = 0.9  # of a GPU's memory, over all that share it; the rest is for the programs themselves


def use_one_thread() -> None:
    """Keeps XLA's thread pools, here and in child processes, to one thread; must come before the first computation.

    One task has one core. NPROC sizes the pool of XLA's CPU client: without it, a task's products spread over cores that have tasks
    of their own, and wait for each other (two tasks at hidden_size 64 train a third slower).
    """
    os.environ["NPROC"] = "1"
    flags = os.environ.get("XLA_FLAGS", "")
    if XLA_FLAG not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {XLA_FLAG}".strip()


def prepare_device(gpus: float | None = None) -> None:
    """Gives XLA one thread, its share of a GPU and a place to keep what it compiles; must come before the first computation.

    Args:
      gpus: the share; 0 keeps to the CPU, None takes what is there.
    """
    use_one_thread()
    if gpus == 0:
        jax.config.update("jax_platforms", "cpu")
    elif gpus is not None:  # jax reserves this share of the memory, three quarters if it is not told
        os.environ.setdefault("XLA_PYTHON_CLIENT_MEM_FRACTION", f"{GPU_MEMORY_SHARE * gpus:.4f}")
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        jax.config.update("jax_compilation_cache_dir", str(cache_folder() / f"compiled-{_processor()}"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)


def device_kind() -> str:
    """The kind of device that this process trains on."""
    kind = str(jax.devices()[0].device_kind)
    return _cpu_model() if kind == "cpu" else kind


def cache_folder() -> Path:
    """The folder in which grokjax keeps what it has compiled and measured for this user."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "grokjax"


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
