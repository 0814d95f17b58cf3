"""`RemoteMonitor`: the metrics of every epoch to a server."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import numpy as np

from nacre.callbacks.callback import Callback
from nacre.utils.warnings_utils import warn

__all__ = ["RemoteMonitor"]


class RemoteMonitor(Callback):
    """Posts the metrics of every epoch to a server, with `epoch` counted from 0.

    A server that cannot be reached gives a warning; training goes on.

    Args:
        root: Where the server is: an `http` or `https` address.
        path: The path of the address.
        field: The field of the form that holds the metrics as JSON.
        headers: Headers of the request.
        send_as_json: Whether to send JSON itself, not a form.
    """

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: dict | None = None,
        send_as_json: bool = False,
    ) -> None:
        super().__init__()
        if urllib.parse.urlsplit(root).scheme not in ("http", "https"):
            raise ValueError(
                f"RemoteMonitor: expected `root` to be an http or https address. Received: {root!r}"
            )
        self.root = root
        self.path = path
        self.field = field
        self.headers = headers
        self.send_as_json = send_as_json

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        values = {"epoch": epoch, **{k: _plain(v) for k, v in (logs or {}).items()}}
        try:
            if self.send_as_json:
                body, kind = json.dumps(values, allow_nan=False), "application/json"
            else:
                body = urllib.parse.urlencode({self.field: json.dumps(values)})
                kind = "application/x-www-form-urlencoded"
            request = urllib.request.Request(
                self.root + self.path,
                body.encode(),
                {"Content-Type": kind, **(self.headers or {})},
                method="POST",
            )
            with urllib.request.urlopen(request):  # of an address checked above
                pass
        except urllib.error.HTTPError as error:
            error.close()  # the server answered; what it thinks of the metrics is its own affair
        except (OSError, ValueError) as error:
            warn(f"RemoteMonitor could not send to {self.root}: {error}")


def _plain(value: Any) -> Any:
    """Turn what NumPy made into what JSON has."""
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
