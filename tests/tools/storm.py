"""Kills, injected I/O faults and storms of requests, seeded; then nothing acknowledged may be lost, nothing doubled, `check` must be
sound, and what is found must be what lies there.

python3 tests/tools/storm.py [--peanut target/release/peanut] [--kills 300] [--faults 300] [--seed N] [--postgres URL] [--folder DIR]

Works on a store of its own in a folder that is removed unless something failed. A tree of notes, copies and mail archives is changed
from round to round. A kill round starts `peanut ingest` over the tree, or `peanut serve` watching it under a storm of POST
/ingest/text, and ends it with SIGKILL at a random moment. A fault round does the same under `fiu-run` (Debian: fiu-utils; without it
only kills are run, and the end says so), which lets opens, reads, writes and syncs fail, and ends it with SIGTERM. With --postgres the
store is that database (it must be empty): files of the program fail, not the server's. Every 25 rounds, and at the end, everything is
compared. Exit 0: all held; 1: something did not, and what is said.
"""

import argparse
import http.client
import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

FAULTS = [
    # What fails, with which of these errors, how often: a whole run has some hundred to some thousand of each call.
    ("posix/io/oc/open", (5, 13, 23, 24), (0.002, 0.02)),
    ("posix/io/rw/read", (4, 5, 116), (0.0005, 0.01)),
    ("posix/io/rw/pread", (5,), (0.0005, 0.01)),
    ("posix/io/rw/write", (4, 5, 28), (0.0005, 0.01)),
    ("posix/io/rw/pwrite", (5, 28), (0.0005, 0.01)),
    ("posix/io/sync/fsync", (5, 28), (0.005, 0.1)),
    ("posix/io/sync/fdatasync", (5, 28), (0.005, 0.1)),
]
HANGS_AFTER = 90
CHECK_EVERY = 25


class Failed(Exception):
    pass


def token(kind, number):
    return f"zq{kind}{number}x"


class Tree:
    """Files, and which tokens must be found because of them."""

    def __init__(self, folder, rng):
        self.folder, self.rng, self.made = folder, rng, 0
        self.notes, self.archives = {}, {}
        os.makedirs(folder)
        for _ in range(60):
            self.write_note()
        for number in range(3):
            self.archives[os.path.join(folder, f"box{number}.mbox")] = []
            for _ in range(25):
                self.append_mail(number)

    def number(self):
        self.made += 1
        return self.made

    def next(self, kind):
        return token(kind, self.number())

    def words(self, count):
        return " ".join(f"word{self.rng.randrange(900)}" for _ in range(count))

    def save(self, path, text):
        # As an editor does: whole, then under its name.
        with open(path + ".tmp", "w") as out:
            out.write(text)
        os.rename(path + ".tmp", path)

    def write_note(self, path=None):
        mark = self.next("n")
        # Names are found too: none holds a mark.
        path = path or os.path.join(self.folder, f"note-{self.made}.md")
        self.save(path, f"# Note\n\n{mark} {self.words(60)}\n\nSee [[note-{self.rng.randrange(1, 80)}]].\n")
        self.notes[path] = mark

    def append_mail(self, number):
        path = os.path.join(self.folder, f"box{number}.mbox")
        mark, held = self.next("m"), self.archives[path]
        # Some answer, some share their Message-ID with others that are not the same.
        name = f"shared{self.rng.randrange(3)}" if self.rng.random() < 0.2 else mark
        answers = f"In-Reply-To: <{held[-1]}@x.org>\n" if held and self.rng.random() < 0.4 else ""
        with open(path, "a") as out:
            out.write(
                f"From p@x.org Thu Jan  1 00:00:00 2024\nFrom: P <p{len(held) % 7}@x.org>\nTo: all@x.org\nSubject: Topic\n"
                f"Date: Thu, 1 Feb 2024 10:{len(held) % 60:02}:00 +0000\nMessage-ID: <{name}@x.org>\n{answers}\n{mark} {self.words(30)}\n\n"
            )
        held.append(mark)

    def change(self):
        for _ in range(self.rng.randrange(1, 6)):
            what, paths = self.rng.randrange(7), sorted(self.notes)
            path = self.rng.choice(paths)
            if what == 0 or len(paths) < 30:
                self.write_note()
            elif what == 1:
                self.write_note(path)
            elif what == 2:
                os.remove(path)
                del self.notes[path]
            elif what == 3:
                copy = os.path.join(self.folder, f"copy-{self.number()}.md")
                shutil.copy(path, copy)
                self.notes[copy] = self.notes[path]
            elif what == 4:
                moved = os.path.join(self.folder, f"moved-{self.number()}.md")
                os.rename(path, moved)
                self.notes[moved] = self.notes.pop(path)
            elif what == 5:
                self.append_mail(self.rng.randrange(3))
            else:
                os.chmod(path, self.rng.choice([0o600, 0o644]))

    def wanted(self):
        return set(self.notes.values()) | {mark for marks in self.archives.values() for mark in marks}

    def all_ever(self):
        return {token(kind, number) for kind in "nm" for number in range(1, self.made + 1)}


class Texts:
    """What was sent over HTTP, and what was acknowledged."""

    def __init__(self):
        self.sent, self.acknowledged, self.lock = 0, {}, threading.Lock()
        self.open = []

    def storm(self, port, ended, clients=6):
        def client():
            connection = None
            while not ended.is_set():
                with self.lock:
                    # Whoever got no answer asks again with the same key.
                    if self.open:
                        number = self.open.pop()
                    else:
                        number = self.sent = self.sent + 1
                headers = {"Content-Type": "application/json", "Idempotency-Key": f"storm-{number}"}
                body = json.dumps({"title": f"Text {number}", "text": f"{token('t', number)} and more words"})
                try:
                    connection = connection or http.client.HTTPConnection("127.0.0.1", port, timeout=20)
                    connection.request("POST", "/ingest/text", body, headers)
                    answer = connection.getresponse()
                    content = answer.read()
                    if answer.status == 202:
                        with self.lock:
                            self.acknowledged[number] = json.loads(content)["document_id"]
                        continue
                    time.sleep(0.02)
                except (OSError, http.client.HTTPException, ValueError):
                    connection = None
                    time.sleep(0.02)
                with self.lock:
                    self.open.append(number)

        threads = [threading.Thread(target=client, daemon=True) for _ in range(clients)]
        for one in threads:
            one.start()
        return threads


class Storm:
    def __init__(self, arguments, folder):
        self.folder, self.rng = folder, random.Random(arguments.seed)
        self.peanut, self.postgres = os.path.abspath(arguments.peanut), arguments.postgres
        self.data = os.path.join(folder, "data")
        self.environment = {**os.environ, "HOME": folder, "PEANUT_MODEL": "static", "PEANUT_LIMIT_PER_ADDRESS": "0"}
        if self.postgres:
            self.environment["POSTGRES_URL"] = self.postgres
        self.tree, self.texts = Tree(os.path.join(folder, "tree"), self.rng), Texts()
        self.kills = self.faults = self.compared = 0

    def command(self, *arguments):
        return [self.peanut, "--data-dir", self.data, *arguments]

    def run(self, *arguments):
        try:
            return subprocess.run(self.command(*arguments), env=self.environment, capture_output=True, text=True, timeout=600)
        except subprocess.TimeoutExpired as late:
            raise Failed(f"{' '.join(arguments)} did not end") from late

    def begin(self):
        done = self.run("ingest", self.tree.folder, "--wait")
        if done.returncode:
            raise Failed(f"the first ingest: {done.stdout} {done.stderr}")
        if not self.postgres:
            database = sqlite3.connect(os.path.join(self.data, "peanut.db"))
            database.execute("INSERT INTO folder VALUES (?, '[]', 1)", (self.tree.folder,))
            database.commit()
            database.close()

    def start(self, before, *arguments):
        return subprocess.Popen(
            before + self.command(*arguments), env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )

    def round(self, before, stop):
        """One process, disturbed, then stopped with a signal. Whether it was still there for it."""
        serving, port = self.rng.random() < 0.5, free_port()
        work = ("serve", "--listen", f"127.0.0.1:{port}") if serving else ("ingest", self.tree.folder, "--wait")
        started = time.time()
        process = self.start(before, *work)
        ended = threading.Event()
        clients = self.texts.storm(port, ended) if serving else []
        until = time.time() + self.rng.uniform(0.02, 2.5)
        self.tree.change()
        while time.time() < until and process.poll() is None:
            time.sleep(0.01)
        was_there = process.poll() is None
        if was_there:
            os.killpg(process.pid, stop)
        try:
            process.wait(HANGS_AFTER)
        except subprocess.TimeoutExpired as late:
            os.killpg(process.pid, signal.SIGKILL)
            # The injected fault may hit what no disk can: the runtime's own wake-up (an eventfd), after which nothing runs.
            if not self.was_runtime_hit(started):
                raise Failed(f"{' '.join(work)} did not end {HANGS_AFTER} s after its signal") from late
        finally:
            ended.set()
            for one in clients:
                one.join()
        return was_there

    def was_runtime_hit(self, since):
        crashes = os.path.join(self.data, "state", "crashes")
        paths = [os.path.join(crashes, name) for name in (os.listdir(crashes) if os.path.isdir(crashes) else [])]
        texts = [open(path, encoding="utf-8", errors="replace").read() for path in paths if os.path.getmtime(path) >= since]
        return any("failed to wake I/O driver" in text for text in texts)

    def kill(self):
        # One that was through by itself was not killed.
        while not self.round([], signal.SIGKILL):
            pass
        self.kills += 1

    def fault(self):
        self.faults += 1
        name, errors, (least, most) = self.rng.choice(FAULTS)
        control = f"enable_random name={name},probability={self.rng.uniform(least, most):.5f},failinfo={self.rng.choice(errors)}"
        self.round(["fiu-run", "-x", "-c", control], signal.SIGTERM)

    def compare(self, is_last):
        """All at rest: what is there is found once, what is gone is not, and the store says that it is sound."""
        done = self.run("ingest", self.tree.folder, "--wait")
        if done.returncode:
            raise Failed(f"a calm ingest ends with {done.returncode}: {done.stdout[-500:]} {done.stderr[-1500:]}")
        checked = self.run("check", "--drain", "--json")
        if checked.returncode or not json.loads(checked.stdout)["sound"]:
            raise Failed(f"check: {checked.stdout[-3000:]} {checked.stderr[-500:]}")
        port = free_port()
        server = self.start([], "serve", "--listen", f"127.0.0.1:{port}")
        try:
            # Of the texts that were compared before some are asked for again, and all of them at the end.
            earlier = range(1, self.compared + 1)
            again = earlier if is_last else self.rng.sample(earlier, min(500, self.compared))
            numbers = [*again, *range(self.compared + 1, self.texts.sent + 1)]
            found = self.search_all(port, numbers)
        finally:
            server.terminate()
            server.wait(HANGS_AFTER)
        wanted = self.tree.wanted()
        problems = [f"{mark} is found {found.get(mark, 0)} times" for mark in sorted(wanted) if found.get(mark, 0) != 1]
        problems += [f"{mark} is gone and found" for mark in sorted(self.tree.all_ever() - wanted) if found.get(mark, 0)]
        for number in numbers:
            times = found.get(token("t", number), 0)
            if times > 1 or (times == 0 and number in self.texts.acknowledged):
                known = "acknowledged" if number in self.texts.acknowledged else "not acknowledged"
                problems.append(f"text {number} ({known}) is found {times} times")
        if problems:
            raise Failed(f"{len(problems)} things are not found as they lie there: {problems[:20]}")
        self.compared = self.texts.sent
        return len(wanted)

    def search_all(self, port, numbers):
        connection, found = None, {}
        marks = sorted(self.tree.all_ever()) + [token("t", number) for number in numbers]
        for mark in marks:
            for _ in range(400):
                try:
                    connection = connection or http.client.HTTPConnection("127.0.0.1", port, timeout=30)
                    body = json.dumps({"query": mark, "mode": "words", "limit": 10})
                    connection.request("POST", "/search", body, {"Content-Type": "application/json"})
                    answer = connection.getresponse()
                    content = answer.read()
                    if answer.status == 200:
                        break
                except (OSError, http.client.HTTPException):
                    connection = None
                time.sleep(0.05)
            else:
                raise Failed("the server answers no search")
            found[mark] = len({hit["document_id"] for hit in json.loads(content)["hits"]})
        return found


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peanut", default="target/release/peanut")
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--faults", type=int, default=300)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    parser.add_argument("--postgres")
    parser.add_argument("--folder")
    arguments = parser.parse_args()
    has_faults = shutil.which("fiu-run") is not None
    print(f"seed {arguments.seed}, {arguments.kills} kills, {arguments.faults if has_faults else 0} fault runs", flush=True)
    folder = arguments.folder or tempfile.mkdtemp(prefix="peanut-storm-")
    storm = Storm(arguments, folder)
    rounds = [storm.kill] * arguments.kills + [storm.fault] * (arguments.faults if has_faults else 0)
    storm.rng.shuffle(rounds)
    number, began = 0, time.time()
    try:
        storm.begin()
        for number, one in enumerate(rounds, 1):
            one()
            if number % CHECK_EVERY == 0 or number == len(rounds):
                held = storm.compare(number == len(rounds))
                print(
                    f"round {number}: {storm.kills} kills and {storm.faults} fault runs, "
                    f"{held} marks and {len(storm.texts.acknowledged)} texts found, sound, {time.time() - began:.0f} s", flush=True)
    except Failed as failed:
        print(f"FAILED in round {number} (seed {arguments.seed}, {folder} is kept): {failed}")
        sys.exit(1)
    if not arguments.folder:
        shutil.rmtree(folder)
    lacking = "" if has_faults or not arguments.faults else "; NO FAULT RUNS: fiu-run is not installed (Debian: fiu-utils)"
    print(f"lost 0, doubled 0, sound: {storm.kills} kills, {storm.faults} fault runs, {len(storm.texts.acknowledged)} texts{lacking}")


if __name__ == "__main__":
    main()
