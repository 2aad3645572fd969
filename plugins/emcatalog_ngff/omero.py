"""The ``omero`` block of OME-NGFF: names of channels and how to display them.

It is optional and loosely written, so what does not fit is passed over.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any


def channel_labels(told: Mapping[str, Any]) -> Sequence[str]:
    """Labels of the channels; empty where they are not told."""
    labels = [channel.get("label") for channel in _channels(told)]
    if not labels or not all(isinstance(label, str) for label in labels):
        return ()
    return [str(label)[:200] for label in labels]


def display_window(told: Mapping[str, Any], channel: int) -> tuple[float, float] | None:
    """Values shown as black and as white for one channel, if they are told."""
    channels = _channels(told)
    if channel >= len(channels):
        return None
    window = channels[channel].get("window")
    if not isinstance(window, dict):
        return None
    low, high = _number(window.get("start")), _number(window.get("end"))
    return None if low is None or high is None else (low, high)


def _channels(told: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    omero = told.get("omero")
    channels = omero.get("channels") if isinstance(omero, dict) else None
    if not isinstance(channels, list):
        return ()
    return [channel if isinstance(channel, dict) else {} for channel in channels[:1024]]


def _number(value: object) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if abs(value) < 1e300 and math.isfinite(value) else None
