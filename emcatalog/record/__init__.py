"""Metadata as frozen values: every field with its value, unit and source.

A `Record` keeps every `Claim` that was made about a field. The claim of the most
trusted source wins; the others stay and can be asked for, because public descriptions
of one volume often disagree. What cannot be - a voxel size of 0 nm, an unknown unit -
is kept with a doubt, and never wins.
"""

from emcatalog.record.agreement import agree
from emcatalog.record.book import Record
from emcatalog.record.claim import Claim
from emcatalog.record.declaring import (
    authored,
    declared,
    declared_voxel_size,
    located,
    voxel_size,
)
from emcatalog.record.fields import FIELDS, MEASURED, TOLD, TRUST, Field, Source
from emcatalog.record.form import schema
from emcatalog.record.judgement import Conflict, Explanation, told, written
from emcatalog.record.terms import TERMS, Terms, taxon_id
from emcatalog.record.values import Value

__all__ = [
    "FIELDS",
    "MEASURED",
    "TERMS",
    "TOLD",
    "TRUST",
    "Claim",
    "Conflict",
    "Explanation",
    "Field",
    "Record",
    "Source",
    "Terms",
    "Value",
    "agree",
    "authored",
    "declared",
    "declared_voxel_size",
    "located",
    "schema",
    "taxon_id",
    "told",
    "voxel_size",
    "written",
]
