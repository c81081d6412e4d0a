"""How Dockerfile.cuda fetches its sources and picks the libraries of the final image."""

import hashlib
import http.server
import io
import shutil
import subprocess
import sys
import tarfile
import threading
import tomllib
import zipfile
from pathlib import Path

import collect_libraries
import pytest
import unpack_source

FILES = {"project-1/CMakeLists.txt": b"project(a)\n", "project-1/src/a.c": b"int a;\n"}


def packed(files=FILES):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


@pytest.fixture
def archives(tmp_path):
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "project.tar.gz").write_bytes(packed())
    with zipfile.ZipFile(folder / "project.zip", "w") as archive:
        for name, content in FILES.items():
            archive.writestr(name, content)
    return folder


class Server(http.server.ThreadingHTTPServer):
    """Serves an archive; breaks the first `breaks` answers off half-way."""

    def __init__(self, content: bytes, breaks: int = 0) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.breaks, self.asked = content, breaks, 0
        self.address = f"http://127.0.0.1:{self.server_port}/project.tar.gz"

    def __enter__(self):
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,))
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.thread.join()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked += 1
        content = self.server.content
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        whole = self.server.asked > self.server.breaks
        self.wfile.write(content if whole else content[: len(content) // 2])

    def log_message(self, *_):
        pass


def unpack(archives, source, sha256=""):
    target = archives.parent / "build" / "project"
    return unpack_source.main(source, sha256, str(target), str(archives)), target


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(unpack_source.time, "sleep", lambda _: None)


@pytest.mark.parametrize("name", ["project.tar.gz", "project.zip"])
def test_an_archive_is_unpacked_without_its_top_folder(archives, name):
    sha256 = hashlib.sha256((archives / name).read_bytes()).hexdigest()
    (archives.parent / "build/project").mkdir(parents=True)  # as git's empty submodules
    code, target = unpack(archives, name, sha256.upper())

    assert code == 0
    found = {path.relative_to(target) for path in target.rglob("*") if path.is_file()}
    assert found == {Path(name).relative_to("project-1") for name in FILES}


@pytest.mark.parametrize("breaks", [0, 1, 2])
def test_a_download_is_tried_again(archives, breaks):
    with Server(packed(), breaks) as server:
        code, target = unpack(archives, server.address)
    assert code == 0
    assert server.asked == breaks + 1
    assert (target / "src/a.c").is_file()


def test_a_download_is_given_up(archives, capsys):
    with Server(packed(), breaks=9) as server:
        code, _ = unpack(archives, server.address)
    said = capsys.readouterr().err
    assert code == 1
    assert server.asked == 3
    assert server.address in said
    assert "broke off after" in said
    assert "files/openpose/sources/" in said


def test_another_archive_is_refused(archives, capsys):
    code, target = unpack(archives, "project.zip", "0" * 64)
    assert code == 1
    assert "has the SHA-256 sum" in capsys.readouterr().err
    assert not target.exists()


def test_a_file_that_is_not_there_is_named_with_those_that_are(archives, capsys):
    assert unpack(archives, "projct.zip")[0] == 1
    assert "projct.zip is not in" in (said := capsys.readouterr().err)
    assert "project.tar.gz, project.zip" in said


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"<html>Sign in</html>", "cannot be unpacked"),
        (packed()[:80], "cannot be unpacked"),
        (packed({"a.c": b""}), "one folder at its top"),
        (packed({"a/x": b"", "b/x": b""}), "one folder at its top, it has 2"),
        (packed({"a/../../x": b""}), "does not belong"),
        (packed({"/etc/x": b""}), "does not belong"),
    ],
    ids=["a page", "truncated", "no folder", "two folders", "a way out", "absolute"],
)
def test_what_is_no_archive_of_a_source(archives, capsys, content, why):
    (archives / "strange.tar.gz").write_bytes(content)
    assert unpack(archives, "strange.tar.gz")[0] == 1
    assert why in capsys.readouterr().err


def test_libraries_are_copied_by_the_names_they_are_asked_for(tmp_path):
    assert collect_libraries.main(str(tmp_path / "lib"), sys.executable) == 0
    found = {path.name for path in (tmp_path / "lib").iterdir()}

    listed = subprocess.run(["ldd", sys.executable], capture_output=True, text=True, check=True)
    assert found == {
        name
        for name in ("libz.so.1", "libexpat.so.1", "libpython3.11.so.1.0")
        if name in listed.stdout
    }
    assert found


def test_a_library_that_is_not_there_is_named(tmp_path, monkeypatch, capsys):
    listed = tmp_path / "ldd"
    listed.write_text(
        "#!/bin/sh\n"
        "echo 'linux-vdso.so.1 (0x1)'\n"
        "echo 'libcuda.so.1 => not found'\n"
        "echo 'libcublas.so.11 => not found'\n"
        "echo 'libc.so.6 => /lib/libc.so.6 (0x2)'\n"
    )
    listed.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    assert collect_libraries.main("--check", "anything") == 1
    said = capsys.readouterr().err
    assert "not found: libcublas.so.11." in said
    assert "RUNTIME_IMAGE" in said


@pytest.mark.parametrize(
    ("name", "left_out"),
    [
        ("libcudart.so.11.0", True),
        ("libcublasLt.so.11", True),
        ("libcudnn_ops_infer.so.8", True),
        ("libcurl.so.4", False),
        ("libopencv_core.so.4.5d", False),
        ("libnppc.so.11", True),
        ("libnpth.so.0", False),
    ],
)
def test_what_comes_with_cudas_images(name, left_out):
    assert bool(collect_libraries.CUDA.fullmatch(name)) is left_out


def test_both_run_alone(tmp_path):
    """They are copied into the build without the package."""
    for module in (unpack_source, collect_libraries):
        path = shutil.copy(module.__file__, tmp_path)
        ran = subprocess.run([sys.executable, path], capture_output=True, text=True, check=False)
        assert ran.returncode == 1
        assert Path(path).name in ran.stderr


def test_all_packages_go_into_the_image():
    root = Path(__file__).parents[2] / "files/openpose"
    said = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    there = [file.parent.relative_to(root) for file in root.glob("posestream/**/__init__.py")]
    assert said == sorted(".".join(folder.parts) for folder in there)
