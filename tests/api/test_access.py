"""The port: loopback only, for programs that know the token, never for web pages."""

import socket
import stat
from pathlib import Path

import httpx
import pytest

from docmind.api.server import serve
from docmind.errors import ConfigError


@pytest.fixture
def port():
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def ask_port(serve_app, port):
    """`ask_port(headers)` → the answer of an app that listens on a port."""
    app = serve_app(api={"port": port})

    def ask(**headers):
        token = (app.settings.data_dir / "api-token").read_text("utf-8")
        given = {"Authorization": f"Bearer {token}", **headers}
        return httpx.get(f"http://127.0.0.1:{port}/api/documents", headers=given)

    ask.app = app
    return ask


def test_the_token_opens_and_without_it_nothing_is_told(ask_port):
    assert len(ask_port().json()) == 2
    for wrong in ("", "Bearer", "Bearer wrong", "Basic abc"):
        refused = ask_port(Authorization=wrong)
        assert refused.status_code == 401
        assert "api-token" in refused.json()["error"]["message"]
    file = ask_port.app.settings.data_dir / "api-token"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_foreign_name_or_a_web_page_is_refused_even_with_the_token(ask_port, port):
    assert ask_port(Host=f"localhost:{port}").status_code == 200
    assert ask_port(Host="attacker.example").status_code == 400
    assert ask_port(Origin="http://attacker.example").status_code == 403
    assert ask_port(Origin=f"http://127.0.0.1:{port}").status_code == 403


def test_it_listens_on_loopback_only(ask_port, port):
    addresses = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        address, number = line.split()[1].split(":")
        if int(number, 16) == port and line.split()[3] == "0A":
            addresses.add(address)
    assert addresses == {"0100007F"}


def test_a_token_of_the_settings_is_not_written_down(serve_app, port):
    app = serve_app(api={"port": port, "token": "chosen"})
    address = f"http://127.0.0.1:{port}/api/status"
    assert httpx.get(address, headers={"Authorization": "Bearer chosen"}).status_code == 200
    assert not (app.settings.data_dir / "api-token").exists()


def test_a_port_that_is_taken_is_said_with_a_way_out(make_app, port):
    from tests.engines import PromptedEngine

    app = make_app(PromptedEngine([]), api={"port": port})
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", port))
        busy.listen()
        with pytest.raises(ConfigError, match="DOCMIND_API__PORT"):
            serve(app)
