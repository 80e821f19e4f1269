#!/usr/bin/env python3
"""Strongroom on a bucket beside the S3 server's own client: same server, same file, same disk, in turns.

    pip install minio
    python3 benches/peers/bucket.py --strongroom target/release/strongroom --minio minio --dir /var/tmp

`push` goes from its file through a data plane, which computes two digests, into the bucket; MinIO's own client goes from the
file into the bucket. Both upload in parts. Prints one Markdown table.
"""

import argparse
import os
import shutil
import subprocess
import tempfile
import time

import minio

from machine import Files, describe
from servers import Server, StrongroomServer

USER, PASSWORD, BUCKET = "strongroom-bench", "strongroom-bench-secret", "evidence"
OURS, THEIRS = "`strongroom push`", "MinIO's own client"


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
    rates = {OURS: [], THEIRS: []}
    with MinioServer(args.minio, os.path.join(place, "minio")) as bucket:
        with OnBucket(args.strongroom, os.path.join(place, "strongroom"), bucket) as server:
            for round in range(args.rounds):
                # Fresh bytes each time: what is there already is not sent again.
                files = Files(os.path.join(place, f"files-{round}"), args.mebibytes, 0, 0)
                turns = [(OURS, push, server), (THEIRS, put, bucket)]
                for name, run, target in turns if round % 2 == 0 else reversed(turns):
                    began = time.monotonic()
                    run(target, files.large, round)
                    rates[name].append(files.large_bytes / 1e6 / (time.monotonic() - began))
                shutil.rmtree(files.place)
    print(describe(place))
    print(f"\n| {args.mebibytes} MiB into the bucket, best of {args.rounds} | MB/s |\n|---|---|")
    best = {name: max(seen) for name, seen in rates.items()}
    for name, rate in best.items():
        print(f"| {name} | {rate:.0f} |")
    print(f"| ratio | {best[OURS] / best[THEIRS]:.2f} |")


def push(server, path, round):
    environment = {**os.environ, "STRONGROOM_URL": server.url, "STRONGROOM_TOKEN": server.token()}
    command = [server.binary, "push", path, f"bench/bucket:r{round}"]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def put(bucket, path, round):
    client = minio.Minio(bucket.url.removeprefix("http://"), access_key=USER, secret_key=PASSWORD, secure=False)
    client.fput_object(BUCKET, f"own/{round}", path)


if __name__ == "__main__":
    main()
