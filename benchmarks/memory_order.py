"""Time SB3's convolutional network in both orders of memory: `python -m benchmarks.memory_order`.

Forward and backward through NatureCNN on one minibatch of Atari's stacked frames, on one thread: images and weights as
SB3 has them (channels first), and in torch's `channels_last`. Both in turn; medians.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import NatureCNN

from benchmarks.machine import commit, machine

REPORT = Path(__file__).with_suffix(".txt")
ORDERS = {"channels first": torch.contiguous_format, "channels last": torch.channels_last}


def seconds(network: torch.nn.Module, images: torch.Tensor) -> float:
    """Return the CPU time of one pass forward and backward."""
    begin = time.process_time()
    network(images).square().mean().backward()
    return time.process_time() - begin


def main() -> None:
    """Measure, print and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--batch-size", type=int, default=256)
    options = parser.parse_args()
    torch.set_num_threads(1)
    images = torch.rand(options.batch_size, 4, 84, 84)
    space = spaces.Box(0, 255, (4, 84, 84), np.uint8)
    cases = {
        # The stubs of torch do not know this argument.
        name: (NatureCNN(space).to(memory_format=order), images.contiguous(memory_format=order))  # type: ignore[call-overload]
        for name, order in ORDERS.items()
    }
    found: dict[str, list[float]] = {name: [] for name in cases}
    for repeat in range(options.repeats + 1):
        for name, case in cases.items():
            taken = seconds(*case)
            if repeat:  # the first is a warm-up
                found[name].append(taken)
    lines = [
        f"NatureCNN forward and backward, {options.batch_size} images of 4 x 84 x 84, {datetime.now(UTC):%Y-%m-%d}, "
        f"commit {commit()}",
        f"{machine()}, torch {torch.__version__}; one thread; CPU seconds, median of {options.repeats} (least)",
        "",
        *(f"{name:14s}   {statistics.median(own):.3f} ({min(own):.3f})" for name, own in found.items()),
    ]
    REPORT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
