#!/usr/bin/env python3
"""Compares random queries over random tables with DuckDB.

usage: random_queries.py STOA [--queries N] [--seed S] [--show N]

One `stoa` shell and one DuckDB get the same tables and the same queries: joins of all kinds, subqueries
in every place, grouping sets, windows with all frames, set operations, recursion. Every 200 queries there
are new tables, and other settings of Stoa (threads, batches, spilling, rules switched off, rows flushed).
A query whose answers differ is made as small as it can be while they still differ, and printed with
the tables it needs; the seed makes all of it again. Exits with 1 if anything differed.

What design.md, section 5, means differently from DuckDB is not generated: division by zero, overflow,
casts that fail. DuckDB is set to integer division and Stoa's order of NULLs. Doubles are compared to nine
digits; they are multiples of 1/4, so that sums are exact. Needs the `duckdb` package of PyPI.
"""
import argparse
import csv
import datetime
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from decimal import Decimal

import duckdb

from random_query_grammar import Grammar, Schema, minimised, text

DUCKDB_SETTINGS = [
    "SET integer_division = true",
    "SET default_null_order = 'nulls_last_on_asc_first_on_desc'",
    "SET threads = 1",
    "SET timezone = 'UTC'",
]
RULES = (
    "constant_folding cast_simplification boolean_simplification projection_merging outer_join_simplification "
    "mark_join_simplification transitive_predicates predicate_pushdown anti_join_detection semi_join_pushdown "
    "column_pruning join_elimination join_order distinct_removal group_key_reduction distinct_aggregation "
    "sort_removal limit_pushdown semi_join_reduction common_subexpressions top_n window_top_n chunk_aggregates "
    "range_joins"
).split()
MARK = "end of the answer"


class Shell:
    """A `stoa` shell that stays, in a warehouse of its own."""

    def __init__(self, program):
        self.program = program
        self.folder = tempfile.mkdtemp(prefix="stoa-random-")
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [self.program, self.folder + "/w", "--no-bail", "--mode", "csv", "--null-value", "\\N"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1,
        )

    def run(self, sql):
        """Rows, or a text: the error."""
        self.process.stdin.write(f"{sql};\nSELECT '{MARK}' AS mark;\n")
        self.process.stdin.flush()
        lines = []
        while True:
            line = self.process.stdout.readline()
            if line == "":
                raise EOFError(f"the shell ended with {self.process.wait()}: {''.join(lines)}")
            if line.rstrip("\n") == MARK:
                break
            lines.append(line.rstrip("\n"))
        lines = lines[:-1]  # the header of the mark
        if lines and any(line.startswith("Error: ") for line in lines):
            return "\n".join(lines)
        return [row or [""] for row in csv.reader(lines)][1:]

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def same(value, got):
    """Whether DuckDB's value is what Stoa wrote."""
    if value is None or got == "\\N":
        return value is None and got == "\\N"
    try:
        if isinstance(value, bool):
            return got == ("true" if value else "false")
        if isinstance(value, float):
            number = float(got)
            return value == number or abs(value - number) <= 1e-9 * max(abs(value), abs(number), 1e-3) or value != value and number != number
        if isinstance(value, (int, Decimal)):
            if "e" in got or abs(Decimal(got) - value) > Decimal("1e-30"):
                return abs(float(got) - float(value)) <= 1e-9 * max(abs(float(value)), 1e-3) and "." in got
            return True
    except ValueError:
        return False
    return str(value) == got


def key(value, got=False):
    """By which rows of both sides sort alike."""
    if value is None or value == "\\N" and got:
        return "\\N"
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, (datetime.date, datetime.datetime)):
        try:
            return f"{float(value) + 0.0:.7g}".replace("-0", "0") if float(value) == 0 else f"{float(value):.7g}"
        except ValueError:
            pass
    return str(value)


def difference(wanted, got, ordered):
    """`None`, or what differs."""
    if isinstance(got, str) or isinstance(wanted, str):
        if isinstance(got, str) and isinstance(wanted, str):
            return None
        return f"only one fails\n  duckdb: {short(wanted)}\n  stoa: {short(got)}"
    if not ordered:
        wanted = sorted(wanted, key=lambda row: [key(value) for value in row])
        got = sorted(got, key=lambda row: [key(value, True) for value in row])
    if len(wanted) == len(got) and all(
        len(a) == len(b) and all(same(x, y) for x, y in zip(a, b)) for a, b in zip(wanted, got)
    ):
        return None
    return f"rows differ ({len(wanted)}, {len(got)})\n  duckdb: {short(wanted)}\n  stoa: {short(got)}"


def kind(found):
    """What stays the same of a difference while its query is made smaller."""
    return re.sub(r'"[^"]*"|\d+', "", found.split("Error:")[1].split("\n")[0]) if "Error:" in found else found.split(" ")[0]


def short(answer):
    if isinstance(answer, str):
        return answer.strip()[:300]
    return str([tuple(str(value) for value in row) for row in answer])[:600]


class Comparison:
    def __init__(self, program, seed):
        self.random = random.Random(seed)
        self.shell = Shell(program)
        self.failing = Counter()
        self.counts = Counter()

    def answers(self, sql):
        watch = threading.Timer(20, self.duckdb.interrupt)
        watch.start()
        try:
            wanted = [tuple(row) for row in self.duckdb.execute(sql).fetchall()]
        except duckdb.Error as error:
            wanted = str(error)
        finally:
            watch.cancel()
        return wanted, self.shell.run(sql)

    def prepare(self):
        """New tables in both, and settings."""
        self.schema = Schema(self.random)
        self.duckdb = duckdb.connect()
        for setting in DUCKDB_SETTINGS:
            self.duckdb.execute(setting)
        for sql in self.schema.statements:
            bare = sql.split(" ORDER BY ")[0] if sql.startswith("CREATE TABLE") else sql
            self.duckdb.execute(bare)
        self.settings = ["RESET ALL", "SET statement_timeout = 20000"]
        self.settings += ["DROP TABLE IF EXISTS " + table.name for table in self.schema.tables]
        self.settings += self.schema.statements
        if self.random.random() < 0.5:
            self.settings += ["COMPACT " + table.name for table in self.schema.tables]
        pick = self.random.random()
        if pick < 0.25:
            self.settings.append("SET batch_size = 3")
        if 0.2 < pick < 0.45:
            self.settings.append("SET spill_always = true")
        if 0.4 < pick < 0.5:
            self.settings.append("SET optimizer = false")
        if 0.5 < pick < 0.8:
            self.settings.append(f"SET disabled_rules = '{self.random.choice(RULES)}'")
        if self.random.random() < 0.3:
            self.settings.append("SET threads = 1")
        for sql in self.settings:
            answer = self.shell.run(sql)
            if isinstance(answer, str):
                raise SystemExit(f"{sql}: {answer}")

    def compare(self, query):
        sql = text(query.root)
        wanted, got = self.answers(sql)
        self.counts["queries"] += 1
        if isinstance(wanted, str):
            self.counts["errors of DuckDB"] += 1
            self.failing["duckdb: " + wanted.split("\n")[0][:110]] += 1
        if isinstance(got, str):
            self.failing["stoa: " + got.split("\n")[0][:110]] += 1
        found = difference(wanted, got, query.ordered)
        if found and isinstance(wanted, str):
            self.counts["refused by DuckDB only"] += 1
            return None
        return found

    def report(self, query, found):
        def differs(root):
            wanted, got = self.answers(text(root))
            again = difference(wanted, got, query.ordered)
            return again is not None and not isinstance(wanted, str) and kind(again) == kind(found)

        smaller = minimised(query.root, differs)
        sql = text(smaller)
        wanted, got = self.answers(sql)
        print(f"\nDIFFERENCE: {sql}\n{difference(wanted, got, query.ordered)}")
        print("settings: " + "; ".join(s for s in self.settings if s.startswith(("SET", "COMPACT"))))
        for statement in self.schema.statements:
            if any(f" {t.name} " in statement and t.name in sql for t in self.schema.tables) and len(statement) < 1200:
                print("  " + statement + ";")
        sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("stoa")
    parser.add_argument("--queries", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=10, help="differences to print before giving up")
    options = parser.parse_args()
    comparison = Comparison(options.stoa, options.seed)
    differences = 0
    query = None
    try:
        for number in range(options.queries):
            if number % 200 == 0:
                comparison.prepare()
            query = Grammar(comparison.random, comparison.schema).query()
            found = comparison.compare(query)
            if found:
                differences += 1
                comparison.report(query, found)
                if differences >= options.show:
                    break
    except EOFError as error:
        differences += 1
        print(f"\nENDED: {error}\n{text(query.root)}\nsettings: {'; '.join(comparison.settings)[:3000]}")
    comparison.shell.close()
    print(f"seed {options.seed}: {dict(comparison.counts)}, {differences} differences")
    for message, count in comparison.failing.most_common(12):
        print(f"  {count} × {message}")
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main()
