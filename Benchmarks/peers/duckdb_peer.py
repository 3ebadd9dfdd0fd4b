"""DuckDB as a peer: python duckdb_peer.py DATABASE [--sorted]"""
import os
import sys

import duckdb

import peer

TYPES = {"int": "INTEGER", "text": "VARCHAR", "word": "VARCHAR"}


class DuckDB:
    def __init__(self, path, is_sorted):
        self.path = path
        self.is_sorted = is_sorted
        self.connection = duckdb.connect(path)

    def version(self):
        return duckdb.__version__

    def load(self, directory):
        rows = 0
        for table in peer.TABLES:
            columns = ", ".join(
                "%s %s NOT NULL" % (name, TYPES[kind]) for name, kind in peer.COLUMNS[table])
            sorts = self.is_sorted and table == "lineorder"
            target = "unsorted" if sorts else table
            self.connection.execute("CREATE %s TABLE %s (%s)" % (
                "TEMP" if sorts else "", target, columns))
            path = os.path.join(directory, peer.file_name(table))
            self.connection.execute(
                "COPY %s FROM '%s' (FORMAT csv, DELIMITER '|', HEADER false)" % (target, path))
            if sorts:
                self.connection.execute("CREATE TABLE lineorder (%s)" % columns)
                self.connection.execute(
                    "INSERT INTO lineorder SELECT * FROM unsorted ORDER BY lo_orderdate, lo_orderkey")
                self.connection.execute("DROP TABLE unsorted")
            count = self.connection.execute("SELECT count(*) FROM " + table).fetchone()[0]
            if table == "lineorder":
                rows = count
        self.connection.execute("CHECKPOINT")
        return {"rows": rows, "byteCount": peer.directory_bytes(self.path)}

    def set_threads(self, count):
        self.connection.execute("SET threads = %d" % count)

    def query(self, sql):
        return self.connection.execute(sql).fetchall()

    def close(self):
        self.connection.close()


peer.serve(DuckDB(sys.argv[1], "--sorted" in sys.argv[2:]))
