"""Servers under measure: each started on a fresh directory and a free port, stopped when its block ends."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request


class Server:
    """`with` starts it and waits until it answers."""

    name = flag = ready_path = None

    def __init__(self, binary, directory):
        self.binary = os.path.abspath(os.path.expanduser(binary))
        self.directory = directory
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        os.makedirs(directory)

    def command(self):
        raise NotImplementedError

    def environment(self):
        return {}

    def __enter__(self):
        self.log = os.path.join(self.directory, "server.log")
        with open(self.log, "wb") as log:
            environment = {**os.environ, **self.environment()}
            self.process = subprocess.Popen(
                self.command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment
            )
        deadline = time.monotonic() + 60
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                with open(self.log) as log:
                    sys.stderr.write(log.read())
                raise SystemExit(f"{self.name} did not start")
            time.sleep(0.1)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(60)

    def _answers(self):
        try:
            with urllib.request.urlopen(self.url + self.ready_path, timeout=5):
                return True
        except urllib.error.HTTPError as error:
            return error.code < 500
        except OSError:
            return False


class StrongroomServer(Server):
    name, flag, ready_path = "strongroom", "strongroom", "/readyz"

    def command(self):
        return [self.binary, "serve", "--state-dir", self.directory, "--listen", f"127.0.0.1:{self.port}"]

    def environment(self):
        return {"RUST_LOG": "warn"}

    def token(self):
        with open(os.path.join(self.directory, "admin.token")) as file:
            return file.read().strip()


class Registry(Server):
    """distribution's registry: SHA-256, no fsync."""

    name, flag, ready_path = "registry", "registry", "/v2/"

    def command(self):
        path = os.path.join(self.directory, "config.yml")
        with open(path, "w") as file:
            file.write(
                "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
                f"storage: {{filesystem: {{rootdirectory: {self.directory}/data}}}}\n"
                f"http: {{addr: '127.0.0.1:{self.port}'}}\n"
            )
        return [self.binary, "serve", path]

    def environment(self):
        return {"OTEL_TRACES_EXPORTER": "none"}


class Zot(Server):
    """zot with `commit`: SHA-256, fsync."""

    name, flag, ready_path = "zot, fsync", "zot", "/v2/"

    def command(self):
        path = os.path.join(self.directory, "config.json")
        with open(path, "w") as file:
            storage = {"rootDirectory": f"{self.directory}/data", "commit": True, "gc": False}
            http = {"address": "127.0.0.1", "port": str(self.port)}
            json.dump({"distSpecVersion": "1.1.1", "storage": storage, "http": http, "log": {"level": "error"}}, file)
        return [self.binary, "serve", path]


class Tusd(Server):
    """tusd: no digest, no fsync."""

    name, flag, ready_path = "tusd", "tusd", "/files/"

    def command(self):
        data = os.path.join(self.directory, "data")
        return [self.binary, "-host", "127.0.0.1", "-port", str(self.port), "-upload-dir", data, "-base-path", "/files/"]


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
