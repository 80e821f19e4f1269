#!/usr/bin/env python3
"""Strongroom on a bucket beside the S3 server's own client: same server, same file, same disk, in turns.

    pip install minio
    python3 benches/peers/bucket.py --strongroom target/release/strongroom --minio minio --dir /var/tmp

An upload by tus (`curl`) goes from its file through a data plane, which computes two digests, into the bucket; `push` hashes
the file first, to know whether it is there; MinIO's own client goes from the file into the bucket. All upload in parts. Prints
one Markdown table.
"""

import argparse
import os
import shutil
import tempfile
import time

import minio

from clients import Strongroom
from machine import Files, describe
from servers import Server, StrongroomServer

USER, PASSWORD, BUCKET = "strongroom-bench", "strongroom-bench-secret", "evidence"
UPLOAD, PUSH, THEIRS = "upload through a data plane, tus", "`strongroom push`", "MinIO's own client"


class MinioServer(Server):
    name, flag, ready_path = "MinIO", "minio", "/minio/health/ready"

    def command(self):
        # A directory below its root is a bucket.
        os.makedirs(f"{self.directory}/data/{BUCKET}", exist_ok=True)
        return [self.binary, "server", "--quiet", "--address", f"127.0.0.1:{self.port}", f"{self.directory}/data"]

    def environment(self):
        return {"MINIO_ROOT_USER": USER, "MINIO_ROOT_PASSWORD": PASSWORD, "MINIO_BROWSER": "off"}


class OnBucket(StrongroomServer):
    """With its objects in that bucket."""

    def __init__(self, binary, directory, bucket):
        super().__init__(binary, directory)
        self.settings = directory + ".toml"
        with open(self.settings, "w") as file:
            file.write(f'[[store]]\nname = "bucket"\nkind = "s3"\nbucket = "{BUCKET}"\nprefix = "p"\nendpoint = "{bucket.url}"\n')

    def command(self):
        return [*super().command(), "--config", self.settings]

    def environment(self):
        return {**super().environment(), "AWS_ACCESS_KEY_ID": USER, "AWS_SECRET_ACCESS_KEY": PASSWORD}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--strongroom", required=True, metavar="BINARY")
    parser.add_argument("--minio", required=True, metavar="BINARY")
    parser.add_argument("--dir", default=tempfile.gettempdir(), help="on the disk to be measured")
    parser.add_argument("--mebibytes", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    place = tempfile.mkdtemp(prefix="strongroom-bucket-", dir=args.dir)
    os.chmod(place, 0o755)
    try:
        compare(place, args)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def compare(place, args):
    rates = {UPLOAD: [], PUSH: [], THEIRS: []}
    with MinioServer(args.minio, os.path.join(place, "minio")) as bucket:
        with OnBucket(args.strongroom, os.path.join(place, "strongroom"), bucket) as server:
            client = Strongroom(server)
            client.prepare()
            turns = [(UPLOAD, lambda path, _: client.upload_one(path)), (PUSH, client.push), (THEIRS, put(bucket))]
            for round in range(args.rounds):
                for name, run in turns if round % 2 == 0 else reversed(turns):
                    # Fresh bytes each time: what is there already is not sent again.
                    files = Files(os.path.join(place, "files"), args.mebibytes, 0, 0)
                    began = time.monotonic()
                    run(files.large, f"r{round}")
                    rates[name].append(files.large_bytes / 1e6 / (time.monotonic() - began))
                    shutil.rmtree(files.place)
    print(describe(place))
    print(f"\n| {args.mebibytes} MiB into the bucket, best of {args.rounds} | MB/s | of its own client |\n|---|---|---|")
    best = {name: max(seen) for name, seen in rates.items()}
    for name, rate in best.items():
        print(f"| {name} | {rate:.0f} | {rate / best[THEIRS]:.2f} |")


def put(bucket):
    client = minio.Minio(bucket.url.removeprefix("http://"), access_key=USER, secret_key=PASSWORD, secure=False)
    return lambda path, name: client.fput_object(BUCKET, f"own/{name}", path)


if __name__ == "__main__":
    main()
