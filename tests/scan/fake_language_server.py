"""A language server that does as its argument says, for the edges of the protocol.

    python fake_language_server.py BEHAVIOUR [FILE]

To FILE goes, line by line, its process id and what it is told.
"""

import json
import os
import sys
import time

BEHAVIOUR = sys.argv[1]
LOG = sys.argv[2] if len(sys.argv) > 2 else os.devnull


def note(text):
    with open(LOG, "a", encoding="utf-8") as log:
        log.write(f"{text}\n")


def read():
    length = 0
    while line := sys.stdin.buffer.readline().strip():
        name, _, value = line.partition(b":")
        if name == b"Content-Length":
            length = int(value)
    return json.loads(sys.stdin.buffer.read(length)) if length else sys.exit()


def send(**message):
    data = json.dumps({"jsonrpc": "2.0", **message}).encode()
    write(b"Content-Length: %d\r\n\r\n%b" % (len(data), data))


def write(data):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def place(uri, line, character):
    end = {"line": line, "character": character + 1}
    return {"uri": uri, "range": {"start": {"line": line, "character": character}, "end": end}}


def answer(message):
    uri = message["params"]["textDocument"]["uri"]
    position = message["params"]["position"]
    if BEHAVIOUR == "dies":
        sys.exit(1)
    if BEHAVIOUR == "hangs":
        time.sleep(600)
    if BEHAVIOUR == "garbage":
        write(b"Traceback (most recent call last):\n")
    if BEHAVIOUR == "endless-header":
        write(b"x" * 100_000)
    if BEHAVIOUR == "no-length":
        write(b"Content-Type: json\r\n\r\n{}")
    if BEHAVIOUR == "huge":
        write(b"Content-Length: 99999999999\r\n\r\n{")
    if BEHAVIOUR == "no-json":
        write(b"Content-Length: 4\r\n\r\n{oh}")
    if BEHAVIOUR == "no-object":
        write(b"Content-Length: 2\r\n\r\n[]")
    if BEHAVIOUR == "half":
        write(b"Content-Length: 400\r\n\r\n{")
        sys.exit()
    if BEHAVIOUR == "refuses":
        send(id=message["id"], error={"code": -32601, "message": "no such method"})
    elif BEHAVIOUR == "odd-places":
        odd = [7, None, {}, {"uri": "untitled:x"}, {"uri": uri, "range": {"start": {"line": "x"}}}]
        send(id=message["id"], result=[*odd, place("ty:/builtins.pyi", 1, 1), place(uri, 4, 2)])
    elif BEHAVIOUR == "links":
        target = place(uri, 1, 2)["range"]
        send(id=message["id"], result=[{"targetUri": uri, "targetSelectionRange": target}])
    else:
        send(method="window/logMessage", params={"message": "news"})
        send(id=9_999, result="an answer to nobody")
        send(id=message["id"], result=place(uri, position["line"], position["character"]))


if BEHAVIOUR == "deaf":
    note(os.getpid())
    time.sleep(600)
note(os.getpid())
while True:
    message = read()
    note(json.dumps(message))
    if message.get("method") == "initialize":
        encoding = {"positionEncoding": "utf-8"} if BEHAVIOUR == "utf-8" else {}
        result = "hello" if BEHAVIOUR == "no-server" else {"capabilities": encoding}
        send(id=message["id"], result=result)
    elif message.get("method") == "initialized":
        items = [{"section": "known"}, {"section": "other"}]
        send(id="a", method="workspace/configuration", params={"items": items})
        send(id="b", method="window/workDoneProgress/create", params={})
    elif message.get("method", "").startswith("textDocument/") and "id" in message:
        answer(message)
