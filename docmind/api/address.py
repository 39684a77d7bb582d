"""Where the running app listens: a socket in its data folder."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from docmind.errors import ConfigError

CONNECT_S = 5
"""How long a program waits for the socket to answer."""


@contextmanager
def short_path(path: Path) -> Iterator[str]:
    """Yield a name for `path` that fits the 107 bytes which a socket's address has room for.

    It holds as long as the block runs.
    """
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def listen_on_socket(path: Path) -> socket.socket:
    """Return a socket at `path` that its owner alone may connect to.

    What a killed process left there is replaced: the caller has the data folder's lock.

    Raises:
        OSError: the file system has no sockets.
    """
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with short_path(path) as address:
            listening.bind(address)
        # Nobody can connect before `listen`, so there is no moment in which others could.
        path.chmod(0o600)
        listening.listen(100)
    except OSError:
        listening.close()
        raise
    return listening


def listen_on_port(port: int) -> socket.socket:
    """Return a socket on this port of the loopback address.

    Raises:
        ConfigError: the port is taken, or not for everybody.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
        listening.listen(100)
    except OSError as exc:
        listening.close()
        raise ConfigError(
            f"The API can't listen on port {port} ({exc.strerror}). Choose another one with "
            "DOCMIND_API__PORT, or leave it empty: programs of this user have the socket."
        ) from exc
    return listening


def is_listening(path: Path) -> bool:
    """Tell whether a process answers on the socket at `path`."""
    if not path.is_socket():
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(CONNECT_S)
        try:
            with short_path(path) as address:
                probe.connect(address)
        except OSError:
            return False
    return True
