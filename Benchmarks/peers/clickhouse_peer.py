"""ClickHouse, embedded as chdb, as a peer: python clickhouse_peer.py DIRECTORY"""
import json
import os
import sys

import chdb
from chdb import session

import peer

TYPES = {"int": "Int32", "text": "String", "word": "LowCardinality(String)"}
KEYS = {
    "customer": "c_custkey", "supplier": "s_suppkey", "part": "p_partkey", "dates": "d_datekey",
    "lineorder": "lo_orderdate, lo_orderkey"}


class ClickHouse:
    def __init__(self, path):
        self.path = path
        self.session = session.Session(path)
        self.session.query("CREATE DATABASE IF NOT EXISTS ssb ENGINE = Atomic")
        self.session.query("USE ssb")

    def version(self):
        return chdb.__version__

    def load(self, directory):
        for table in peer.TABLES:
            columns = ", ".join(
                "%s %s" % (name, TYPES[kind]) for name, kind in peer.COLUMNS[table])
            self.session.query(
                "CREATE TABLE %s (%s) ENGINE = MergeTree ORDER BY (%s)"
                % (table, columns, KEYS[table]))
            path = os.path.abspath(os.path.join(directory, peer.file_name(table)))
            plain = ", ".join(
                "%s %s" % (name, "Int32" if kind == "int" else "String")
                for name, kind in peer.COLUMNS[table])
            self.session.query(
                "INSERT INTO %s SELECT * FROM file('%s', 'CSV', '%s') "
                "SETTINGS format_csv_delimiter = '|'" % (table, path, plain))
            self.session.query("OPTIMIZE TABLE %s FINAL" % table)
        rows = self.query("SELECT count() FROM lineorder")[0][0]
        size = self.query(
            "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'ssb'")[0][0]
        return {"rows": int(rows), "byteCount": int(size)}

    def set_threads(self, count):
        self.session.query("SET max_threads = %d" % count)

    def query(self, sql):
        answer = self.session.query(sql, "JSONCompactEachRow")
        text = answer.bytes().decode() if hasattr(answer, "bytes") else str(answer)
        return [json.loads(line) for line in text.splitlines() if line]

    def close(self):
        self.session.close()


peer.serve(ClickHouse(sys.argv[1]))
