"""The gateway of an OMERO server, as the Image Data Resource publishes it.

No OMERO server can be installed for a test, so this is an application written from
the published interface. It has the manners that surprise readers: a session cookie is
wanted for pictures, stock servers answer JPEG whatever is asked for, values are
stretched to the stored window unless the request says otherwise.
"""

from __future__ import annotations

import contextlib
import io
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from PIL import Image
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request as WebRequest
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)
from starlette.routing import Route

from servers.asgi import Logged, serve_asgi
from servers.faults import Faults
from servers.http_server import FaultyServer
from servers.log import Log
from servers.omero_image import (
    OmeroImage,
    annotation_data,
    image_data,
    model_data,
)

SESSION_PAGE = "/webclient/?experimenter=-1"
MEDIA = {"jpeg": "image/jpeg", "png": "image/png", "tif": "image/tiff"}
WEB_PAGE = (
    "<!DOCTYPE html><html><head><title>OMERO.web</title></head><body></body></html>"
)


@dataclass
class OmeroState:
    """What can be changed while the server runs.

    ``stock``: pictures are always JPEG, as without the image-region microservice.
    ``needs_session``: pictures are refused (403) to clients without a live session.
    ``login_wall``: every page but the session page redirects there (HTML, 200).
    ``front_cache``: a picture that was sent once is sent to anyone, session or not.
    ``session_seconds``: how long a session lives.
    """

    stock: bool = False
    needs_session: bool = True
    login_wall: bool = False
    front_cache: bool = False
    session_seconds: float = 3600.0
    cookie: str = "sessionid_idr"
    sessions: dict[str, float] = field(default_factory=dict)
    cached: dict[str, Response] = field(default_factory=dict)

    def expire_sessions(self) -> None:
        """End every session: pictures are refused until the client visits again."""
        self.sessions.clear()

    def open_session(self, answer: Response) -> None:
        """Begin a session and set its cookie."""
        key = secrets.token_hex(16)
        self.sessions[key] = time.monotonic() + self.session_seconds
        answer.set_cookie(
            self.cookie, key, max_age=int(self.session_seconds), httponly=True
        )

    def knows(self, request: WebRequest) -> bool:
        """Whether the request carries a session that is alive."""
        keys = (
            request.headers.get("x-omero-session-key"),
            request.query_params.get("bsession"),
            request.cookies.get(self.cookie),
        )
        now = time.monotonic()
        return any(key and self.sessions.get(key, 0.0) > now for key in keys)


class RunningOmero(FaultyServer):
    """A running gateway; ``state`` holds its moods, ``faults`` the web's."""

    def __init__(self, url: str, log: Log, faults: Faults, state: OmeroState) -> None:
        super().__init__(url, log, faults)
        self.state = state

    @property
    def session_url(self) -> str:
        """The page that hands out the session cookie."""
        return self.url + SESSION_PAGE

    def expire_sessions(self) -> None:
        """End every session."""
        self.state.expire_sessions()


@contextlib.contextmanager
def omero(*images: OmeroImage, stock: bool = False) -> Iterator[RunningOmero]:
    """Serve ``images``; as IDR does, or as a ``stock`` OMERO.web.

    A stock server answers JPEG only, and lets the public in without a visit.
    """
    log, faults = Log(), Faults()
    state = OmeroState(stock=stock, needs_session=not stock)
    gateway = _Gateway({image.image_id: image for image in images}, state)
    app = Starlette(routes=gateway.routes())
    with serve_asgi(Logged(faults.around(app), log)) as url:
        yield RunningOmero(url, log, faults, state)


class _Gateway:
    """The pages of the gateway."""

    def __init__(self, images: dict[int, OmeroImage], state: OmeroState) -> None:
        self._images, self._state = images, state

    def routes(self) -> list[Route]:
        """The published routes of webclient, webgateway and the JSON API."""
        pages = [
            Route("/webclient/", self.web_client),
            Route("/webclient/login/", _to_session),
        ]
        for web in ("/webclient", "/webgateway"):
            picture = f"{web}/render_image/{{id:int}}"
            region = f"{web}/render_image_region/{{id:int}}/{{z:int}}/{{t:int}}/"
            pages += [
                Route(f"{web}/imgData/{{id:int}}/", self.img_data),
                Route(f"{picture}/{{z:int}}/{{t:int}}/", self.render),
                Route(f"{picture}/", self.render),
                Route(region, self.render_region),
            ]
        download = "/webclient/render_image_download/{id:int}/{rest:path}"
        return [
            *pages,
            Route(download, self.download),
            Route("/webgateway/original_file_paths/{id:int}/", self.paths),
            Route("/api/v0/m/images/{id:int}/", self.model),
            Route("/webclient/api/annotations/", self.annotations),
        ]

    async def web_client(self, request: WebRequest) -> Response:
        """The web client: its visitors get a session."""
        page = HTMLResponse(WEB_PAGE)
        if not self._state.knows(request):
            self._state.open_session(page)
        return page

    async def img_data(self, request: WebRequest) -> Response:
        """Metadata for viewers; this page sets the cookie as well."""
        if self._state.login_wall:
            return await _to_session(request)
        image = self._images.get(request.path_params["id"])
        if image is None:
            return PlainTextResponse("Permission denied", 403)
        answer = JSONResponse(image_data(image))
        if not self._state.knows(request):
            self._state.open_session(answer)
        return answer

    async def model(self, request: WebRequest) -> Response:
        """Metadata of the JSON API; the cache before it strips cookies."""
        if self._state.login_wall:
            return await _to_session(request)
        number = request.path_params["id"]
        image = self._images.get(number)
        if image is None:
            return JSONResponse({"message": f"Image {number} not found"}, 404)
        return JSONResponse(model_data(image, str(request.url)))

    async def annotations(self, request: WebRequest) -> Response:
        """Map annotations; of an image that there is not, there are none."""
        number = request.query_params.get("image", "")
        image = self._images.get(int(number)) if number.isdecimal() else None
        if image is None:
            return JSONResponse({"annotations": [], "experimenters": []})
        return JSONResponse(annotation_data(image))

    async def paths(self, request: WebRequest) -> Response:
        """Where the original files lie in the managed repository."""
        if self._state.login_wall:
            return await _to_session(request)
        image = self._images.get(request.path_params["id"])
        if image is None:
            return PlainTextResponse("Image not found", 404)
        return JSONResponse({"repo": [image.repository_path], "client": [image.name]})

    async def download(self, request: WebRequest) -> Response:
        """What the download button asks for; closed to the public."""
        if request.headers.get("x-requested-with") == "XMLHttpRequest":
            return PlainTextResponse("Permission denied", 403)
        return await _to_session(request)

    async def render(self, request: WebRequest) -> Response:
        """A whole plane."""
        return await self._picture(request, None)

    async def render_region(self, request: WebRequest) -> Response:
        """A part of a plane, ``region=x,y,w,h``."""
        parts = request.query_params.get("region", "").split(",")
        if len(parts) != 4 or not all(part.isdecimal() for part in parts):
            return PlainTextResponse("tile or region argument required", 400)
        x, y, width, height = (int(part) for part in parts)
        return await self._picture(request, (x, y, x + width, y + height))

    async def _picture(
        self, request: WebRequest, box: tuple[int, int, int, int] | None
    ) -> Response:
        state, address = self._state, str(request.url)
        if state.login_wall:
            return await _to_session(request)
        if state.front_cache and address in state.cached:
            return state.cached[address]
        if state.needs_session and not state.knows(request):
            return PlainTextResponse("Permission denied", 403)
        answer = await run_in_threadpool(self._rendered, request, box)
        if answer.status_code == 200:
            state.cached[address] = answer
        return answer

    def _rendered(
        self, request: WebRequest, box: tuple[int, int, int, int] | None
    ) -> Response:
        image = self._images.get(request.path_params["id"])
        if image is None:
            return PlainTextResponse("Image not found", 404)
        depth, times = image.pixels.shape[2], image.pixels.shape[0]
        z = request.path_params.get("z", depth // 2)
        t = request.path_params.get("t", 0)
        if not (z < depth and t < times):
            return PlainTextResponse("no such plane", 404)
        asked = request.query_params
        text = asked.get("c")
        channels = image.channels if text is None else image.parse_channels(text)
        model = {"g": "greyscale", "c": "color"}.get(asked.get("m", ""), image.model)
        picture = Image.fromarray(image.render(z, t, channels, model)).crop(box)
        form = "jpeg" if self._state.stock else asked.get("format", "jpeg")
        if form not in MEDIA:
            return PlainTextResponse(f"unknown format {form}", 400)
        return Response(
            _encoded(picture, form, float(asked.get("q", "0.9"))),
            media_type=MEDIA[form],
        )


def _encoded(picture: Image.Image, form: str, quality: float) -> bytes:
    options = {"quality": round(100 * quality)} if form == "jpeg" else {}
    out = io.BytesIO()
    picture.save(out, {"tif": "tiff"}.get(form, form), **options)
    return out.getvalue()


async def _to_session(request: WebRequest) -> Response:
    return RedirectResponse(SESSION_PAGE, 302)
