#!/usr/bin/env python3
"""Reads a pprof profile with nothing but its description, checks its form, and prints what it says.

usage: read_pprof.py FILE

It knows nothing of the writer: fields and rules are those of
https://github.com/google/pprof/blob/main/proto/profile.proto and of what `go tool pprof` refuses.
"""

import gzip
import sys


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def fields(data):
    """Yields (field number, value): an int, or bytes."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = varint(data, at)
        elif kind == 2:
            length, at = varint(data, at)
            value = data[at:at + length]
            assert len(value) == length, "a field reaches beyond the end"
            at += length
        else:
            raise AssertionError(f"field {number} has wire type {kind}")
        yield number, value


def message(data, single, repeated=()):
    """A message as a dict of the fields that are known by name; others are an error."""
    found = {name: 0 for name in single.values()}
    found.update({name: [] for name in dict(repeated).values()})
    for number, value in fields(data):
        if number in single:
            found[single[number]] = value
        elif number in dict(repeated):
            found[dict(repeated)[number]].append(value)
        else:
            raise AssertionError(f"there is no field {number}")
    return found


def numbers(packed):
    values = []
    for data in packed:
        at = 0
        while at < len(data):
            value, at = varint(data, at)
            values.append(value - (1 << 64) if value >> 63 else value)
    return values


def by_id(messages, what):
    found = {}
    for entry in messages:
        assert entry["id"] != 0, f"a {what} has no id"
        assert entry["id"] not in found, f"two {what}s have the id {entry['id']}"
        found[entry["id"]] = entry
    return found


def read(data):
    profile = message(data, {7: "drop", 8: "keep", 9: "time", 10: "duration", 11: "period_type",
                             12: "period", 14: "default_type"},
                      {1: "types", 2: "samples", 3: "mappings", 4: "locations", 5: "functions",
                       6: "strings", 13: "comments"})
    strings = [text.decode("utf-8") for text in profile["strings"]]
    assert strings[0] == "", "the first string is not empty"
    assert len(set(strings)) == len(strings), "a string is there twice"
    for text in strings:
        assert not any(ord(c) < 0x20 or ord(c) == 0x7F for c in text), f"raw bytes in {text!r}"

    def value_type(data):
        found = message(data, {1: "type", 2: "unit"})
        return f"{strings[found['type']]}/{strings[found['unit']]}"

    types = [value_type(data) for data in profile["types"]]
    functions = by_id([message(data, {1: "id", 2: "name", 3: "system", 4: "file", 5: "start"})
                       for data in profile["functions"]], "function")
    mappings = by_id([message(data, {1: "id", 2: "start", 3: "limit", 4: "offset", 5: "file",
                                     6: "build_id", 7: "functions", 8: "files", 9: "lines",
                                     10: "inlined"})
                      for data in profile["mappings"]], "mapping")
    locations = by_id([message(data, {1: "id", 2: "mapping", 3: "address", 5: "folded"},
                               {4: "lines"}) for data in profile["locations"]], "location")
    for location in locations.values():
        location["lines"] = [message(data, {1: "function", 2: "line", 3: "column"})
                             for data in location["lines"]]
        assert location["lines"], "a location has no line"
        for line in location["lines"]:
            assert line["function"] in functions, "a line has no function"
        mapping = mappings.get(location["mapping"])
        assert mapping or location["mapping"] == 0, "a location's mapping is not there"
        if mapping:
            assert mapping["start"] <= location["address"] < mapping["limit"], "outside its mapping"

    def shown(location):
        mapping = mappings.get(location["mapping"])
        lines = []
        for line in location["lines"]:
            function = functions[line["function"]]
            text = strings[function["name"]]
            if function["system"] != function["name"]:
                text += "=" + strings[function["system"]]
            if function["file"]:
                text += "@" + strings[function["file"]]
            if line["line"]:
                text += ":" + str(line["line"])
            lines.append(text)
        where = ""
        if mapping:
            where = f" in {strings[mapping['file']]}+{location['address']:#x}"
        return "+".join(lines) + where

    lines = ["types " + " ".join(types), "default " + strings[profile["default_type"]],
             f"time {profile['time']} for {profile['duration']}"]
    if profile["period_type"]:
        lines.append(f"period {profile['period']} {value_type(profile['period_type'])}")
    for mapping in mappings.values():
        flags = "".join(letter for letter, name in (("f", "functions"), ("s", "files"),
                                                    ("l", "lines"), ("i", "inlined"))
                        if mapping[name])
        lines.append(f"mapping {strings[mapping['file']]} [{strings[mapping['build_id']]}] {flags}")
    totals = [0] * len(types)
    for data in profile["samples"]:
        sample = message(data, {}, {1: "locations", 2: "values", 3: "labels"})
        values = numbers(sample["values"])
        assert len(values) == len(types), "a sample has another number of values"
        assert all(value >= 0 for value in values), "a value is negative"
        totals = [a + b for a, b in zip(totals, values)]
        labels = []
        for label in sample["labels"]:
            found = message(label, {1: "key", 2: "text", 3: "number", 4: "unit"})
            text = strings[found["text"]] if found["text"] else found["number"]
            labels.append(f"{strings[found['key']]}={text}")
        stack = [shown(locations[number]) for number in numbers(sample["locations"])]
        assert stack, "a sample has no location"
        lines.append(f"sample {values} {' '.join(labels)}")
        lines += ["  " + text for text in stack]
    lines.append(f"total {totals}")
    lines += ["comment " + strings[number] for number in numbers(profile["comments"])]
    return "\n".join(lines) + "\n"


def samples(data):
    """Yields for each sample its functions' names, innermost first, and its values."""
    profile = message(data, {number: str(number) for number in (7, 8, 9, 10, 11, 12, 14)},
                      {1: "types", 2: "samples", 3: "mappings", 4: "locations", 5: "functions",
                       6: "strings", 13: "comments"})
    names = {}
    for data in profile["functions"]:
        function = dict(fields(data))
        names[function[1]] = profile["strings"][function[2]].decode("utf-8")
    lines = {}
    for data in profile["locations"]:
        location = message(data, {1: "id", 2: "mapping", 3: "address"}, {4: "lines"})
        lines[location["id"]] = [names[dict(fields(line))[1]] for line in location["lines"]]
    for data in profile["samples"]:
        sample = message(data, {}, {1: "locations", 2: "values", 3: "labels"})
        yield ([name for number in numbers(sample["locations"]) for name in lines[number]],
               numbers(sample["values"]))


def main():
    if len(sys.argv) != 2:
        return __doc__
    with open(sys.argv[1], "rb") as file:
        packed = file.read()
    if packed[4:8] != b"\0\0\0\0":
        return "gzip's header has a time"
    sys.stdout.write(read(gzip.decompress(packed)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
