"""Where the command line prints."""

from __future__ import annotations

from rich.console import Console

console, error_console = Console(), Console(stderr=True)
if not console.is_terminal:
    console.width = max(console.width, 140)  # a file or pipe has no edge: nothing need be cut


def say(text: str, style: str | None = None) -> None:
    """Print a text as it is: without markup, and unwrapped, so that a command in it can be pasted."""
    console.print(text, style=style, highlight=False, markup=False, soft_wrap=True)
