"""Films of several policies side by side, in one video."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from robusttune.errors import SpecError, StudyError, require

_MIN_WIDTH = 320  # of a panel; pictures of Atari are 160 pixels wide
_DIM = 0.45  # brightness of a panel whose episode is over
_HOLD_S = 1.0
_PAPER = "#e4e4e4"  # pictures are often white


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """What one policy did.

    Attributes
    ----------
    label : str
        Above its pictures.
    notes : tuple of str
        Below the label, one per episode.
    frames : tuple of tuple of bytes
        Encoded pictures, by episode.
    """

    label: str
    notes: tuple[str, ...]
    frames: tuple[tuple[bytes, ...], ...]


def check_video(path: Path) -> None:
    """Raise an error if a video cannot be written there, before anything is played for it."""
    require("moviepy", "video", who_needs="A video needs")
    if path.suffix != ".mp4":
        raise SpecError(f"video = {str(path)!r}: must end with .mp4.")
    if not path.parent.is_dir():
        raise SpecError(f"video = {str(path)!r}: there is no folder {path.parent}.")


def write_video(path: Path, title: str, panels: Sequence[Panel], *, fps: int) -> None:
    """Write panels of equal size side by side; each episode begins in all of them together.

    Raises
    ------
    StudyError
        If the file cannot be written.
    """
    from moviepy import VideoClip

    stage = _Stage(title, panels)
    moments = [
        (episode, step)
        for episode in range(len(panels[0].frames))
        for step in range(max(len(panel.frames[episode]) for panel in panels) + int(_HOLD_S * fps))
    ]

    def frame_at(seconds: float) -> np.ndarray[Any, Any]:
        return stage.frame(*moments[min(round(seconds * fps), len(moments) - 1)])

    try:
        clip = VideoClip(frame_at, duration=len(moments) / fps)
        clip.write_videofile(str(path), fps=fps, audio=False, logger=None)
    except OSError as error:  # moviepy's, when ffmpeg fails, has its output
        raise StudyError(f"The video {path} cannot be written: {error}") from None


class _Stage:
    """Puts pictures and texts of one moment together."""

    def __init__(self, title: str, panels: Sequence[Panel]) -> None:
        from PIL import ImageFont

        self._title, self._panels = title, panels
        width, height = _decoded(panels[0].frames[0][0]).size
        factor = -(-_MIN_WIDTH // width)
        self._size = width * factor, height * factor
        self._gap = max(4, self._size[0] // 60)
        self._width = len(panels) * (self._size[0] + self._gap) - self._gap
        lines = [text for panel in panels for text in (panel.label, *panel.notes)]
        self._font = _fitting(lines, self._size[0] - 2 * self._gap, ImageFont)
        self._title_font = _fitting([title], self._width - 2 * self._gap, ImageFont, largest=self._font.size)
        self._line = int(self._font.size * 1.35)
        self._top = 3 * self._line + 2 * self._gap

    def frame(self, episode: int, step: int) -> np.ndarray[Any, Any]:
        """Return the picture of one moment, shape (height, width, 3), both even."""
        from PIL import Image, ImageDraw, ImageEnhance

        height = self._top + self._size[1]
        picture = Image.new("RGB", (self._width + self._width % 2, height + height % 2), _PAPER)
        draw = ImageDraw.Draw(picture)
        draw.text((self._gap, self._gap // 2), self._title, font=self._title_font, fill="black")
        for place, panel in enumerate(self._panels):
            frames = panel.frames[episode]
            shown = _decoded(frames[min(step, len(frames) - 1)]).resize(self._size)
            if step >= len(frames):
                shown = ImageEnhance.Brightness(shown).enhance(_DIM)
            left = place * (self._size[0] + self._gap)
            picture.paste(shown, (left, self._top))
            for line, text in enumerate((panel.notes[episode], panel.label)):
                top = self._top - self._gap // 2 - (line + 1) * self._line
                draw.text((left + self._gap, top), text, font=self._font, fill="black")
        return np.asarray(picture)


def _fitting(lines: Sequence[str], width: int, fonts: Any, *, largest: int = 24) -> Any:
    """Return the font in which the longest line fits."""
    import matplotlib

    file = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    for size in range(largest, 7, -1):
        font = fonts.truetype(str(file), size)
        if max(font.getlength(line) for line in lines) <= width:
            break
    return font


def _decoded(frame: bytes) -> Any:
    from PIL import Image

    return Image.open(io.BytesIO(frame))
