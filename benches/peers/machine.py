"""What is measured with, and on: files, processes, the disk, the cores."""

import json
import os
import subprocess
import threading
import time


class Files:
    """Bytes that no filesystem can squeeze: one large file, many small ones, some in between. Made once for all."""

    def __init__(self, place, mebibytes, small, parallel):
        os.makedirs(place)
        self.place = place
        self.large_bytes = mebibytes * 1024 * 1024
        self.large_name = f"{mebibytes} MiB"
        self.large = self._make("large", self.large_bytes)
        self.small_directory = os.path.join(place, "small")
        os.makedirs(self.small_directory)
        self.small = [self._make(f"small/{n:06}", 16 * 1024) for n in range(small)]
        self.parallel = [self._make(f"parallel{n:02}", 64 * 1024 * 1024) for n in range(parallel)]
        os.sync()

    def _make(self, name, size):
        path = os.path.join(self.place, name)
        with open(path, "wb") as file:
            for _ in range(0, size, 1 << 20):
                file.write(os.urandom(min(size, 1 << 20)))
        return path


class Usage:
    """CPU seconds and highest memory of a process with all its descendants, while the block runs."""

    def __init__(self, root):
        self.root = root
        self.cpu_seconds = 0.0
        self.mebibytes = 0.0

    def __enter__(self):
        self._before = self._cpu()
        self._ended = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)
        self._sampler.start()
        self._began = time.monotonic()
        return self

    def __exit__(self, *_):
        self.seconds = time.monotonic() - self._began
        self._ended.set()
        self._sampler.join()
        self.cpu_seconds = self._cpu() - self._before

    def _sample(self):
        while True:
            self.mebibytes = max(self.mebibytes, sum(map(_pss_mebibytes, _tree(self.root))))
            if self._ended.wait(0.5):
                return

    def _cpu(self):
        return sum(map(_cpu_seconds, _tree(self.root)))


def _stat(process):
    try:
        with open(f"/proc/{process}/stat") as file:
            # The name may hold spaces; what follows its bracket does not.
            return file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def _tree(root):
    children = {}
    for name in os.listdir("/proc"):
        stat = _stat(name) if name.isdigit() else None
        if stat:
            children.setdefault(int(stat[1]), []).append(int(name))
    found = [root]
    for process in found:
        found += children.get(process, [])
    return found


def _cpu_seconds(process):
    stat = _stat(process)
    # utime, stime, and those of children that were waited for.
    return sum(map(int, stat[11:15])) / os.sysconf("SC_CLK_TCK") if stat else 0.0


def _pss_mebibytes(process):
    try:
        with open(f"/proc/{process}/smaps_rollup") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("Pss:")) / 1024
    except (FileNotFoundError, ProcessLookupError, PermissionError, StopIteration):
        return 0.0


def dd_seconds(source, directory):
    copy = os.path.join(directory, "strongroom-peers-dd")
    began = time.monotonic()
    subprocess.run(["dd", f"if={source}", f"of={copy}", "bs=1M", "conv=fsync", "status=none"], check=True)
    seconds = time.monotonic() - began
    os.remove(copy)
    return seconds


def hash_rate(strongroom):
    """MB/s of BLAKE3 and SHA-256 together over bytes in memory."""
    printed = subprocess.run([strongroom, "bench", "hash", "--json"], capture_output=True, check=True)
    return json.loads(printed.stdout)["hash"]["both_mb_per_second"]


def describe(directory):
    with open("/proc/cpuinfo") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), "unknown CPU")
    filesystem = subprocess.run(["df", "--output=fstype", directory], capture_output=True, text=True, check=True)
    return f"{os.cpu_count()} cores of {model}, {filesystem.stdout.split()[-1]}"
