#!/usr/bin/env python3
"""Two network namespaces joined by an emulated link, also on kernels that have no sch_netem.

Each namespace gets one TUN device. This program reads packets from one, applies loss, delay, jitter, rate, duplication and
reordering, and writes them to the other. Needs root and /dev/net/tun, no packages.

  link.py [--loss %] [--delay MS] [--jitter MS] [--rate KBIT] [--queue MS] [--dup %] [--reorder %] [--mtu N] [--seed N]
          [--outage SECONDS] [--b 'command in namespace B'] [--wait-port PORT] -- command in namespace A...

A is 10.77.0.1 / fd77::1, B is 10.77.0.2 / fd77::2. All settings hold for each direction by itself (delay 50 = 100 ms RTT).
--rate with --queue is a bottleneck with a drop-tail queue. The environment variable LINK_PID names this program: on SIGUSR1
nothing passes for as long as --outage says. Exit code: that of the command in A. With one seed, each direction sees the
same sequence of random draws in each run."""
import argparse
import fcntl
import heapq
import itertools
import json
import os
import random
import select
import shlex
import signal
import struct
import subprocess
import sys
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in dict(loss=0, delay=0, jitter=0, rate=0, queue=200, dup=0, reorder=0, outage=0).items():
        parser.add_argument("--" + name, type=float, default=default)
    parser.add_argument("--mtu", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--b", default="")
    parser.add_argument("--wait-port", type=int, default=0, help="start A's command once B listens on this TCP port")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    options.command = options.command[options.command[:1] == ["--"]:]
    return options


class Direction:
    def __init__(self, options, seed):
        self.options, self.rng, self.free_at, self.out_until = options, random.Random(seed), 0.0, 0.0
        self.stats = dict.fromkeys(("packets", "bytes", "lost", "overflow", "dup", "reordered"), 0)

    def departures(self, packet, now):
        """The times at which copies of the packet leave the link."""
        options, stats, draw = self.options, self.stats, self.rng.random
        lose, dup, overtake = (draw() * 100 < share for share in (options.loss, options.dup, options.reorder))
        jitter = draw() * options.jitter
        stats["packets"] += 1
        stats["bytes"] += len(packet)
        if lose or now < self.out_until:
            stats["lost"] += 1
            return
        at = now
        if options.rate:
            at = max(now, self.free_at)
            if at - now > options.queue / 1000:
                stats["overflow"] += 1
                return
            at = self.free_at = at + len(packet) * 8 / (options.rate * 1000)
        if overtake:
            stats["reordered"] += 1
        else:
            at += (options.delay + jitter) / 1000
        yield at
        if dup:
            stats["dup"] += 1
            yield at


def run(command):
    subprocess.run(shlex.split(command), check=True)


def tun(name):
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return fd


def add_namespace(namespace, device, number, mtu):
    run(f"ip netns add {namespace}")
    fd = tun(device)
    run(f"ip link set {device} netns {namespace}")
    for command in (
        "link set lo up",
        f"addr add 10.77.0.{number}/24 dev {device}",
        f"-6 addr add fd77::{number}/64 dev {device} nodad",
        f"link set {device} mtu {mtu} up",
        # Firefox gathers no candidates without a default route.
        f"route add default dev {device}",
        f"-6 route add default dev {device}",
    ):
        run(f"ip -n {namespace} {command}")
    return fd


def start(namespace, command, **options):
    environment = dict(os.environ, LINK_PID=str(os.getpid()))
    inside = ["ip", "netns", "exec", namespace, *command]
    return subprocess.Popen(inside, start_new_session=True, env=environment, **options)


def wait_for_port(namespace, port, process):
    probe = ["ip", "netns", "exec", namespace, "bash", "-c", f"exec 3<>/dev/tcp/10.77.0.2/{port}"]
    deadline = time.monotonic() + 60
    while subprocess.run(probe, stderr=subprocess.DEVNULL).returncode:
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("the command in B did not open its port")
        time.sleep(0.1)


def carry(fds, directions, is_over):
    """Carries packets from each device to the other until it is over."""
    under_way, numbers = [], itertools.count()
    while not is_over():
        wait = max(0.0, under_way[0][0] - time.monotonic()) if under_way else 0.1
        for fd in select.select(fds, [], [], min(0.1, wait))[0]:
            at = fds.index(fd)
            for _ in range(64):
                try:
                    packet = os.read(fd, 65536)
                except BlockingIOError:
                    break
                for departure in directions[at].departures(packet, time.monotonic()):
                    heapq.heappush(under_way, (departure, next(numbers), 1 - at, packet))
        now = time.monotonic()
        while under_way and under_way[0][0] <= now:
            _, _, at, packet = heapq.heappop(under_way)
            try:
                os.write(fds[at], packet)
            except OSError:
                pass  # the device is gone or its queue is full


def main():
    options = arguments()
    tag = str(os.getpid())
    namespaces = ["linkA" + tag, "linkB" + tag]
    directions = [Direction(options, options.seed * 2), Direction(options, options.seed * 2 + 1)]

    def outage(*_):
        for direction in directions:
            direction.out_until = time.monotonic() + options.outage

    signal.signal(signal.SIGUSR1, outage)
    fds, processes = [], []
    try:
        for at, namespace in enumerate(namespaces):
            fds.append(add_namespace(namespace, f"t{'ab'[at]}{tag}", at + 1, options.mtu))
        if options.b:
            processes.append(start(namespaces[1], shlex.split(options.b), stdout=sys.stderr))
        if options.wait_port:
            # No packet is carried yet, nor needs to be: B asks itself.
            wait_for_port(namespaces[1], options.wait_port, processes[0])
        in_a = start(namespaces[0], options.command)
        processes.append(in_a)
        carry(fds, directions, lambda: in_a.poll() is not None)
        print(json.dumps({"A->B": directions[0].stats, "B->A": directions[1].stats}), file=sys.stderr)
        return in_a.returncode
    finally:
        for process in processes:
            try:
                os.killpg(process.pid, signal.SIGTERM)
            except ProcessLookupError:
                pass
        for fd in fds:
            os.close(fd)
        for namespace in namespaces:
            subprocess.run(["ip", "netns", "del", namespace], stderr=subprocess.DEVNULL)


sys.exit(main())
