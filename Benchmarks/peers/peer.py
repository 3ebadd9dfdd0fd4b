"""What every peer of the benchmark has in common: a loop that reads one command per line from standard
input (words separated by tabs) and answers each with one line of JSON.

  load<TAB>directory       loads the .tbl files of the directory: seconds, cpuSeconds, rows, byteCount
  threads<TAB>count        threads to use from now on
  query<TAB>SQL            seconds (the engine's own time), cpuSeconds, rows (texts)
  memory                   peakBytes of this process
  quit
"""
import json
import os
import resource
import sys
import time


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def peak_bytes():
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def directory_bytes(path):
    if os.path.isfile(path):
        return os.path.getsize(path)
    total = 0
    for folder, _, files in os.walk(path):
        for name in files:
            entry = os.path.join(folder, name)
            if not os.path.islink(entry):
                total += os.path.getsize(entry)
    return total


def timed(work):
    cpu, start = cpu_seconds(), time.perf_counter()
    result = work()
    return result, {"seconds": time.perf_counter() - start, "cpuSeconds": cpu_seconds() - cpu}


def serve(engine):
    """Answers commands with the methods load, set_threads and query of `engine`."""
    for line in sys.stdin:
        words = line.rstrip("\n").split("\t")
        try:
            if words[0] == "load":
                facts, answer = timed(lambda: engine.load(words[1]))
                answer.update(facts)
            elif words[0] == "threads":
                engine.set_threads(int(words[1]))
                answer = {}
            elif words[0] == "query":
                rows, answer = timed(lambda: engine.query(words[1]))
                answer["rows"] = [[str(cell) for cell in row] for row in rows]
            elif words[0] == "memory":
                answer = {"peakBytes": peak_bytes()}
            elif words[0] == "version":
                answer = {"version": engine.version()}
            elif words[0] == "quit":
                engine.close()
                return
            else:
                answer = {"error": "unknown command " + words[0]}
        except Exception as error:  # noqa: BLE001: the runner prints it
            answer = {"error": "%s: %s" % (type(error).__name__, error)}
        print(json.dumps(answer), flush=True)
