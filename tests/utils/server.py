"""A server on this machine that sends files, or fails to, in the ways that servers fail."""

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


@dataclass
class Answer:
    """What is sent for a path: `stop_at` bytes of it, and then nothing more, or no more at all."""

    data: bytes = b""
    status: int = 200
    stop_at: int | None = None
    hang: bool = False
    delay: float = 0.0
    announce: bool = True


@dataclass
class Server:
    url: str = ""
    answers: dict = field(default_factory=dict)
    requests: list = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)


@contextmanager
def serving():
    server = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            name = self.path.lstrip("/")
            server.requests.append(name)
            answer = server.answers.get(name, Answer(status=404))
            time.sleep(answer.delay)
            self.send_response(answer.status)
            if answer.announce:
                self.send_header("Content-Length", str(len(answer.data)))
            self.end_headers()
            self.wfile.write(answer.data[: answer.stop_at])
            self.wfile.flush()
            if answer.hang:
                server.released.wait(10)

        def log_message(self, *arguments):
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    server.url = f"http://127.0.0.1:{httpd.server_address[1]}"
    try:
        yield server
    finally:
        server.released.set()
        httpd.shutdown()
        httpd.server_close()
        thread.join()


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with serving() as running:
        yield running


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty cache folder."""
    folder = tmp_path / "home"
    monkeypatch.setenv("KERAS_HOME", str(folder))
    return folder
