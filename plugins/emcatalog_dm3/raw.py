"""The tags of a DM file as JSON has them: untouched, but for what is long."""

from __future__ import annotations

import math

from emcatalog_dm3.tree import Block, Group, Node

PIXELS = "Data"


def raw_tags(group: Group) -> dict[str, object]:
    """The tree of tags as objects, texts and numbers; lists are objects, too.

    So a path such as ``ImageList.1.Name`` leads from name to name. Arrays and
    structures of up to 1 kB are lists of numbers, or a text if they make one; longer
    ones, and pixels, are a text such as ``<1536 bytes>``. Numbers that JSON does not
    have are texts: ``nan``, ``inf``. Of tags of one name the last is kept.
    """
    return {name: _plain(name, node) for name, node in group.members.items()}


def _plain(name: str, node: Node) -> object:
    if isinstance(node, Group):
        return raw_tags(node)
    if isinstance(node, Block):
        return f"<{node.size} bytes>" if name == PIXELS else _block(node)
    return _number(node)


def _block(block: Block) -> object:
    if block.text and _is_written(block.text):
        return block.text
    if block.values:
        return [_number(value) for value in block.values]
    return block.text if not block.size else f"<{block.size} bytes>"


def _is_written(text: str) -> bool:
    """Whether it has only letters and blanks, those between lines among them."""
    return all(c.isprintable() or c.isspace() for c in text)


def _number(value: float) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
