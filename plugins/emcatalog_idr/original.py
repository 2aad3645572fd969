"""The original file of an image, where the Image Data Resource publishes it."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from emcatalog.errors import FormatError
from emcatalog.transport import Transport
from emcatalog_idr.server import ServerImage, ask

IDR = "idr.openmicroscopy.org"
REPOSITORY = "uod/idr/filesets/"
PUBLIC = "https://ftp.ebi.ac.uk/pub/databases/IDR/"
"""IDR's documented rule: what lies in its repository is public under this address."""


def public_url(base: str, image: ServerImage, transport: Transport) -> str:
    """Address of the file that holds ``image``, by IDR's rule.

    Raises FormatError where the rule does not apply: on other servers, for images of
    several files, and for files outside the published folder.
    """
    url = f"{base}/webgateway/original_file_paths/{image.image_id}/"
    if urlsplit(base).hostname != IDR:
        raise _unknown(url, f"the server {base}", f"{IDR}, whose files are public")
    paths = ask(url, image.image_id, transport).get("repo")
    found = [str(path) for path in paths] if isinstance(paths, list) else []
    if len(found) != 1:
        raise _unknown(url, f"{len(found)} original files", "one file")
    path = found[0].lstrip("/")
    inside = path.removeprefix(REPOSITORY)
    if inside == path or ".." in inside.split("/"):
        raise _unknown(url, f"the file {path}", f"one in {REPOSITORY}")
    return PUBLIC + quote(inside)


def _unknown(url: str, got: str, expected: str) -> FormatError:
    return FormatError(
        entry=url,
        got=got,
        expected=expected,
        hint="pass the address of the file as file_url, or route='rendered'",
    )
