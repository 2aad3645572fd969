"""For authors of drivers: the contract of a driver as tests, and a traffic counter.

Subclass `VolumeTests` in a test file of yours, give it a source, and pytest runs the
whole contract on it::

    class TestMine(VolumeTests):
        @pytest.fixture
        def source(self, tmp_path):
            return MySource(str(write_something(tmp_path)))

Needs pytest; nothing else in emcatalog imports this room.
"""

from __future__ import annotations

import pytest

# so that a failed assertion shows its values in these modules too
pytest.register_assert_rewrite("emcatalog.testing.contract", "emcatalog.testing.many")

from emcatalog.testing.boxes import regions  # noqa: E402
from emcatalog.testing.contract import VolumeTests  # noqa: E402
from emcatalog.testing.counting import Traffic, traffic  # noqa: E402

__all__ = ["Traffic", "VolumeTests", "regions", "traffic"]
