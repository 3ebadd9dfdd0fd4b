"""Writes FloatSumFixtures.swift: sums, averages and variances computed with exact fractions.

Run in this directory: python3 Fixtures/float-sums.py > FloatSumFixtures.swift
"""
import random
import struct
from fractions import Fraction

random.seed(2015)


def bits(value):
    return "0x%016x" % struct.unpack("<Q", struct.pack("<d", value))[0]


def wide(count, low, high):
    return [random.choice((-1, 1)) * random.random() * 2.0 ** random.randint(low, high)
            for _ in range(count)]


cases = [
    [0.1] * 10,
    [1e16, 1.0, -1e16],
    [1e308, 1e308, -1e308, -1e308, 3.0],
    [5e-324, 5e-324, 5e-324],
    [5e-324, 1e300, -1e300],
    [0.1, 0.2, 0.3],
    [1.0, 2.0 ** -53, 2.0 ** -106],
    [1.0, 2.0 ** -53, -(2.0 ** -106)],
    [1e9 + 0.1, 1e9 + 0.2, 1e9 + 0.3],
    [3.5],
    [-0.0, 0.0],
    [1 / 3] * 7,
]
for _ in range(6):
    cases.append([round(random.random() * 1000, 2) for _ in range(20)])
for _ in range(6):
    cases.append(wide(12, -60, 60))
for _ in range(6):
    cases.append(wide(12, -400, 400))
for _ in range(3):
    cases.append(wide(12, -530, 500))

print("// Written by Fixtures/float-sums.py; do not edit.")
print("// swift-format-ignore-file")
print("/// Bit patterns of values, and of their sum, average and sample variance, each exact and rounded once.")
print("let floatSumFixtures: [(values: [UInt64], sum: UInt64, average: UInt64, variance: UInt64?)] = [")
for case in cases:
    exact = [Fraction(value) for value in case]
    total = sum(exact)
    count = len(exact)
    average = float(total / count)
    if count > 1:
        variance = (count * sum(x * x for x in exact) - total * total) / (count * (count - 1))
        variance = bits(float(variance)) if variance < 2 ** 1023 else "nil"
    else:
        variance = "nil"
    print("  ([%s], %s, %s, %s)," % (
        ", ".join(bits(value) for value in case), bits(float(total)), bits(average), variance))
print("]")
