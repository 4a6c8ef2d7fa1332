"""Imports and other work that leaves no garbage."""

from __future__ import annotations

import gc

import pytest

from robusttune.training.imports import uncollected


@pytest.mark.parametrize("before", [True, False])
def test_garbage_is_collected_again_afterwards_if_it_was_before(before: bool) -> None:
    was = gc.isenabled()
    (gc.enable if before else gc.disable)()
    try:
        with uncollected():
            assert not gc.isenabled()
        assert gc.isenabled() == before
    finally:
        (gc.enable if was else gc.disable)()
