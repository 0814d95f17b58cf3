"""Reads damaged and hostile files in a process of its own, whose memory is limited.

Run as a program, it reads lines of JSON, `{"path": ..., "edit": [...]}`, and answers each with what
came of reading the file: its memory may grow by 64 MiB, and the answer says how long it took.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
import warnings
from pathlib import Path

ROOT = Path(__file__).parents[2]
MEMORY = 64 << 20
SECONDS = 1.0


def edited(data: bytes, edit: list) -> bytes:
    """Damage a file: `["cut", n]`, `["flip", place, bits]` or `[]`."""
    if not edit:
        return data
    if edit[0] == "cut":
        return data[: edit[1]]
    place, bits = edit[1:]
    return data[:place] + bytes([data[place] ^ bits]) + data[place + 1 :]


class Reader:
    """The process that reads files.

    Args:
        folder: Where it may write the files that it makes.
        good: Files that it reads first, so that everything it needs is loaded.
    """

    def __init__(self, folder: Path, good: list[Path]):
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.saving.harness", str(folder), *map(str, good)],
            cwd=ROOT,
            # Else the C library may set aside 64 MiB of addresses for a thread that allocates.
            env={**os.environ, "MALLOC_ARENA_MAX": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._answer() == {"ready": True}

    def _answer(self) -> dict:
        line = self._process.stdout.readline()
        assert line, f"the process died: {self._process.wait()}"
        return json.loads(line)

    def read(self, path: Path, edit: list | None = None, **options: object) -> dict:
        """Say what comes of reading a file: `{"error": ...}` or `{"weights": ...}`.

        Fails if that is no clear error, takes too long or needs too much memory.
        """
        request = {"path": str(path), "edit": edit or [], **options}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._answer()
        if "error" in answer:
            assert answer["kind"] in ("ValueError", "OSError"), (request, answer)
            assert Path(path).name in answer["error"], (request, answer)
        assert answer["seconds"] < SECONDS, (request, answer)
        return answer

    def close(self) -> None:
        """End the process, which must be well."""
        self._process.stdin.close()
        status = self._process.wait(60)
        self._process.stdout.close()
        assert status == 0


def _limit_memory() -> None:
    size = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, size + MEMORY))


def _load(path: str, model: object, compile: bool) -> list:
    import nacre

    if path.endswith(".weights.h5") or model is not None:
        model.load_weights(path)
    else:
        model = nacre.models.load_model(path, compile=compile)
    return model.get_weights()


def main(folder: str, good: list[str]) -> None:
    """Answer requests."""
    import zlib

    import numpy as np

    import nacre

    warnings.simplefilter("ignore")
    models = {}
    for path in good:
        if not path.endswith(".weights.h5"):
            model = nacre.models.load_model(path)
            models[".weights.h5"] = model
    for path in good:
        _load(path, models.get(".weights.h5") if path.endswith(".weights.h5") else None, True)
    files = {}
    _limit_memory()
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        path = request["path"]
        if request["edit"]:
            data = files.setdefault(path, Path(path).read_bytes())
            path = os.path.join(folder, os.path.basename(path))
            Path(path).write_bytes(edited(data, request["edit"]))
        model = models.get(".weights.h5") if path.endswith(".weights.h5") else None
        before = None if model is None else model.get_weights()
        start = time.process_time()
        try:
            weights = _load(path, model, request.get("compile", True))
        except Exception as error:
            kind = "OSError" if isinstance(error, OSError) else type(error).__name__
            kind = "ValueError" if type(error).__name__ == "ValueError" else kind
            answer = {"error": str(error), "kind": kind}
            if before is not None:
                after = model.get_weights()
                assert all(map(np.array_equal, before, after)), "the model has changed"
        else:
            answer = {"weights": zlib.crc32(b"".join(w.tobytes() for w in weights))}
            if before is not None:
                model.set_weights(before)
        answer["seconds"] = time.process_time() - start
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
