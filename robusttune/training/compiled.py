"""What JAX has compiled, kept for the next run: SBX has the same networks compiled anew for every model it makes."""

from __future__ import annotations

import functools
import os
import tempfile
from pathlib import Path
from typing import Any


@functools.cache
def folder_for_compiled() -> tempfile.TemporaryDirectory[str]:
    """Return a folder that ends with this process."""
    return tempfile.TemporaryDirectory(prefix="robusttune-jax-", ignore_cleanup_errors=True)


@functools.cache
def keep_compiled(folder: str | None = None) -> None:
    """Let this process look up what it has compiled before; of a short run that is most of the time.

    A folder that the user has named to JAX is left to JAX.

    Parameters
    ----------
    folder : str, optional
        In it every process has a folder of its own, because JAX reads what another process is still writing. The
        default is one that ends with this process.
    """
    import jax
    from jax.experimental.compilation_cache import compilation_cache

    config: Any = jax.config
    if config.jax_compilation_cache_dir is not None:
        return
    own = Path(folder or folder_for_compiled().name) / str(os.getpid())
    config.update("jax_compilation_cache_dir", str(own))
    config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    cache: Any = compilation_cache
    cache.reset_cache()  # whether there is a folder is asked once, when something is compiled first
