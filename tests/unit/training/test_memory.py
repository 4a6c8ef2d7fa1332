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
    return [torch.ones(5_000_000) for _ in range(4)]
round()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    round()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.thorough
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library has no such setting")
def test_what_is_freed_is_kept_for_what_is_asked_for_next() -> None:
    def n_faults(word: str) -> int:
        command = [sys.executable, "-c", ROUNDS, word]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    # How the heap lies decides whether the first rounds still ask for some; every round would be 20 times as much.
    assert n_faults("keep") < n_faults("leave") / 10
