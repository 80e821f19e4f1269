#!/usr/bin/env python3
"""Strongroom beside the tools that a user would pick instead: same files, same disk, one run.

    python3 benches/peers/compare.py --strongroom target/release/strongroom \
        --registry ~/go/bin/registry --zot zot --tusd tusd --dir /var/tmp

Prints one Markdown table; a peer without a binary is named as absent. Wants `curl`, and `wrk` for the requests a second.
Each server runs alone, on a fresh directory under --dir, and is measured from outside: rate, CPU seconds of the server
with all its processes, and the highest proportional memory (PSS) of them together.
"""

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time

from clients import Oci, Strongroom, Tus
from machine import Files, describe, dd_seconds, hash_rate
from servers import Registry, StrongroomServer, Tusd, Zot

MEASURES = ["upload", "download", "small", "parallel", "manifests"]


def main():
    args = arguments()
    place = tempfile.mkdtemp(prefix="strongroom-peers-", dir=args.dir)
    # Postgres runs as another user when this runs as root.
    os.chmod(place, 0o755)
    try:
        files = Files(os.path.join(place, "files"), args.mebibytes, args.small, args.parallel)
        rows = []
        for kind, client, binary in [
            (StrongroomServer, Strongroom, args.strongroom),
            (Registry, Oci, args.registry),
            (Zot, Oci, args.zot),
            (Tusd, Tus, args.tusd),
        ]:
            if binary is None:
                print(f"absent: {kind.name} (no --{kind.flag})", file=sys.stderr)
                continue
            rows += measure(kind(binary, os.path.join(place, kind.flag)), client, files, args)
        report(rows, files, args)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--strongroom", required=True, metavar="BINARY")
    for peer in ["registry", "zot", "tusd"]:
        parser.add_argument(f"--{peer}", metavar="BINARY")
    parser.add_argument("--dir", default=tempfile.gettempdir(), help="on the disk to be measured")
    parser.add_argument("--mebibytes", type=int, default=2048, help="of the large file")
    parser.add_argument("--small", type=int, default=2000, help="files of 16 KiB")
    parser.add_argument("--parallel", type=int, default=16, help="files of 64 MiB at once")
    parser.add_argument("--seconds", type=int, default=10, help="of each run of wrk")
    parser.add_argument("--only", nargs="*", choices=MEASURES, default=MEASURES)
    return parser.parse_args()


def measure(server, client_of, files, args):
    """Every measure that this server can do, as (measure, server, value, unit, CPU seconds, MiB)."""
    rows = []
    with server:
        client = client_of(server)
        client.prepare()
        for name in MEASURES:
            run = getattr(client, name, None)
            if run is None or name not in args.only + (["upload"] if "download" in args.only else []):
                continue
            print(f"{server.name}: {name}", file=sys.stderr)
            rows += [(measure, server.name, *figures) for measure, *figures in run(files, args)]
    return rows


def report(rows, files, args):
    version = subprocess.run([args.strongroom, "--version"], capture_output=True, text=True, check=True)
    print(f"{time.strftime('%Y-%m-%d')}, {version.stdout.strip()}, {describe(args.dir)}, {platform.release()}\n")
    print("| measure | server | rate | CPU s | memory MiB |")
    print("|---|---|---|---|---|")
    for measure, server, rate, unit, cpu, memory in sorted(rows, key=lambda row: row[0]):
        print(f"| {measure} | {server} | {rate:,.0f} {unit} | {cpu:.1f} | {memory:.0f} |")
    seconds = dd_seconds(files.large, args.dir)
    print(f"| {files.large_name} | `dd conv=fsync` | {files.large_bytes / 1e6 / seconds:,.0f} MB/s | | |")
    rate = hash_rate(args.strongroom)
    print(f"| both digests in memory, one core | `strongroom bench hash` | {rate:,.0f} MB/s | {files.large_bytes / 1e6 / rate:.1f} | |")


if __name__ == "__main__":
    main()
