"""One model behind a small web API (needs the extra `demo`: Starlette and uvicorn).

python examples/web_api.py
curl --data-binary @people.jpg http://127.0.0.1:8080/faces
"""

from __future__ import annotations

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sdfl import FaceLandmarker, SdflError

MAX_BYTES, MAX_PIXELS = 8 << 20, 24_000_000


def make_app(landmarker: FaceLandmarker) -> Starlette:
    """POST /faces takes the bytes of a picture and answers with what `Face.to_dict` gives for each face."""

    def detect(data: bytes) -> list[dict[str, object]]:  # in a thread for each request; they may share the landmarker
        return [face.to_dict() for face in landmarker.detect(data, max_pixels=MAX_PIXELS)]

    async def faces(request: Request) -> JSONResponse:
        data = b""
        async for part in request.stream():
            data += part
            if len(data) > MAX_BYTES:
                return JSONResponse({"error": f"at most {MAX_BYTES} bytes"}, status_code=413)
        try:
            return JSONResponse({"faces": await run_in_threadpool(detect, data)})
        except SdflError as error:
            return JSONResponse({"error": str(error)}, status_code=400)

    return Starlette(routes=[Route("/faces", faces, methods=["POST"])])


if __name__ == "__main__":
    with FaceLandmarker(max_faces=20) as opened:
        uvicorn.run(make_app(opened), host="127.0.0.1", port=8080)
