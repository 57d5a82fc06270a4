"""Runs in an environment of its own: PyPI pymerkle reads entries from standard input and says in JSON the root of every size of their tree."""

import json
import sys

from pymerkle import InmemoryTree

tree = InmemoryTree(algorithm="sha256")
told = json.load(sys.stdin)
tree.append_entries([bytes.fromhex(entry) for entry in told["entries"]])
print(json.dumps([tree.get_root(size).hex() for size in range(len(told["entries"]) + 1)]))
