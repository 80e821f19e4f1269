"""How each kind of server is spoken to. `curl` moves the bytes and `wrk` counts requests, the same for all, so that the
client costs each the same; only Strongroom's many small files go through its own `push`, which is how they are sent."""

import hashlib
import json
import os
import re
import subprocess
import tempfile
import urllib.request

from machine import Usage

HERE = os.path.dirname(os.path.abspath(__file__))


class Client:
    def __init__(self, server):
        self.server = server

    def usage(self):
        return Usage(self.server.process.pid)

    def request(self, method, path, body=None, headers=None):
        url = path if path.startswith("http") else self.server.url + path
        request = urllib.request.Request(url, data=body, method=method, headers=headers or {})
        with urllib.request.urlopen(request) as answer:
            return answer.headers, answer.read()

    def manifests(self, _, args):
        """GET and PUT of one manifest, over 1 connection and over 16."""
        get, put = self.manifest_get(), self.manifest_put()
        for connections in [1, 16]:
            for name, settings in [("GET", get), ("PUT", put)]:
                with self.usage() as usage:
                    rate = wrk(self.server.url, connections, args.seconds, {"METHOD": name, **settings})
                yield f"manifest {name}, {connections:2} connections", rate, "/s", usage.cpu_seconds, usage.mebibytes


class Oci(Client):
    """OCI Distribution: POST for a session, PUT of the whole."""

    repository = "bench/peers"

    def prepare(self):
        self.digests = {}

    def upload(self, files, _):
        with self.usage() as usage:
            self._blobs([files.large], 1)
        yield rate_of(files.large_name + " upload", files.large_bytes, usage)

    def download(self, files, _):
        with self.usage() as usage:
            curl([download(f"{self.server.url}/v2/{self.repository}/blobs/{self.digests[files.large]}")])
        yield rate_of(files.large_name + " download", files.large_bytes, usage)

    def small(self, files, _):
        with self.usage() as usage:
            self._blobs(files.small, 8)
        yield f"{len(files.small)} x 16 KiB", len(files.small) / usage.seconds, "files/s", usage.cpu_seconds, usage.mebibytes

    def parallel(self, files, _):
        with self.usage() as usage:
            self._blobs(files.parallel, len(files.parallel))
        total = sum(map(os.path.getsize, files.parallel))
        yield rate_of(f"{len(files.parallel)} x 64 MiB at once", total, usage)

    def _blobs(self, paths, parallel):
        # Clients know the digest before they send; computing it is not what is measured.
        for path in paths:
            if path not in self.digests:
                with open(path, "rb") as file:
                    self.digests[path] = "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
        start = f"{self.server.url}/v2/{self.repository}/blobs/uploads/"
        sessions = curl([{"url": start, "request": "POST", "data": ""} for _ in paths], parallel)
        puts = []
        for path, session in zip(paths, sessions):
            joint = "&" if "?" in session else "?"
            url = session if session.startswith("http") else self.server.url + session
            puts.append({
                "url": f"{url}{joint}digest={self.digests[path]}",
                "upload-file": path,
                "header": "Content-Type: application/octet-stream",
            })
        curl(puts, parallel)

    def manifest_get(self):
        self._manifest()
        return {"MANIFEST_PATH": f"/v2/{self.repository}/manifests/kept", "ACCEPT": self.media_type}

    def manifest_put(self):
        return {
            "MANIFEST_PATH": f"/v2/{self.repository}/manifests/",
            "CONTENT_TYPE": self.media_type,
            "BODY": self.body.hex(),
        }

    media_type = "application/vnd.oci.image.manifest.v1+json"

    def _manifest(self):
        with tempfile.NamedTemporaryFile() as blob:
            blob.write(b"{}")
            blob.flush()
            self._blobs([blob.name], 1)
            digest = self.digests[blob.name]
        descriptor = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest, "size": 2}
        manifest = {
            "schemaVersion": 2,
            "mediaType": self.media_type,
            "artifactType": "application/vnd.example.bench",
            "config": descriptor,
            "layers": [descriptor],
            "annotations": {"count": "0000000000"},
        }
        self.body = json.dumps(manifest).encode()
        kept = f"/v2/{self.repository}/manifests/kept"
        self.request("PUT", kept, self.body, {"Content-Type": self.media_type})


class Tus(Client):
    """tus 1.0: POST for a session, PATCH of the whole."""

    creation = "/files/"

    def prepare(self):
        self.sessions = {}

    def upload(self, files, _):
        with self.usage() as usage:
            self._send([files.large], 1)
        yield rate_of(files.large_name + " upload", files.large_bytes, usage)

    def download(self, files, _):
        with self.usage() as usage:
            curl([download(self.sessions[files.large])])
        yield rate_of(files.large_name + " download", files.large_bytes, usage)

    def small(self, files, _):
        with self.usage() as usage:
            self._send(files.small, 8)
        yield f"{len(files.small)} x 16 KiB", len(files.small) / usage.seconds, "files/s", usage.cpu_seconds, usage.mebibytes

    def parallel(self, files, _):
        with self.usage() as usage:
            self._send(files.parallel, len(files.parallel))
        total = sum(map(os.path.getsize, files.parallel))
        yield rate_of(f"{len(files.parallel)} x 64 MiB at once", total, usage)

    def _send(self, paths, parallel):
        permissions = self._permissions(paths)
        creations = [
            {
                "url": self.server.url + self.creation,
                "request": "POST",
                "data": "",
                # Without a body there is no type, which curl would make up.
                "header": ["Content-Type:", "Tus-Resumable: 1.0.0", f"Upload-Length: {os.path.getsize(path)}", *permission],
            }
            for path, permission in zip(paths, permissions)
        ]
        locations = curl(creations, parallel)
        patches = []
        for path, location, permission in zip(paths, locations, permissions):
            url = location if location.startswith("http") else self.server.url + location
            self.sessions[path] = url
            headers = ["Tus-Resumable: 1.0.0", "Upload-Offset: 0", "Content-Type: application/offset+octet-stream"]
            patches.append({"url": url, "request": "PATCH", "upload-file": path, "header": headers + permission})
        curl(patches, parallel)

    def _permissions(self, paths):
        return [[] for _ in paths]

    def manifests(self, _, __):
        """tus knows no manifests."""
        return ()


class Strongroom(Tus):
    """Its own tus sessions under grants; its own `push` for many small files."""

    repository = "bench/peers"
    creation = "/data/uploads"

    def prepare(self):
        super().prepare()
        self.headers = {"Authorization": f"Bearer {self.server.token()}", "Content-Type": "application/json"}
        self.request("PUT", f"/v1/repositories/{self.repository}", b"{}", self.headers)

    def upload_one(self, path):
        self._send([path], 1)

    def _permissions(self, paths):
        wanted = json.dumps({"blobs": [{"size": os.path.getsize(path)} for path in paths]}).encode()
        _, opened = self.request("POST", f"/v1/repositories/{self.repository}/-/uploads", wanted, self.headers)
        return [[f"Authorization: Bearer {blob['grant']}"] for blob in json.loads(opened)["blobs"]]

    def download(self, files, _):
        with open(files.large, "rb") as file:
            digest = "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
        # Blobs are read as parts of packages. Its bytes are there already.
        self.push(files.large, "large")
        url = f"{self.server.url}/v1/repositories/{self.repository}/-/blobs/{digest}/content?package=large"
        # The grant is in the address; a token beside it would be taken for one.
        [granted] = curl([{"url": url, "header": f"Authorization: {self.headers['Authorization']}"}])
        granted = granted if granted.startswith("http") else self.server.url + granted
        with self.usage() as usage:
            curl([download(granted)])
        yield rate_of(files.large_name + " download", files.large_bytes, usage)

    def small(self, files, _):
        with self.usage() as usage:
            self.push(files.small_directory, "small")
        yield f"{len(files.small)} x 16 KiB", len(files.small) / usage.seconds, "files/s", usage.cpu_seconds, usage.mebibytes

    def push(self, path, tag, *more):
        command = [self.server.binary, "push", path, f"{self.repository}:{tag}", *more]
        environment = {**os.environ, "STRONGROOM_URL": self.server.url, "STRONGROOM_TOKEN": self.server.token()}
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def manifests(self, files, args):
        self.push(files.small[0], "kept", "-a", "count=0000000000")
        return Client.manifests(self, files, args)

    def _address(self, reference):
        return f"/v1/repositories/{self.repository}/-/manifests/{reference}"

    def manifest_get(self):
        return {"MANIFEST_PATH": self._address("kept"), "AUTHORIZATION": self.headers["Authorization"]}

    def manifest_put(self):
        headers, body = self.request("GET", self._address("kept"), headers={"Authorization": self.headers["Authorization"]})
        return {
            "MANIFEST_PATH": self._address(""),
            "CONTENT_TYPE": headers["Content-Type"],
            "AUTHORIZATION": self.headers["Authorization"],
            "BODY": body.hex(),
        }


def rate_of(measure, size, usage):
    return measure, size / 1e6 / usage.seconds, "MB/s", usage.cpu_seconds, usage.mebibytes


def download(url):
    return {"url": url, "output": "/dev/null"}


def curl(transfers, parallel=1):
    """Runs the transfers in one curl; gives the `Location` of each answer, in the order asked."""
    config = []
    for number, transfer in enumerate(transfers):
        options = {"output": "/dev/null", "write-out": f"{number} %{{http_code}} %header{{location}}\\n", **transfer}
        for name, value in options.items():
            for one in value if isinstance(value, list) else [value]:
                config.append(name if one is True else f"{name} = {json.dumps(one)}")
        config.append("next")
    command = ["curl", "--silent", "--show-error", "--config", "-"]
    if parallel > 1:
        command += ["--parallel", "--parallel-immediate", "--parallel-max", str(parallel)]
    ran = subprocess.run(command, input="\n".join(config[:-1]), capture_output=True, text=True, check=True)
    locations = {}
    for line in ran.stdout.splitlines():
        number, status, location = (line.split(" ", 2) + [""])[:3]
        if not status.startswith(("2", "3")):
            raise SystemExit(f"{transfers[int(number)]['url']} answered {status}")
        locations[int(number)] = location.strip()
    return [locations[number] for number in range(len(transfers))]


def wrk(url, connections, seconds, settings):
    """Requests a second; every one of them has to succeed."""
    command = ["wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s"]
    command += ["--script", os.path.join(HERE, "manifests.lua"), url]
    ran = subprocess.run(command, env={**os.environ, **settings}, capture_output=True, text=True, check=True)
    if "Non-2xx" in ran.stdout or "Socket errors" in ran.stdout:
        raise SystemExit(f"wrk met errors:\n{ran.stdout}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", ran.stdout).group(1))
