"""Text for LaTeX: any name becomes ASCII source that pdfLaTeX compiles with its own fonts."""

from __future__ import annotations

import re
import unicodedata

from anyascii import anyascii

from robusttune.report.prose.words import plain

_CHARACTERS = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",  # babel gives the quotation mark other meanings
    "`": "{`}",  # no ligature, such as ?` for a Spanish question mark
    "[": "{[}",  # after the end of a row, these two would be options of it
    "*": "{*}",
    "−": "$-$",
    "–": "--",
    "—": "---",
    "…": r"\ldots{}",
    **{
        character: f"${command}$"
        for character, command in {
            "≤": r"\leq",
            "≥": r"\geq",
            "≠": r"\neq",
            "≈": r"\approx",
            "±": r"\pm",
            "×": r"\times",
            "·": r"\cdot",
            "→": r"\rightarrow",
            "∞": r"\infty",
            "†": r"\dagger",
        }.items()
    },
}
_ACCENTS = dict(
    zip("\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c", "`'^~=u.\"rHv", strict=True)
)
_DOTLESS = {"i": r"\i", "j": r"\j"}
_GREEK = re.compile(r"GREEK (SMALL|CAPITAL) LETTER (\w+)")
_SMALL = frozenset(
    re.findall(
        r"\w+",
        "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi "
        "omega",
    )
)
_CAPITAL = frozenset(
    re.findall(r"\w+", "gamma delta theta lambda xi pi sigma upsilon phi psi omega")
)  # the others are Latin
_BREAKABLE = frozenset("_/=,.:-;()")
_LONGEST_WORD = 24  # of a sentence


def escape(text: str, *, longest: int | None = None) -> str:
    """Return a text in one line as LaTeX, in ASCII.

    Accents and Greek letters stay what they are; other alphabets, and pictures, are written in Latin letters
    (`anyascii`); what has no such spelling is named by its code points.

    Parameters
    ----------
    text : str
    longest : int, optional
        Words with more characters may be broken, after a sign or after so many: a name may be a path.
    """
    given = unicodedata.normalize("NFC", plain(text))
    line = "".join(map(_spelled, given))
    if given and not line.strip():
        line = " ".join(map(_code_point, given))
    pieces = [_piece(line, place) for place in range(len(line))]
    return "".join(pieces) if longest is None else _with_breaks(line, pieces, longest)


def sentence(text: str) -> str:
    """Return a sentence as LaTeX, what stands between backticks as code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # a backtick of a name
        return escape(text, longest=_LONGEST_WORD)
    return "".join(
        rf"\texttt{{{escape(part, longest=_LONGEST_WORD)}}}" if i % 2 else _with_spaces(part)
        for i, part in enumerate(parts)
    )


def _with_spaces(text: str) -> str:
    """Return a part of a sentence, whose spaces at its ends belong to the sentence."""
    if not text.strip():
        return text
    return f"{' ' if text[0].isspace() else ''}{escape(text, longest=_LONGEST_WORD)}{' ' if text[-1].isspace() else ''}"


def _spelled(character: str) -> str:
    """Return a character that LaTeX can be told, or its spelling in ASCII."""
    if character.isascii() or character in _CHARACTERS or _composed(character) is not None:
        return character
    is_spelled = (
        unicodedata.category(character)[0] in "LM"
    )  # some letters and marks have no sound of their own
    return anyascii(character) or ("" if is_spelled else _code_point(character))


def _code_point(character: str) -> str:
    return f"U+{ord(character):04X}"


def _piece(line: str, place: int) -> str:
    character = line[place]
    if character == "-" and place and line[place - 1] == "-":
        return "{}-"  # two hyphens are no dash
    return _CHARACTERS.get(character) or _composed(character) or character


def _composed(character: str) -> str | None:
    """Return a character that LaTeX composes, or None: an accent, a Greek letter, a raised or lowered one."""
    kind, _, rest = unicodedata.decomposition(character).rpartition("> ")
    if kind in ("<super", "<sub"):
        base = "".join(escape(chr(int(code, 16))) for code in rest.split())
        return f"${'^' if kind == '<super' else '_'}{{\\mathrm{{{base}}}}}$" if base.isalnum() else None
    letter, *marks = list(unicodedata.normalize("NFKD", character))
    if not all(map(unicodedata.combining, marks)):
        return None  # a ligature
    if greek := _GREEK.fullmatch(unicodedata.name(letter, "")):
        size, name = greek[1], greek[2].lower().replace("lamda", "lambda")
        if name in (_SMALL if size == "SMALL" else _CAPITAL):
            return f"$\\{name if size == 'SMALL' else name.capitalize()}$"
    if len(marks) == 1 and marks[0] in _ACCENTS and letter.isascii() and letter.isalpha():
        return f"\\{_ACCENTS[marks[0]]}{{{_DOTLESS.get(letter, letter)}}}"
    return None


def _with_breaks(line: str, pieces: list[str], longest: int) -> str:
    found, place = [], 0
    for word in line.split(" "):
        own, since = pieces[place : place + len(word)], 0
        for character, piece in zip(word, own, strict=True):
            since += 1
            found.append(piece)
            if len(word) > longest and (character in _BREAKABLE or since == longest):
                found.append(r"\allowbreak{}")
                since = 0
        found.append(" ")
        place += len(word) + 1
    return "".join(found[:-1])
