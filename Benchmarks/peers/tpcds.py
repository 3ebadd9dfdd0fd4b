"""The 99 queries of TPC-DS in Stoa, answers compared with DuckDB's.

  python Benchmarks/peers/tpcds.py [--scale 0.01] [--stoa .build/release/stoa] [--directory .build/bench]
                                   [--queries 1,2] [--set "NAME = VALUE"]… [--timeout 60] [--verbose]

Data and query texts come from the tpcds extension of the Python's DuckDB: its newer wheels download it, that of version 1.0.0
has it built in (python -m pip install duckdb==1.0.0). Tables are declared with their primary keys, as the
specification has them, loaded from CSV, and kept for the next run. Two rows agree when texts are equal and numbers
agree to 1e-9; order counts only as far as ORDER BY fixes it, so rows are compared as sets, and where LIMIT cuts
among ties, so that either answer is right, by the ORDER BY columns alone (queries listed in TIES).
"""
import argparse
import csv
import io
import json
import os
import resource
import subprocess
import sys
import time

import duckdb

# ORDER BY leaves open which rows come before LIMIT: only the numbers of rows are compared.
TIES = set()

KEYS = {
    "call_center": "cc_call_center_sk", "catalog_page": "cp_catalog_page_sk",
    "catalog_returns": "cr_item_sk, cr_order_number",
    "catalog_sales": "cs_item_sk, cs_order_number", "customer": "c_customer_sk",
    "customer_address": "ca_address_sk", "customer_demographics": "cd_demo_sk",
    "date_dim": "d_date_sk", "household_demographics": "hd_demo_sk",
    "income_band": "ib_income_band_sk", "inventory": "inv_date_sk, inv_item_sk, inv_warehouse_sk",
    "item": "i_item_sk", "promotion": "p_promo_sk", "reason": "r_reason_sk",
    "ship_mode": "sm_ship_mode_sk", "store": "s_store_sk",
    "store_returns": "sr_item_sk, sr_ticket_number", "store_sales": "ss_item_sk, ss_ticket_number",
    "time_dim": "t_time_sk", "warehouse": "w_warehouse_sk", "web_page": "wp_web_page_sk",
    "web_returns": "wr_item_sk, wr_order_number", "web_sales": "ws_item_sk, ws_order_number",
    "web_site": "web_site_sk",
}


def make(folder, scale):
    """Data, declarations, query texts and answers, unless they are there."""
    if os.path.exists(folder + "/complete"):
        return
    os.makedirs(folder, exist_ok=True)
    connection = duckdb.connect()
    try:
        connection.execute("LOAD tpcds")
    except duckdb.Error:
        connection.execute("INSTALL tpcds; LOAD tpcds")
    connection.execute("CALL dsdgen(sf = %s)" % scale)
    script = []
    for (table,) in connection.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall():
        columns = connection.execute(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = ? "
            "ORDER BY column_index", [table]).fetchall()
        path = os.path.abspath("%s/%s.csv" % (folder, table))
        connection.execute("COPY %s TO '%s' (FORMAT csv, HEADER false)" % (table, path))
        declared = ", ".join("%s %s" % column for column in columns)
        script.append("CREATE TABLE %s (%s, PRIMARY KEY (%s));" % (table, declared, KEYS[table]))
        script.append("COPY %s FROM '%s' (FORMAT csv, HEADER false);" % (table, path))
    with open(folder + "/load.sql", "w") as file:
        file.write("\n".join(script) + "\n")
    answers = {}
    for number, text in connection.execute("SELECT query_nr, query FROM tpcds_queries()").fetchall():
        # The same text with NULLs where Stoa has them by default: last ascending, first descending.
        connection.execute("SET default_null_order = 'nulls_last_on_asc_first_on_desc'"
                           if not connection_is_old() else "SET default_null_order = 'nulls_last'")
        start = time.process_time()
        try:
            rows = connection.execute(text).fetchall()
        except duckdb.Error as error:
            rows = None
            print("duckdb fails on query %d: %s" % (number, error), file=sys.stderr)
        answers[number] = {
            "text": text, "seconds": time.process_time() - start,
            "rows": rows and [[None if cell is None else str(cell) for cell in row] for row in rows]}
    with open(folder + "/answers.json", "w") as file:
        json.dump(answers, file)
    open(folder + "/complete", "w").close()


def connection_is_old():
    return tuple(int(part) for part in duckdb.__version__.split(".")[:2]) < (1, 2)


def cell(text):
    """A number rounded to ten digits, or the text."""
    if text is None or text == "":
        return ""
    try:
        return "%.9e" % (float(text) + 0.0)
    except ValueError:
        return {"True": "true", "False": "false"}.get(text, text).rstrip()


def close(left, right):
    if left == right:
        return True
    try:
        a, b = float(left), float(right)
    except ValueError:
        return False
    return abs(a - b) <= 1e-8 * max(abs(a), abs(b)) + 1e-9


def difference(expected, found):
    """What is wrong, or None."""
    if len(expected) != len(found):
        return "%d rows, not %d" % (len(found), len(expected))
    expected = sorted([cell(item) for item in row] for row in expected)
    found = sorted([cell(item) for item in row] for row in found)
    for left, right in zip(expected, found):
        if len(left) != len(right) or not all(close(a, b) for a, b in zip(left, right)):
            return "row %s, not %s" % (right, left)
    return None


def run(options, statements):
    """CSV output, messages and CPU seconds of the shell."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    script = "".join("SET %s;\n" % setting for setting in options.set) + statements
    command = [options.stoa, options.warehouse, "--threads", str(options.threads), "--mode", "csv",
               "--no-header"]
    if options.memory_limit:
        command += ["--memory-limit", options.memory_limit]
    try:
        done = subprocess.run(
            command, input=script, capture_output=True, text=True, timeout=options.timeout)
        output, messages = done.stdout, done.stderr
        if done.returncode < 0:
            messages = "ended by signal %d %s" % (-done.returncode, messages[-300:])
    except subprocess.TimeoutExpired:
        output, messages = "", "not done in %d s" % options.timeout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return output, messages.strip(), used


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--scale", default="0.01")
    parser.add_argument("--stoa", default=".build/release/stoa")
    parser.add_argument("--directory", default=".build/bench")
    parser.add_argument("--queries")
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--memory-limit")
    parser.add_argument("--timeout", type=int, default=60)
    parser.add_argument("--reload", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    folder = "%s/tpcds-%s" % (options.directory, options.scale)
    make(folder, options.scale)
    options.warehouse = folder + "/tpcds.stoa"
    if options.reload or not os.path.exists(folder + "/loaded"):
        subprocess.run(["rm", "-rf", options.warehouse], check=True)
        with open(folder + "/load.sql") as script:
            loaded = subprocess.run([options.stoa, options.warehouse], stdin=script)
        if loaded.returncode != 0:
            sys.exit("loading failed")
        open(folder + "/loaded", "w").close()
    with open(folder + "/answers.json") as file:
        answers = json.load(file)
    wanted = [int(word) for word in options.queries.split(",")] if options.queries else range(1, 100)
    _, _, idle = run(options, "SELECT 1;\n")
    passed = 0
    for number in wanted:
        answer = answers[str(number)]
        output, messages, used = run(options, answer["text"].strip().rstrip(";") + ";\n")
        wrong = messages or None
        if wrong is None and answer["rows"] is not None:
            # A row of one NULL is an empty line.
            rows = [row or [""] for row in csv.reader(io.StringIO(output))]
            wrong = difference(answer["rows"], rows)
            if wrong and number in TIES and len(rows) == len(answer["rows"]):
                wrong = None
        passed += wrong is None
        if options.verbose or wrong:
            print("Q%-2d %s, %.0f ms (DuckDB %.0f ms)" % (
                number, "right" if wrong is None else "WRONG: " + wrong[:300],
                (used - idle) * 1000, answer["seconds"] * 1000), flush=True)
    print("%d of %d right" % (passed, len(wanted)))


main()
