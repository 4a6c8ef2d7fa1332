from __future__ import annotations

import platform
import subprocess
import sys

import pytest

ROUNDS = """
import resource, sys
import torch
from robusttune.training.memory import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
def round():
    return [torch.ones(10_000_000) for _ in range(4)]  # larger than glibc ever keeps by itself, 32 MiB
for _ in range(5):  # how the heap lies decides how many rounds still ask for some
    round()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    round()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.thorough
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library has no such setting")
def test_what_is_freed_is_kept_for_what_is_asked_for_next() -> None:
    def n_faults(word: str) -> int:
        command = [sys.executable, "-c", ROUNDS, word]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    assert n_faults("keep") < n_faults("leave") / 10
