"""100 texts a second for SECONDS; writes every acknowledged id to FILE, then `held` compares FILE with a SQLite store.

python3 tests/tools/load_ingest.py send 127.0.0.1:8000 60 FILE; kill -9 PID
python3 tests/tools/load_ingest.py held FILE DATA_DIR/peanut.db
"""

import http.client
import json
import random
import sqlite3
import sys
import threading
import time
import uuid

RATE = 100
CLIENTS = 32


def send(host, seconds, file):
    total, start = RATE * seconds, time.time() + 0.5
    lock, numbers, acknowledged, errors, taken = threading.Lock(), iter(range(total)), [], [], []
    words = ["".join(random.choice("bdfgklmnprst") + random.choice("aeiou") for _ in range(3)) for _ in range(5000)]

    def client():
        connection = http.client.HTTPConnection(host, timeout=60)
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            time.sleep(max(0, start + number / RATE - time.time()))
            text = f"text {number} " + " ".join(random.choices(words, k=100))
            headers = {"Content-Type": "application/json", "Idempotency-Key": f"load-{number}"}
            asked = time.time()
            try:
                connection.request("POST", "/ingest/text", json.dumps({"title": f"load {number}", "text": text}), headers)
                answer = connection.getresponse()
                body = answer.read()
                with lock:
                    if answer.status == 202:
                        acknowledged.append(json.loads(body)["document_id"])
                        taken.append(time.time() - asked)
                    else:
                        errors.append((answer.status, body[:200]))
            except (OSError, http.client.HTTPException) as error:
                with lock:
                    errors.append(error)
                connection = http.client.HTTPConnection(host, timeout=60)

    clients = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for one in clients:
        one.start()
    for one in clients:
        one.join()
    with open(file, "w") as out:
        out.writelines(line + "\n" for line in acknowledged)
    taken.sort()
    print(f"{len(acknowledged)} of {total} acknowledged in {time.time() - start:.1f} s, {len(errors)} errors {errors[:3]}")
    print(f"p50 {taken[len(taken) // 2] * 1000:.0f} ms, p99 {taken[len(taken) * 99 // 100] * 1000:.0f} ms")


def held(file, store):
    database = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
    ids = {row[0] for row in database.execute("SELECT id FROM document WHERE deleted_at IS NULL")}
    wanted = [uuid.UUID(line.strip()).bytes for line in open(file)]
    missing = sum(one not in ids for one in wanted)
    print(f"{len(wanted)} acknowledged, {missing} missing; {database.execute('PRAGMA integrity_check').fetchone()[0]}")
    sys.exit(missing > 0)


if sys.argv[1:2] == ["send"]:
    send(sys.argv[2], int(sys.argv[3]), sys.argv[4])
elif sys.argv[1:2] == ["held"]:
    held(sys.argv[2], sys.argv[3])
else:
    sys.exit(__doc__)
