"""Where the command line prints."""

from __future__ import annotations

from rich.console import Console

console, error_console = Console(), Console(stderr=True)
if not console.is_terminal:
    console.width = max(console.width, 140)  # a file or pipe has no edge: nothing need be cut
