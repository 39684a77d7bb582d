"""The running app, as the commands of the command line use it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote

import httpx

from docmind import errors
from docmind.api.address import CONNECT_S, is_listening, short_path
from docmind.backup.archive import Manifest, check_archive
from docmind.errors import ConfigError, DocMindError, EngineFailed, IngestError
from docmind.events import ChatEvent, from_dict

POLL_S = 0.2
"""How often the language model is asked whether it is loaded."""


class Client:
    """Speaks with the app that listens on a socket; close it when done.

    Every error that the app's services raise is raised here, too.
    """

    def __init__(self, socket: Path) -> None:
        self._opened = ExitStack()
        address = self._opened.enter_context(short_path(socket))
        transport = httpx.HTTPTransport(uds=address)
        # An answer takes as long as it takes.
        timeout = httpx.Timeout(None, connect=CONNECT_S)
        client = httpx.Client(transport=transport, base_url="http://docmind", timeout=timeout)
        self._http = self._opened.enter_context(client)

    def close(self) -> None:
        """Let go of the connection."""
        self._opened.close()

    def status(self) -> dict[str, Any]:
        """Return the app's version, and where its language model stands."""
        return dict(self._json("GET", "/api/status"))

    def start_engine(self) -> dict[str, Any]:
        """Begin to load the language model, unless it is loaded or loading; return the status."""
        return dict(self._json("POST", "/api/engine"))

    def wait_for_model(self) -> None:
        """Return when the language model answers.

        Raises:
            EngineFailed: it can't be started; the message says why and what to do.
        """
        engine = self.start_engine()["engine"]
        while engine["state"] in {"idle", "loading"}:
            time.sleep(POLL_S)
            engine = self.status()["engine"]
        if engine["state"] != "ready":
            raise EngineFailed(engine["error"] or "The engine was closed. Restart DocMind.")

    def documents(self) -> list[dict[str, Any]]:
        """Return all documents, the newest first."""
        return list(self._json("GET", "/api/documents"))

    def states(
        self, document_ids: Sequence[str], *, with_attached: bool = False
    ) -> list[dict[str, Any]]:
        """Return those of these documents that are still there, however far they are.

        Args:
            document_ids: which ones.
            with_attached: each mail and archive comes before what it holds.
        """
        body = {"ids": list(document_ids), "with_attached": with_attached}
        return list(self._json("POST", "/api/documents/states", json=body))

    def add(self, path: Path, *, collection: str = "", tags: Sequence[str] = ()) -> dict[str, Any]:
        """Send a file; return its document, and whether it was known.

        Raises:
            IngestError: it can't be read, or is refused.
        """
        # A name of bytes that are no text loses them.
        name = path.name.encode("utf-8", "ignore").decode("utf-8")
        fields = {"name": name, "collection": collection, "tags": list(tags)}
        try:
            with path.open("rb") as stream:
                files = {"file": ("file", stream)}
                return dict(self._json("POST", "/api/documents", data=fields, files=files))
        except OSError as exc:
            raise IngestError(f"'{name}' can't be read ({exc.strerror or exc}).") from exc

    def text(self, name: str, first_page: int = 1, last_page: int | None = None) -> dict[str, Any]:
        """Return the text of a document's pages, with its name and number of pages."""
        pages = {"first_page": first_page}
        if last_page is not None:
            pages["last_page"] = last_page
        return dict(self._json("GET", f"/api/documents/{quote(name, safe='')}/text", params=pages))

    def page_image(self, name: str, page: int) -> bytes | None:
        """Return a page of a document as PNG; None if it can't be drawn."""
        response = self._request("GET", f"/api/documents/{quote(name, safe='')}/pages/{page}")
        if response.status_code == httpx.codes.NO_CONTENT:
            return None
        return response.content

    def search(self, query: str, count: int, **scope: Sequence[str]) -> list[dict[str, Any]]:
        """Return the passages that fit best; `scope` has `collections` and `documents`."""
        body = {"query": query, "count": count, **scope}
        return list(self._json("POST", "/api/search", json=body))

    def verify(self, claim: str, **scope: Sequence[str]) -> dict[str, Any]:
        """Return what the documents say of a statement: its sentences with their verdicts."""
        return dict(self._json("POST", "/api/verify", json={"claim": claim, **scope}))

    def extract(
        self, questions: Sequence[str], *, collections: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Begin to fill in a grid of questions and documents; return how far it is."""
        body = {"questions": list(questions), "collections": list(collections)}
        return dict(self._json("POST", "/api/extractions", json=body))

    def extraction(self, extraction_id: str) -> dict[str, Any]:
        """Return how far a grid is, and what of it is doubtful."""
        return dict(self._json("GET", f"/api/extractions/{extraction_id}"))

    def stop_extraction(self, extraction_id: str) -> dict[str, Any]:
        """End a grid; what has been filled in stays."""
        return dict(self._json("POST", f"/api/extractions/{extraction_id}/stop"))

    def extraction_file(self, extraction_id: str, suffix: str) -> bytes:
        """Return a grid as far as it is filled in, as `.csv` or `.xlsx`."""
        path = f"/api/extractions/{extraction_id}/file"
        return self._request("GET", path, params={"suffix": suffix}).content

    def repair(self) -> list[dict[str, Any]]:
        """Mend where documents, files and passages disagree; return what was found and done."""
        return list(self._json("POST", "/api/repair"))

    def save_backup(self, file: Path) -> Manifest:
        """Write a backup to a file, whole or not at all, and return what is in it.

        Raises:
            ConfigError: the file can't be written, or what was written is not what was sent.
        """
        part = file.with_name(f"{file.name}.part")
        try:
            # Conversations and keys are in it: for its owner alone.
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "wb") as stream:
                for block in self._stream_backup():
                    stream.write(block)
                os.fsync(stream.fileno())
            manifest = check_archive(part)
            part.replace(file)
        except OSError as exc:
            raise ConfigError(
                f"The backup can't be written to {file} ({exc.strerror or exc})."
            ) from exc
        finally:
            part.unlink(missing_ok=True)
        return manifest

    def _stream_backup(self) -> Iterator[bytes]:
        try:
            with self._http.stream("GET", "/api/backup") as response:
                if response.is_error:
                    response.read()
                    _raise_told(response)
                yield from response.iter_bytes()
        except httpx.TransportError as exc:
            raise _gone(exc) from exc

    def ask(
        self, question: str, *, conversation: str = "", collections: Sequence[str] = ()
    ) -> Generator[ChatEvent]:
        """Ask, and yield the turn's events. Leaving the iterator stops the turn."""
        body = {
            "question": question,
            "conversation": conversation,
            "collections": list(collections),
        }
        try:
            with self._http.stream("POST", "/api/questions", json=body) as response:
                if response.is_error:
                    response.read()
                    _raise_told(response)
                for line in response.iter_lines():
                    yield from_dict(json.loads(line))
        except httpx.TransportError as exc:
            raise _gone(exc) from exc

    def _json(self, method: str, path: str, **request: Any) -> Any:
        """Return the answer to a request as plain data."""
        return self._request(method, path, **request).json()

    def _request(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Return the answer to a request; raise the error that it tells."""
        try:
            response = self._http.request(method, path, **request)
        except httpx.TransportError as exc:
            raise _gone(exc) from exc
        if response.is_error:
            _raise_told(response)
        return response


def connect(socket: Path) -> Client | None:
    """Return a client of the app that is running there; None if there is none."""
    if not is_listening(socket):
        return None
    return Client(socket)


def _gone(exc: httpx.TransportError) -> DocMindError:
    return EngineFailed(f"The running DocMind has ended meanwhile ({exc}). Try again.")


def _raise_told(response: httpx.Response) -> NoReturn:
    """Raise the error that the app tells, as it was raised there."""
    try:
        told = response.json()["error"]
        kind = getattr(errors, told["type"], DocMindError)
        raise kind(told["message"])
    except (ValueError, KeyError, TypeError) as exc:
        raise DocMindError(
            f"DocMind answered with the status {response.status_code}. Its log has the details."
        ) from exc
