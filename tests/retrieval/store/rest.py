"""Qdrant's REST API over HTTP, answered by qdrant-client's own engine.

This is what a server gets and gives, without one.
"""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from qdrant_client import QdrantClient, models


class Api:
    """The calls that QdrantStore makes."""

    def __init__(self):
        self.client = QdrantClient(":memory:")
        self.lock = threading.Lock()

    def answer(self, method, path, body):
        """Return the result of a call; LookupError if QdrantStore does not make it."""
        client = self.client
        # /collections/NAME/CALL
        _, _, name, *rest = path.split("/")
        match (method, "/".join(rest)):
            case ("GET", "exists"):
                return {"exists": client.collection_exists(name)}
            case ("GET", ""):
                return client.get_collection(name).model_dump(mode="json")
            case ("PUT", ""):
                made = models.CreateCollection(**body)
                return client.create_collection(
                    name, vectors_config=made.vectors, sparse_vectors_config=made.sparse_vectors
                )
            case ("PATCH", ""):
                return client.update_collection(
                    name, metadata=models.UpdateCollection(**body).metadata
                )
            case ("PUT", "index"):
                assert models.CreateFieldIndex(**body).field_schema
                done = None
            case ("PUT", "points"):
                done = client.upsert(name, models.PointsList(**body).points)
            case ("POST", "points/delete"):
                done = client.delete(name, models.FilterSelector(**body))
            case ("POST", "points/query/batch"):
                found = client.query_batch_points(name, models.QueryRequestBatch(**body).searches)
                return [response.model_dump(mode="json") for response in found]
            case ("POST", "points/scroll"):
                ask = models.ScrollRequest(**body)
                points, offset = client.scroll(
                    name,
                    ask.filter,
                    ask.limit,
                    offset=ask.offset,
                    with_vectors=ask.with_vector or False,
                )
                return {
                    "points": [p.model_dump(mode="json") for p in points],
                    "next_page_offset": offset,
                }
            case ("POST", "facet"):
                ask = models.FacetRequest(**body)
                return client.facet(name, ask.key, limit=ask.limit, exact=ask.exact).model_dump(
                    mode="json"
                )
            case ("POST", "points/count"):
                return {"count": client.count(name, models.CountRequest(**body).filter).count}
            case _:
                raise LookupError(f"{method} {path}")
        if done is None:
            return {"operation_id": 1, "status": "completed"}
        return done.model_dump(mode="json")


@contextmanager
def serve(api_key=None):
    """Yield the URL of a server that lives as long as the block."""
    api = Api()

    class Handler(BaseHTTPRequestHandler):
        def _do(self):
            length = int(self.headers.get("Content-Length") or 0)
            text = self.rfile.read(length)
            body = json.loads(text) if text else {}
            if api_key and self.headers.get("api-key") != api_key:
                return self._send(403, {"status": {"error": "forbidden"}})
            try:
                path = self.path.split("?")[0]
                with api.lock:
                    result = api.answer(self.command, path, body)
            except Exception as exc:  # noqa: BLE001
                return self._send(500, {"status": {"error": repr(exc)}})
            return self._send(200, {"result": result, "status": "ok", "time": 0.0})

        do_GET = do_PUT = do_POST = do_PATCH = _do

        def _send(self, code, content):
            data = json.dumps(content).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
