"""``emcatalog doctor``: what works here, and which servers answer."""

from emcatalog.cli.doctor.command import doctor

__all__ = ["doctor"]
