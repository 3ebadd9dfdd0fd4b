"""DuckDB as a peer of the ingest benchmark: python duckdb_ingest.py DATABASE ROWS ROWS_A_COMMIT

Commits INSERT ... VALUES texts from one client and prints the rows per second, the version before it.
"""
import random
import sys
import time

import duckdb

path, rows, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
connection = duckdb.connect(path)
connection.execute(
    "CREATE TABLE t (id BIGINT PRIMARY KEY, k INTEGER, v INTEGER, s VARCHAR, x DOUBLE)")
source = random.Random(1)
texts = []
for first in range(0, rows, size):
    values = ", ".join(
        "(%d, %d, %d, 'customer %d', %.2f)" % (
            key, source.randrange(1000), source.randrange(1_000_000),
            source.randrange(200_000), source.randrange(100_000) / 100)
        for key in range(first, min(first + size, rows)))
    texts.append("INSERT INTO t VALUES " + values)
start = time.perf_counter()
for text in texts:
    connection.execute(text)
seconds = time.perf_counter() - start
print(duckdb.__version__, rows / seconds)
