"""Who may see the pictures: by password, token and session; by which hosts; over TLS."""

import asyncio
import contextlib
import datetime
import ipaddress
import json
import logging
import os
import re
import socket
import ssl
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
import websockets.exceptions
import websockets.sync.client
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from posestream import flags
from posestream.settings import SettingsError
from posestream.viewer import access as access_module
from posestream.viewer import certificate, command
from posestream.viewer.access import COOKIE, Access, TooMany
from posestream.viewer.app import Options, create_app
from posestream.viewer.cameras import Cameras
from posestream.viewer.login import WORDS, language
from posestream.viewer.wire import LOG_IN
from starlette.requests import Request
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from tests.stand_in import Broker, is_picture

ROOT = Path(__file__).parents[2]
PASSWORD, TOKEN = "open sesame", "a-token-of-many-letters"
CLOSED = ["/api/status", "/api/history", "/api/figures", "/page.js", "/index.html"]


@contextlib.contextmanager
def client(password=PASSWORD, token=TOKEN, base="http://localhost", **options):
    """Run a viewer that asks for these; the client follows no redirect."""
    options = Options(Access(password, token), **options)
    app = create_app(Broker().open_readers(), Cameras(is_picture), lambda: None, options)
    with TestClient(app, base_url=base, follow_redirects=False) as one:
        yield one


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(access_module, "FAILURE_SECONDS", 0.05)


@pytest.fixture(scope="module")
def viewer():
    with client() as one:
        yield one


@pytest.fixture
def stranger(viewer):
    viewer.cookies.clear()
    return viewer


def log_in(one, password=PASSWORD, query=""):
    return one.post(f"/login{query}", data={"password": password})


def live(one, **more):
    """Connect to the WebSocket, with the client's cookies, and hear the first message."""
    cookie = "; ".join(f"{name}={value}" for name, value in one.cookies.items())
    headers = {"cookie": cookie} | more
    with one.websocket_connect("ws://localhost/live", headers=headers) as socket:
        return socket.receive_json()


class TestStrangers:
    @pytest.mark.parametrize("address", CLOSED)
    def test_see_nothing(self, stranger, address):
        answer = stranger.get(address)
        assert answer.status_code == 401
        assert "log in at /login" in answer.json()["error"]

    def test_are_led_to_the_login(self, stranger):
        answer = stranger.get("/?cameras=yard&layer=raw")
        assert (answer.status_code, answer.headers["location"]) == (
            303,
            "login?next=cameras%3Dyard%26layer%3Draw",
        )
        assert stranger.get("/").headers["location"] == "login"

    def test_are_told_by_the_web_socket_to_log_in(self, stranger):
        with pytest.raises(WebSocketDisconnect) as end:
            live(stranger)
        assert end.value.code == LOG_IN

    def test_learn_of_the_health_and_of_no_camera(self, stranger):
        answer = stranger.get("/healthz").json()
        assert set(answer) == {"status", "broker", "readers"}
        assert set(answer["readers"].values()) <= {"reading", "connecting"}

    @pytest.mark.parametrize("cookie", ["", "null", "eyJzaW5jZSI6IDF9.x.y"])
    def test_do_not_make_themselves_a_session(self, stranger, cookie):
        headers = {"cookie": f"{COOKIE}={cookie}"}
        assert stranger.get("/api/status", headers=headers).status_code == 401


class TestPassword:
    def test_opens_all_until_the_log_out(self, stranger):
        answer = log_in(stranger)
        assert (answer.status_code, answer.headers["location"]) == (303, "./")
        for address in ("/", *CLOSED):
            assert stranger.get(address).status_code == 200, address
        assert "cameras" in live(stranger)
        assert stranger.get("/login").headers["location"] == "./"
        assert stranger.post("/logout").headers["location"] == "login"
        assert stranger.get("/api/status").status_code == 401

    def test_leads_back_to_what_was_asked_for_and_nowhere_else(self, stranger):
        where = log_in(stranger, query="?next=cameras%3Dyard").headers["location"]
        assert where == "./?cameras=yard"
        stranger.cookies.clear()
        where = log_in(stranger, query="?next=//elsewhere.example").headers["location"]
        assert where == "./?//elsewhere.example"

    def test_a_wrong_one_takes_its_time(self, stranger, monkeypatch):
        monkeypatch.setattr(access_module, "FAILURE_SECONDS", 0.3)
        begun = time.monotonic()
        answer = log_in(stranger, "open barley")
        assert time.monotonic() - begun >= 0.3
        assert answer.status_code == 403
        assert WORDS["en"]["wrong"] in answer.text
        assert stranger.get("/api/status").status_code == 401

    @pytest.mark.parametrize(
        "body", [b"", b"password=", b"pass", b"\xff", b"password=" + b"x" * 10_000, TOKEN.encode()]
    )
    def test_other_bodies_are_wrong_ones(self, stranger, body):
        assert stranger.post("/login", content=body).status_code == 403

    def test_the_cookie_is_for_the_viewer_alone(self, stranger):
        cookie = log_in(stranger).headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert "secure" not in cookie
        assert PASSWORD not in cookie

    def test_over_tls_the_cookie_goes_nowhere_else(self):
        with client(base="https://localhost", tls=("", "")) as one:
            assert "secure" in log_in(one).headers["set-cookie"].lower()

    @pytest.mark.parametrize(
        ("password", "token", "status"),
        [(PASSWORD, TOKEN, 200), ("another one", TOKEN, 401), (PASSWORD, "another " * 5, 401)],
    )
    def test_a_session_outlives_a_restart_and_no_change(self, stranger, password, token, status):
        log_in(stranger)
        with client(password, token) as restarted:
            restarted.cookies = stranger.cookies
            assert restarted.get("/api/status").status_code == status

    def test_a_session_in_use_is_renewed(self, stranger, monkeypatch):
        log_in(stranger)
        assert "set-cookie" not in stranger.get("/api/status").headers
        monkeypatch.setattr(access_module, "RENEW_SECONDS", -1)
        assert "set-cookie" in stranger.get("/api/status").headers

    def test_attempts_of_one_address_wait_for_each_other(self, monkeypatch):
        monkeypatch.setattr(access_module, "ADDRESSES", 3)
        access = Access(PASSWORD)

        async def scene():
            begun = time.monotonic()
            wrong = [access.is_password("guess", "one") for _ in range(10)]
            tries = await asyncio.gather(*wrong, return_exceptions=True)
            took = time.monotonic() - begun
            refused = [each for each in tries if isinstance(each, TooMany)]
            for number in range(10):
                assert await access.is_password(PASSWORD, f"other {number}")
            return len(refused), took, len(access._attempts)

        refused, took, kept = asyncio.run(scene())
        assert refused == 10 - access_module.WAITING
        assert took >= access_module.WAITING * 0.05
        assert kept == 3

    def test_too_many_are_told_so(self, stranger, monkeypatch):
        monkeypatch.setattr(access_module, "WAITING", 0)
        answer = log_in(stranger)
        assert answer.status_code == 429
        assert WORDS["en"]["wait"] in answer.text


class TestToken:
    @pytest.mark.parametrize("address", CLOSED)
    def test_opens_all_to_programs(self, stranger, address):
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer = stranger.get(address, headers=headers)
        assert answer.status_code == 200
        assert "set-cookie" not in answer.headers

    def test_opens_the_web_socket(self, stranger):
        assert "cameras" in live(stranger, Authorization=f"Bearer {TOKEN}")

    @pytest.mark.parametrize(
        "said", ["Bearer", "Bearer x", f"Bearer {PASSWORD}", f"Basic {TOKEN}", TOKEN, "Bearer ü"]
    )
    def test_anything_else_opens_nothing(self, stranger, said):
        headers = {"Authorization": said.encode()}
        assert stranger.get("/api/status", headers=headers).status_code == 401

    def test_in_an_address_it_opens_nothing(self, stranger):
        assert stranger.get(f"/api/status?token={TOKEN}").status_code == 401

    def test_alone_it_lets_no_browser_in(self):
        with client(password="") as one:
            assert "viewer_password" in one.get("/login").text
            assert log_in(one, "").status_code == 403
            assert log_in(one, TOKEN).status_code == 403

    def test_a_missing_one_is_not_an_empty_one(self):
        with client(token="") as one:
            assert one.get("/", headers={"Authorization": "Bearer "}).status_code == 303


def test_without_password_and_token_everybody_sees_all():
    with client("", "") as one:
        assert one.get("/api/status").status_code == 200
        assert one.get("/login").headers["location"] == "./"
        assert "cameras" in live(one)


@pytest.fixture(scope="module")
def opened():
    with client("", "", hosts=("lab.example.org", "192.0.2.1", "fe80::1", "*.lab")) as one:
        yield one


class TestHostsAndOrigins:
    @pytest.mark.parametrize(
        ("host", "status"),
        [
            *((host, 200) for host in ("localhost", "localhost:8080", "127.0.0.1:80", "[::1]:1")),
            *((host, 200) for host in ("LAB.example.org", "192.0.2.1:8080", "[fe80::1]", "a.lab")),
            *((host, 400) for host in ("elsewhere.example", "lab.example.org.evil", "192.0.2.2")),
            *((host, 400) for host in ("", "lab", "localhost@evil", "evil#localhost")),
        ],
    )
    def test_only_named_hosts_are_served(self, opened, host, status):
        assert opened.get("/api/status", headers={"host": host}).status_code == status

    @pytest.mark.parametrize("origin", ["http://elsewhere.example", "null", "http://localhost:1"])
    def test_other_sites_pages_are_turned_away(self, opened, origin):
        headers = {"origin": origin}
        assert opened.get("/api/status", headers=headers).status_code == 403
        assert opened.post("/login", data={}, headers=headers).status_code == 403
        with pytest.raises(WebSocketDenialResponse):
            live(opened, origin=origin)

    def test_the_own_page_is_not(self, opened):
        assert opened.get("/api/status", headers={"origin": "http://localhost"}).status_code == 200
        assert "cameras" in live(opened, origin="http://localhost")


class TestLoginPage:
    @pytest.mark.parametrize(
        ("header", "query", "expected"),
        [
            ("", "", "en"),
            ("ja", "", "ja"),
            ("ja-JP,ja;q=0.9,en;q=0.8", "", "ja"),
            ("de,en;q=0.7,ja;q=0.3", "", "en"),
            ("ja", "lang=en", "en"),
            ("en", "lang=ja", "ja"),
            ("en", "lang=xx", "en"),
        ],
    )
    def test_speaks_the_browsers_language(self, header, query, expected):
        headers = [(b"accept-language", header.encode())]
        scope = {"type": "http", "headers": headers, "query_string": query.encode()}
        assert language(Request(scope)) == expected

    def test_both_languages_say_the_same(self):
        assert WORDS["en"].keys() == WORDS["ja"].keys()

    @pytest.mark.parametrize("lang", WORDS)
    def test_needs_no_script_and_nothing_foreign(self, stranger, lang):
        answer = stranger.get("/login", params={"lang": lang, "next": '"><script>'})
        assert f'<html lang="{lang}">' in answer.text
        assert WORDS[lang]["enter"] in answer.text
        assert "<script" not in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        for name in re.findall(r'(?:src|href)="([^"?]+)', answer.text):
            assert stranger.get(f"/{name}").status_code == 200, name


# -- TLS and files ----------------------------------------------------------------------------


def write_certificate(folder, name="localhost", key_of=None, days=1):
    """Write certificate.pem and key.pem into `folder`; the key of another folder if asked for."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    names = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=10))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(exist_ok=True)
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    text = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (folder / "key.pem").write_bytes(text if key_of is None else (key_of / "key.pem").read_bytes())
    return str(folder / "certificate.pem"), str(folder / "key.pem")


def served_name(context):
    """Return the name in the certificate that a server with this context shows."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    one = trusting.wrap_bio(incoming, outgoing)
    other = context.wrap_bio(outgoing, incoming, server_side=True)
    for side in (one, other, one, other):
        with contextlib.suppress(ssl.SSLWantReadError):
            side.do_handshake()
    shown = x509.load_der_x509_certificate(one.getpeercert(binary_form=True))
    return shown.subject.rfc4514_string()


class TestCertificate:
    def test_one_renewed_on_disk_is_served(self, tmp_path, caplog):
        caplog.set_level(logging.INFO)
        files = write_certificate(tmp_path, "before", days=3)
        context = certificate.context(*files)
        shown = []
        renewal = certificate.Renewal(context, *files, shown.append)
        assert "WARNING" in caplog.text
        caplog.clear()
        renewal.look()
        assert served_name(context) == "CN=before"
        write_certificate(tmp_path, "after", days=90)
        renewal.look()
        assert served_name(context) == "CN=after"
        assert [round((end - time.time()) / 86400) for end in shown] == [3, 90]
        assert "in 89 days" in caplog.text
        assert "WARNING" not in caplog.text

    def test_one_that_has_ended_has_its_date_too(self, tmp_path):
        files = write_certificate(tmp_path, days=-2)
        assert round((certificate.ends(*files) - time.time()) / 86400) == -2

    def test_one_that_does_not_do_is_not(self, tmp_path, caplog):
        files = write_certificate(tmp_path, "before")
        context = certificate.context(*files)
        renewal = certificate.Renewal(context, *files, lambda end: None)
        other = tmp_path / "other"
        write_certificate(other)
        write_certificate(tmp_path, "after", key_of=other)
        renewal.look()
        assert served_name(context) == "CN=before"
        assert "does not do" in caplog.text
        (tmp_path / "key.pem").unlink()
        renewal.look()
        write_certificate(tmp_path, "mended")
        renewal.look()
        assert served_name(context) == "CN=mended"


def viewer_settings(**said):
    return flags.Viewer(**said)


class TestFiles:
    def test_secrets_come_from_files(self, tmp_path):
        (tmp_path / "password").write_text(f"{PASSWORD}\n")
        (tmp_path / "token").write_text(TOKEN)
        settings = viewer_settings(
            password_file=str(tmp_path / "password"), token_file=str(tmp_path / "token")
        )
        access = command._access(settings)
        assert access.session_key() == Access(PASSWORD, TOKEN).session_key()

    @pytest.mark.parametrize(
        ("content", "said", "problem"),
        [
            (None, "", "cannot be read"),
            ("", "", "should be not empty"),
            ("hunter2", "", "should be of at least 8 characters"),
            (PASSWORD, PASSWORD, "leave out one or the other"),
        ],
    )
    def test_wrong_ones_are_refused_and_not_repeated(self, tmp_path, content, said, problem):
        if content is not None:
            (tmp_path / "password").write_text(content)
        settings = viewer_settings(password=said, password_file=str(tmp_path / "password"))
        with pytest.raises(SettingsError, match=problem) as error:
            command._access(settings)
        assert str(error.value).startswith("VIEWER_PASSWORD_FILE: ")
        assert not (content and content in str(error.value))

    def test_tls_needs_a_certificate_and_its_key(self, tmp_path):
        assert command._tls(viewer_settings()) is None
        files = write_certificate(tmp_path)
        assert command._tls(viewer_settings(tls_certificate=files[0], tls_key=files[1])) == files
        with pytest.raises(SettingsError, match="VIEWER_TLS_KEY: has to be said too"):
            command._tls(viewer_settings(tls_certificate=files[0]))
        (tmp_path / "key.pem").write_text("no key")
        with pytest.raises(SettingsError, match="do not do: "):
            command._tls(viewer_settings(tls_certificate=files[0], tls_key=files[1]))


PROCESS = textwrap.dedent("""
    import sys
    from posestream.viewer.access import Access
    from posestream.viewer.app import Options
    from posestream.viewer.cameras import Cameras
    from posestream.viewer.server import serve
    from tests.stand_in import Broker, is_picture

    port, token, *tls = sys.argv[1:]
    options = Options(Access(token=token), tls=tuple(tls))
    readers = Broker().open_readers()
    sys.exit(serve(readers, Cameras(is_picture), options, port=int(port), host="127.0.0.1"))
""")


def test_over_tls_a_program_with_the_token_is_served(tmp_path):
    files = write_certificate(tmp_path)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    paths = [str(ROOT / "files" / "openpose"), str(ROOT), *filter(None, sys.path)]
    process = subprocess.Popen(
        [sys.executable, "-c", PROCESS, str(port), TOKEN, *files],
        env=os.environ | {"PYTHONPATH": ":".join(paths)},
    )
    trusting = ssl.create_default_context(cafile=files[0])
    headers = {"Authorization": f"Bearer {TOKEN}"}
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                with websockets.sync.client.connect(
                    f"wss://localhost:{port}/live", ssl=trusting, additional_headers=headers
                ) as line:
                    assert "cameras" in json.loads(line.recv(timeout=5))
                break
            except ConnectionRefusedError:
                assert time.monotonic() < deadline, "the viewer does not start"
                time.sleep(0.1)
        with websockets.sync.client.connect(f"wss://localhost:{port}/live", ssl=trusting) as line:
            with pytest.raises(websockets.exceptions.ConnectionClosed) as end:
                line.recv(timeout=5)
            assert end.value.rcvd.code == LOG_IN
        process.terminate()
        assert process.wait(timeout=10) == 0
    finally:
        process.kill()
        process.wait()
