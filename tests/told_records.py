"""Records of which much, little or nothing is known, for tests of the exports."""

from __future__ import annotations

from emcatalog.record import Claim, Record

DAY = "2025-06-11"

RETINA = Record(
    (
        Claim("name", "dataset2", "catalog", "entry"),
        Claim("title", "Developing retina in zebrafish", "api", "title", "", DAY),
        Claim("source", "EMPIAR", "api", "", "", DAY),
        Claim("accession", "EMPIAR-11759", "api", "EMPIAR-11759", "", DAY),
        Claim("url", "https://a.org/data/s_{0000..0015}.dm3", "catalog", "urlpath"),
        Claim("format", "DM3", "file", "version", "", DAY),
        Claim("voxel_size_z", 50.0, "file", "Slice thickness", "nm", DAY),
        Claim("voxel_size_y", 7.99825, "file", "Dimension.1.Scale", "nm", DAY),
        Claim("voxel_size_x", 7.99825, "file", "Dimension.0.Scale", "nm", DAY),
        Claim("voxel_size_x", 81.25, "secondary", "an old table", "nm", DAY),
        Claim("depth", 16, "file", "", "", DAY),
        Claim("height", 5500, "file", "", "", DAY),
        Claim("height", 5632, "api", "image_height", "", DAY),
        Claim("width", 5496, "file", "", "", DAY),
        Claim("pixel_type", "uint8", "file", "", "", DAY),
        Claim("accelerating_voltage", 1900.0, "file", "Voltage", "V", DAY),
        Claim("modality", "SBF-SEM", "api", "experiment_type", "", DAY),
        Claim("organism", "Danio rerio", "api", "", "", DAY),
        Claim("taxon_id", 7955, "api", "", "", DAY),
        Claim("tissue", "retina", "api", "", "", DAY),
        Claim("licence", "CC0", "page", "https://a.org/policy", "", DAY),
        Claim("released", "2024-01-15", "api", "release_date", "", DAY),
        Claim("data_doi", "10.6019/EMPIAR-11759", "api", "entry_doi", "", DAY),
    )
)
"""All that the exports ask for, with losers: 81.25 nm and 5632 rows."""

HIPPOCAMPUS = Record(
    (
        Claim("name", "dataset3", "catalog", "entry"),
        Claim("title", "CA1 hippocampus", "page", "", "", DAY),
        Claim("url", "https://a.org/%20Hippocampus/volumedata.tif", "catalog"),
        Claim("voxel_size_z", 5.0, "catalog", "voxel_size_nm", "nm"),
        Claim("citation", "Lucchi et al. 2013 <a.author@epfl.example>", "page"),
    )
)
"""Neither licence nor date is known; the voxel size is only declared."""

HEMIBRAIN = Record(
    (
        Claim("name", "dataset5", "catalog", "entry"),
        Claim("title", "FlyEM hemibrain", "page", "", "", DAY),
        Claim("url", "precomputed://gs://bucket/emdata/jpeg", "catalog", "urlpath"),
        Claim("format", "Neuroglancer precomputed", "file", "@type", "", DAY),
        Claim("voxel_size_z", 8.0, "file", "info", "nm", DAY),
        Claim("licence", "as the page says", "page", "", "", DAY),
        Claim("doi", "10.7554/eLife.57443", "paper", "", "", DAY),
    )
)
"""A folder in a bucket, and a licence in words."""

RECORDS = (RETINA, HIPPOCAMPUS, HEMIBRAIN)
