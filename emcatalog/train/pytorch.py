"""PyTorch, or an error that names the extra with which it comes."""

from __future__ import annotations

from emcatalog.errors import ExtraError

try:
    import torch
    from torch import nn
except ImportError as error:
    raise ExtraError(
        got="emcatalog.train without PyTorch",
        expected="torch",
        hint="pip install 'emcatalog[torch]'",
    ) from error

__all__ = ["nn", "torch"]
