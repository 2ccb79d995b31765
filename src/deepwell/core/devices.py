"""What this machine offers: processors, matrix units, the device to train on, the allocator."""

from __future__ import annotations

import ctypes
import os
import platform
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from deepwell.core.errors import UserError

if TYPE_CHECKING:
    import torch


@lru_cache(maxsize=1)
def processors() -> int:
    """Processors that this process may use: affinity and the control group's quota, not the machine's count."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cgroup_quota()
    return max(1, min(count, quota)) if quota else max(1, count)


def _cgroup_quota() -> int | None:
    try:
        limit, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return None if limit == "max" else max(1, round(int(limit) / int(period)))
    except (OSError, ValueError):
        pass
    try:
        limit_us = int(Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us").read_text())
        period_us = int(Path("/sys/fs/cgroup/cpu/cpu.cfs_period_us").read_text())
        return max(1, round(limit_us / period_us)) if limit_us > 0 else None
    except (OSError, ValueError):
        return None


def processor_flags() -> frozenset[str]:
    """The processor's feature flags (Linux); empty elsewhere."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("flags"):
                return frozenset(line.split(":", 1)[1].split())
    except OSError:
        pass
    return frozenset()


def has_bfloat16(device: torch.device) -> bool:
    """Whether the hardware multiplies bfloat16 matrices at speed (AMX, AVX512-BF16, tensor cores)."""
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        return bool(processor_flags() & {"amx_bf16", "avx512_bf16"})
    return False


def choose(name: str = "auto") -> torch.device:
    """The device to train on: ``auto`` takes a GPU where there is one, else the CPU.

    Raises:
        UserError: a device that this machine or this PyTorch does not have.
    """
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UserError(
            f"device '{name}' can't be used here ({str(error).splitlines()[0]})",
            expected="auto, cpu, or cuda where a GPU and a CUDA build of PyTorch are installed",
            fix="leave --device out",
        ) from None
    return device


@lru_cache(maxsize=1)
def keep_memory() -> bool:
    """Tell glibc's allocator to keep freed memory: a training step asks for the same blocks again and again.

    Measured to give up to 1.6 times the speed at large batches. Returns whether it took effect.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    trim_threshold, top_pad, mmap_threshold = -1, -2, -3
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    settings = ((mmap_threshold, 1 << 30), (trim_threshold, (1 << 31) - 1), (top_pad, 64 << 20))
    taken = [mallopt(key, value) == 1 for key, value in settings]
    return all(taken)


def machine() -> dict[str, str | int]:
    """What a record of a measurement must say of the machine."""
    model = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    except OSError:
        pass
    units = sorted(processor_flags() & {"avx2", "avx512f", "avx512_bf16", "amx_bf16"})
    return {"processor": model, "processors": processors(), "units": " ".join(units), "system": platform.system()}
