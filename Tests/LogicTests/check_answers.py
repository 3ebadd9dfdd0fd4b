#!/usr/bin/env python3
"""Checks the expectations of logic tests against DuckDB, which had no part in writing them.

usage: check_answers.py [--fill] FILE.slt …

Runs every step in DuckDB, set to Stoa's meaning where it has a setting for it (integer division, order of
NULLs). Steps under `skipif duckdb` are left out: there the two mean different things on purpose, and a
comment in the file says why. With --fill, a query written as `query ?` gets its types and rows from
DuckDB, to be reviewed like code. Needs the `duckdb` package of PyPI.
"""
import re
import sys

import duckdb

SETTINGS = [
    "SET integer_division = true",
    "SET default_null_order = 'nulls_last_on_asc_first_on_desc'",
    "SET threads = 1",
    "SET timezone = 'UTC'",
]
LETTERS = [
    (r"U?TINYINT|U?SMALLINT|U?INTEGER|U?BIGINT|HUGEINT", "I"),
    (r"DECIMAL|DOUBLE|FLOAT", "R"),
    (r"BOOLEAN", "B"),
    (r"DATE|TIMESTAMP", "D"),
]


def letter(kind):
    for pattern, result in LETTERS:
        if re.match(pattern, str(kind)):
            return result
    return "T"


def execute(connection, sql):
    if sql.upper().startswith("CREATE TABLE"):  # sort keys and encodings are Stoa's own
        sql = re.sub(r"\)\s*(ORDER BY|ENCODING)\s*\(.*$", ")", sql, flags=re.S)
    connection.execute(sql).fetchall()


def returned(connection, sql):
    """Rows of RETURNING, which can be no subquery; numbers and short texts only."""
    cursor = connection.execute(sql)
    types = "".join(letter(column[1]) for column in cursor.description)
    text = lambda value: "NULL" if value is None else str(value) if value != "" else "(empty)"
    return types, ["\t".join(text(value) for value in row) for row in cursor.fetchall()]


def query(connection, sql):
    if re.match(r"\s*(INSERT|UPDATE|DELETE|MERGE)\b", sql, re.I):
        return returned(connection, sql)
    relation = connection.sql(sql)
    types = "".join(letter(kind) for kind in relation.types)
    names = [f"c{i}" for i in range(len(relation.columns))]
    body = sql.strip().rstrip(";")
    wrapped = ", ".join(f"CAST({name} AS VARCHAR)" for name in names)
    rows = connection.sql(f"SELECT {wrapped} FROM ({body}) t({', '.join(names)})").fetchall()
    text = lambda value: "NULL" if value is None else value if value != "" else "(empty)"
    for index, kind in enumerate(relation.types):
        if str(kind) == "INTERVAL":  # written as PostgreSQL does
            rows = [row[:index] + (postgres_interval(row[index]),) + row[index + 1 :] for row in rows]
    return types, ["\t".join(text(value) for value in row) for row in rows]


def postgres_interval(value):
    """`1 year 2 months -3 days 04:00:00` as `1 year 2 mons -3 days +04:00:00`."""
    if value is None:
        return None
    words, result, negative = value.split(" "), [], False
    while words:
        number = words.pop(0)
        unit = words.pop(0) if ":" not in number else ""
        if negative and not number.startswith("-"):
            number = "+" + number
        negative = number.startswith("-")
        unit = unit.rstrip("s").replace("month", "mon") + ("" if number in ("1", "+1") or not unit else "s")
        result.append(f"{number} {unit}".strip())
    return " ".join(result)


def blocks(lines):
    """Yields (first line, last line + 1) of each paragraph."""
    start = None
    for number, line in enumerate(lines + [""]):
        if line.strip() and start is None:
            start = number
        elif not line.strip() and start is not None:
            yield start, number
            start = None


def check(path, fill):
    lines = open(path, encoding="utf-8").read().split("\n")
    connection = duckdb.connect()
    for setting in SETTINGS:
        connection.execute(setting)
    output, failures, last, variables = [], 0, 0, []
    for start, end in blocks(lines):
        output += lines[last:start]
        block, last = lines[start:end], end
        at = 0
        while at < len(block) and block[at].startswith("#"):
            at += 1
        body, skipped = block[at:], False
        while body and body[0].split()[0] in ("skipif", "onlyif"):
            word, *names = body[0].split()
            skipped |= ("duckdb" in names) == (word == "skipif")
            body = body[1:]
        if not body or skipped or "${" in "\n".join(body):
            output += block
            continue
        head = body[0].split()
        if head[0] == "halt":
            output += block + lines[end:]
            last = len(lines)
            break
        if head[0] == "statement":
            try:
                execute(connection, "\n".join(body[1:]))
                problem = None if head[1] == "ok" else "no error in DuckDB"
            except duckdb.Error as error:
                problem = str(error).split("\n")[0] if head[1] == "ok" else None
            if problem:
                failures += 1
                print(f"{path}:{start + at + 1}: {problem}: {' '.join(body[1:])}")
        elif head[0] == "query":
            split = body.index("----") if "----" in body else len(body)
            try:
                types, rows = query(connection, "\n".join(body[1:split]))
            except duckdb.Error as error:
                failures += 1
                print(f"{path}:{start + at + 1}: {str(error).splitlines()[0]}: {' '.join(body[1:split])}")
                output += block
                continue
            order = head[2] if len(head) > 2 else "nosort"
            if order == "rowsort":
                rows.sort()
            if head[1] == "?" and fill:
                block = block[: len(block) - len(body)]
                block += [" ".join(["query", types] + head[2:])] + body[1:split] + ["----"] + rows
            else:
                expected = body[split + 1 :]
                expected = sorted(expected) if order == "rowsort" else expected
                if "values hashing to" not in "".join(expected[:1]) and (types, rows) != (head[1], expected):
                    failures += 1
                    print(f"{path}:{start + at + 1}: DuckDB gives {types} {rows}, the file {head[1]} {expected}")
        output += block
    if fill:
        open(path, "w", encoding="utf-8").write("\n".join(output + lines[last:]))
    return failures


if __name__ == "__main__":
    arguments = sys.argv[1:]
    fill = "--fill" in arguments
    failures = sum(check(path, fill) for path in arguments if path != "--fill")
    print(f"{failures} differences")
    sys.exit(1 if failures else 0)
