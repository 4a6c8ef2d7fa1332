"""Ids are hashes of content: equal content, equal id, whatever its place or name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

ID_LENGTH = 20


def config_id(hyperparameters: Mapping[str, JsonValue]) -> str:
    """Return the id of a configuration: equal hyperparameters, equal id."""
    return content_id(dict(hyperparameters))


def content_id(value: Any) -> str:
    """Return a hash of a JSON value, 20 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:ID_LENGTH]


def canonical_json(value: Any) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
