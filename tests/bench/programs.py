# SPDX-License-Identifier: MIT
#
# programs.py -- how are the programs of the bench built, started, asked what they cost, and ended?
#
# A server prints the port it listens on as its first line. It is ended by its own process id, and
# by the kernel should the bench itself be killed.
import ctypes
import functools
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = ROOT / "build" / "bench"
CXX = os.environ.get("CXX", "g++")
FLAGS = ["-std=c++20", "-O2", "-pthread", f"-I{ROOT / 'include'}"]
TICKS = os.sysconf("SC_CLK_TCK")
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


@functools.cache
def build(name, *libraries):
    """Compiles a file of this folder, .cpp or .go, once a run, and returns the program's path."""
    BUILD.mkdir(parents=True, exist_ok=True)
    program = BUILD / name.replace(".", "_")
    if name.endswith(".go"):
        env = dict(os.environ, CGO_ENABLED="0", GOCACHE=str(BUILD / "go-cache"), GO111MODULE="off")
        command = ["go", "build", "-o", program, HERE / name]
    else:
        env = None
        command = [CXX, *FLAGS, HERE / name, "-o", program, *libraries]
    subprocess.run(command, check=True, env=env, timeout=300)
    return str(program)


class Server:
    """A running server: started by `with`, ended when the block is left."""

    def __init__(self, name, command, stdin=b"", port=None, workers=False):
        self.name, self.command, self.stdin, self.port = name, command, stdin, port
        self.workers = workers  # the work is done by child processes

    def __enter__(self):
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            preexec_fn=lambda: LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM))
        self.process.stdin.write(self.stdin)
        self.process.stdin.close()
        try:
            self.port = self.port or int(self.process.stdout.readline())
            self.wait_until_it_listens()
        except (ValueError, RuntimeError) as error:
            self.__exit__()
            raise RuntimeError(f"{self.name} does not start: {error}") from error
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def wait_until_it_listens(self):
        until = time.monotonic() + 10
        while True:
            try:
                return socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                if time.monotonic() > until or self.process.poll() is not None:
                    raise RuntimeError(f"nobody listens on port {self.port}")
                time.sleep(0.01)

    def url(self, path="/"):
        return f"http://127.0.0.1:{self.port}{path}"

    def pids(self):
        pid = self.process.pid
        if not self.workers:
            return [pid]
        return pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()

    def cpu_seconds(self):
        """User and system time of all threads, ended ones too."""
        ticks = 0
        for pid in self.pids():
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / TICKS

    def rss(self):
        """Resident memory in bytes; pages that workers share count once for each."""
        lines = [line for pid in self.pids()
                 for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()]
        return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) * 1024


def answer_of(server):
    """The bytes of one answer to GET /, as they come over the wire."""
    with socket.create_connection(("127.0.0.1", server.port), 5) as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        answer = b""
        while not answer.endswith(b"Hello, World!"):
            piece = s.recv(4096)
            if not piece:
                raise RuntimeError(f"{server.name} answers GET / with {answer!r}")
            answer += piece
        return answer


def free_port():
    """A port that was free a moment ago, for a server that cannot tell which one it was given."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def nginx(files="html"):
    port, dir = free_port(), BUILD / "nginx"
    shutil.rmtree(dir, ignore_errors=True)
    dir.mkdir(parents=True)
    conf = (HERE / "nginx.conf.in").read_text()
    conf = conf.replace("@PORT@", str(port)).replace("@DIR@", str(dir))
    conf = conf.replace("@FILES@", str(files))
    (dir / "nginx.conf").write_text(conf)
    command = ["nginx", "-p", dir, "-c", dir / "nginx.conf", "-e", "stderr"]
    return Server("nginx", command, port=port, workers=True)


def jot():
    """hello.cpp, or the program that --jot names."""
    return Server("jot", [os.environ.get("JOT_BENCH_PROGRAM") or build("hello.cpp")])


def files(folder):
    return Server("jot", [build("files.cpp"), folder])


def upload():
    return Server("jot", [build("upload.cpp")])


def limit(answer):
    return Server("limit", [build("limit.cpp")], stdin=answer)


def httplib():
    return Server("cpp-httplib", [build("httplib.cpp", "-lcpp-httplib")])


def go():
    return Server("Go", [build("hello.go")])
