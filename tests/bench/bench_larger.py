#!/usr/bin/env python3
"""Rows a second of a dataset four times the memory budget, and in memory.

usage: bench_larger.py BACKPROPD [ROWS]    ROWS x 20 numbers, 10 million
"""
import os
import random
import subprocess
import sys
import tempfile

from daemon import Daemon, npy_head

WIDTH, EPOCHS = 20, 3


def save(path, shape, pieces):
    with open(path, "wb") as file:
        file.write(npy_head("|u1", shape))
        file.writelines(pieces)


def run(program, directory, rows, memory_mib):
    """Rows a second of the fastest epoch, and the memory it leaves."""
    with Daemon(program, f"{directory}/{memory_mib}.db", "--memory-mib",
                str(memory_mib), "--workers", "1") as daemon:
        subprocess.run(["curl", "-fsS", "-o", "/dev/null", "-X", "PUT", "-F",
                        f"inputs=@{directory}/x.npy", "-F",
                        f"targets=@{directory}/t.npy",
                        daemon.url + "/v1/datasets/d"], check=True)
        daemon.ask("POST", "/v1/networks", {
            "name": "n", "dataset": "d", "layers": [
                {"type": "dense", "units": 32, "activation": "relu"},
                {"type": "dense"}]})
        epochs = daemon.train(network="n", dataset="d", epochs=EPOCHS,
                              batch_size=256, scale_inputs="standard")
        with open(f"/proc/{daemon.process.pid}/status") as file:
            own = next(line for line in file if line.startswith("RssAnon"))
        return max(e["samples_per_second"] for e in epochs), own.split()[1]


def main():
    program = sys.argv[1]
    rows = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000_000
    table = rows * (WIDTH + 1) * 4 >> 20
    rng = random.Random(1)
    with tempfile.TemporaryDirectory(dir=os.path.dirname(program)) as directory:
        def inputs():
            for at in range(0, rows, 1 << 16):
                yield rng.randbytes(min(1 << 16, rows - at) * WIDTH)
        save(f"{directory}/x.npy", [rows, WIDTH], inputs())
        save(f"{directory}/t.npy", [rows], [b"\x00\x01" * (rows // 2)])
        small, small_own = run(program, directory, rows, max(16, table // 4))
        large, large_own = run(program, directory, rows, 4 * table)
        print(f"{rows} rows x {WIDTH}, {table} MiB: in {table // 4} MiB "
              f"{small:,.0f} rows/s (own memory {int(small_own) >> 10} MiB), in "
              f"memory {large:,.0f} ({int(large_own) >> 10} MiB): "
              f"{100 * small / large:.0f} %")


if __name__ == "__main__":
    main()
