"""A workload for tests/bench/names: counts, sorts and compresses invented words until the time is up.

usage: python3 words.py SECONDS
"""

import json
import random
import sys
import time
import zlib


def make_text(numbers, words):
    return " ".join(hex(numbers.randrange(4000)) for _ in range(words))


def count_words(text):
    counts = {}
    for word in text.split(" "):
        counts[word] = counts.get(word, 0) + 1
    return counts


def store(counts):
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    packed = zlib.compress(json.dumps(ordered).encode(), 1)
    with open("/dev/null", "wb", buffering=0) as file:
        for _ in range(50):
            file.write(packed)
    return len(packed)


def main():
    end = time.monotonic() + float(sys.argv[1])
    numbers = random.Random(1)
    stored = 0
    while time.monotonic() < end:
        stored += store(count_words(make_text(numbers, 20000)))
    print(f"bytes={stored}")


main()
