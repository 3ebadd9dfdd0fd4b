"""ClickHouse, embedded as chdb, as a peer: python clickhouse_peer.py ssb|tpch DIRECTORY"""
import importlib
import json
import os
import sys

import chdb
from chdb import session

import peer

TYPES = {
    "int": "Int32", "money": "Decimal(15, 2)", "date": "Date", "text": "String",
    "word": "LowCardinality(String)"}


class ClickHouse:
    def __init__(self, suite, path):
        self.suite = importlib.import_module(suite + "_tables")
        self.path = path
        self.session = session.Session(path)
        self.session.query("CREATE DATABASE IF NOT EXISTS bench ENGINE = Atomic")
        self.session.query("USE bench")

    def version(self):
        return chdb.__version__

    def load(self, directory):
        for table in self.suite.TABLES:
            columns = ", ".join(
                "%s %s" % (name, TYPES[kind]) for name, kind in self.suite.COLUMNS[table])
            self.session.query(
                "CREATE TABLE %s (%s) ENGINE = MergeTree ORDER BY (%s)"
                % (table, columns, self.suite.KEYS[table]))
            path = os.path.abspath(os.path.join(directory, self.suite.file_name(table)))
            plain = ", ".join(
                "%s %s" % (name, "String" if kind == "word" else TYPES[kind])
                for name, kind in self.suite.COLUMNS[table])
            self.session.query(
                "INSERT INTO %s SELECT * FROM file('%s', 'CSV', '%s') "
                "SETTINGS format_csv_delimiter = '|'" % (table, path, plain))
            self.session.query("OPTIMIZE TABLE %s FINAL" % table)
        rows = self.query("SELECT count() FROM " + self.suite.FACT)[0][0]
        size = self.query(
            "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'bench'")[0][0]
        return {"rows": int(rows), "byteCount": int(size)}

    def set_threads(self, count):
        self.session.query("SET max_threads = %d" % count)

    def query(self, sql):
        answer = self.session.query(sql, "JSONCompactEachRow")
        text = answer.bytes().decode() if hasattr(answer, "bytes") else str(answer)
        return [json.loads(line) for line in text.splitlines() if line]

    def close(self):
        self.session.close()


peer.serve(ClickHouse(sys.argv[1], sys.argv[2]))
