"""What the OpenSSH client runs to ask a question: hands it to the app through a socket and prints the answer.

Run by path, alone, with nothing of the package imported: the answer goes from the app to ssh and nowhere else.
"""

from __future__ import annotations

import json
import os
import socket
import sys

VARIABLE = "WEBSIGHT_TUI_ASKPASS"


def main() -> int:
    question = {"prompt": " ".join(sys.argv[1:]), "kind": os.environ.get("SSH_ASKPASS_PROMPT", "")}
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.connect(os.environ[VARIABLE])
        line.sendall(json.dumps(question).encode() + b"\n")
        reply = json.loads(line.makefile("rb").readline() or b"null")
    if reply is None:
        return 1
    sys.stdout.write(reply + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
