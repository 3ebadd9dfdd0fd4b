"""DuckDB as a peer: python duckdb_peer.py ssb|tpch DATABASE [--sorted]"""
import importlib
import os
import sys

import duckdb

import peer

TYPES = {
    "int": "INTEGER", "money": "DECIMAL(15, 2)", "date": "DATE", "text": "VARCHAR",
    "word": "VARCHAR"}


class DuckDB:
    def __init__(self, suite, path, is_sorted):
        self.suite = importlib.import_module(suite + "_tables")
        self.path = path
        self.is_sorted = is_sorted
        self.connection = duckdb.connect(path)

    def version(self):
        return duckdb.__version__

    def load(self, directory):
        rows = 0
        for table in self.suite.TABLES:
            columns = ", ".join(
                "%s %s NOT NULL" % (name, TYPES[kind]) for name, kind in self.suite.COLUMNS[table])
            sorts = self.is_sorted and table == self.suite.FACT
            target = "unsorted" if sorts else table
            self.connection.execute("CREATE %s TABLE %s (%s)" % (
                "TEMP" if sorts else "", target, columns))
            path = os.path.join(directory, self.suite.file_name(table))
            self.connection.execute(
                "COPY %s FROM '%s' (FORMAT csv, DELIMITER '|', HEADER false)" % (target, path))
            if sorts:
                self.connection.execute("CREATE TABLE %s (%s)" % (table, columns))
                self.connection.execute(
                    "INSERT INTO %s SELECT * FROM unsorted ORDER BY %s"
                    % (table, self.suite.SORT_KEY))
                self.connection.execute("DROP TABLE unsorted")
            count = self.connection.execute("SELECT count(*) FROM " + table).fetchone()[0]
            if table == self.suite.FACT:
                rows = count
        self.connection.execute("CHECKPOINT")
        return {"rows": rows, "byteCount": peer.directory_bytes(self.path)}

    def set_threads(self, count):
        self.connection.execute("SET threads = %d" % count)

    def query(self, sql):
        return self.connection.execute(sql).fetchall()

    def close(self):
        self.connection.close()


peer.serve(DuckDB(sys.argv[1], sys.argv[2], "--sorted" in sys.argv[3:]))
