"""Pictures within a page: what marks say when pointed at, names that no other picture has, and fewer bytes."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from PIL import Image

_SVG, _LINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_REFERENCE = re.compile(r"#([\w.:-]+)")
_POINTING = ("clip-path", "style", "fill", f"{{{_LINK}}}href")
_PLACES = ("d", "x", "y")
_MOVE = re.compile(r"translate\([^)]*\)")
_TEXTS = (f"{{{_SVG}}}title", f"{{{_SVG}}}style", f"{{{_SVG}}}text", f"{{{_SVG}}}tspan")


def embedded(svg: str, *, key: str, tips: Mapping[str, Sequence[str]]) -> str:
    """Return a picture as it stands in a page with others.

    Parameters
    ----------
    svg : str
        As matplotlib writes it.
    key : str
        Of this picture alone: its names begin with it. Two pictures that share a name share what it means, and what is
        defined in a hidden one cannot be seen in the other.
    tips : mapping
        id of a group of marks → what each of them says, in their order; a single text is said by the whole group.
    """
    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", _LINK)
    root = ElementTree.fromstring(svg[svg.index("<svg") :])
    for metadata in root.findall(f"{{{_SVG}}}metadata"):
        root.remove(metadata)
    for image in root.iter(f"{{{_SVG}}}image"):
        image.set(f"{{{_LINK}}}href", _in_few_colours(image.attrib[f"{{{_LINK}}}href"]))
    for group in list(root.iter(f"{{{_SVG}}}g")):
        _tell(group, tips.get(group.get("id", ""), ()))
    pointed = dict.fromkeys(
        one for e in root.iter() for text in _references(e) for one in _REFERENCE.findall(text)
    )
    own = {element.get("id") for element in root.iter()}
    names = {one: f"{key}-{i:x}" for i, one in enumerate(one for one in pointed if one in own)}
    for element in root.iter():
        _shorten(element, names)
    return ElementTree.tostring(root, encoding="unicode")


def _in_few_colours(address: str) -> str:
    """Return a PNG within an address with a palette: dots have few colours, and take a fifth of the bytes."""
    kind, _, data = address.partition(",")
    picture = io.BytesIO()
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        image.quantize(method=Image.Quantize.FASTOCTREE).save(picture, format="png")
    return f"{kind},{base64.b64encode(picture.getvalue()).decode()}"


def _tell(group: Element, texts: Sequence[str]) -> None:
    if not texts:
        return
    marks = list(group.iter(f"{{{_SVG}}}use"))
    for mark, text in zip(marks, texts, strict=True) if len(marks) == len(texts) else [(group, texts[0])]:
        title = Element(f"{{{_SVG}}}title")
        title.text = text
        mark.insert(0, title)


def _references(element: Element) -> list[str]:
    return [value for name in _POINTING if "#" in (value := element.get(name, ""))]


def _shorten(element: Element, names: Mapping[str, str]) -> None:
    """Give names of its own to what is pointed to, two decimals to places, and leave out what nobody sees."""
    if (name := element.attrib.pop("id", None)) in names:
        element.set("id", names[str(name)])
    for attribute in _POINTING:
        if "#" in element.get(attribute, ""):
            pointing = _REFERENCE.sub(lambda found: _renamed(found, names), element.attrib[attribute])
            element.set(attribute, pointing)
    for attribute in _PLACES:
        if attribute in element.attrib:
            element.set(attribute, _in_short(element.attrib[attribute]))
    if "transform" in element.attrib:  # scales are small numbers, of which every digit counts
        element.set("transform", _MOVE.sub(lambda found: _in_short(found[0]), element.attrib["transform"]))
    if element.tag not in _TEXTS:
        element.text = None
    element.tail = None


def _in_short(places: str) -> str:
    return " ".join(_LONG_NUMBER.sub(lambda found: f"{float(found[0]):.2f}", places).split())


def _renamed(found: re.Match[str], names: Mapping[str, str]) -> str:
    return f"#{names.get(found[1], found[1])}"  # colours are no names
