#!/usr/bin/env python3
"""Walks through a capture with nothing but format/FORMAT.md at hand: proof that the document suffices.

usage: mini_reader.py [--dump] FILE

Checks every structure of the container (magics, sizes, sequence, checksums, index offset, trailer) and
prints one line for each; with --dump an annotated hexadecimal dump of the whole file. Exit status 1, with
the offset and the reason, at the first thing that is not as the document says. It reads nothing inside of
the blocks: that takes zstd and FlatBuffers.
"""

import struct
import sys

FILE_MAGIC = b"\xf2TWO\r\n\x1a\n"
BLOCK_MAGIC = b"\xf2BLK"
TRAILER_MAGIC = b"\xf2END\r\n\x1a\n"
BLOCK_NAMES = {1: "Recording", 2: "Definitions", 3: "Interval", 4: "End", 5: "Index"}

MASK = (1 << 64) - 1
PRIMES = (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63,
          0x27D4EB2F165667C5)


class NotAsDocumented(Exception):
    def __init__(self, offset, reason):
        super().__init__(f"at byte {offset}: {reason}")


def rotate(value, bits):
    return (value << bits | value >> (64 - bits)) & MASK


def xxh64_round(lane, value):
    return rotate((lane + value * PRIMES[1]) & MASK, 31) * PRIMES[0] & MASK


def xxh64(data):
    """XXH64 with seed 0."""
    position = 0
    if len(data) >= 32:
        lanes = [(PRIMES[0] + PRIMES[1]) & MASK, PRIMES[1], 0, -PRIMES[0] & MASK]
        while len(data) - position >= 32:
            for i, value in enumerate(struct.unpack_from("<4Q", data, position)):
                lanes[i] = xxh64_round(lanes[i], value)
            position += 32
        result = sum(rotate(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18))) & MASK
        for lane in lanes:
            result = ((result ^ xxh64_round(0, lane)) * PRIMES[0] + PRIMES[3]) & MASK
    else:
        result = PRIMES[4]
    result = (result + len(data)) & MASK
    while len(data) - position >= 8:
        result ^= xxh64_round(0, struct.unpack_from("<Q", data, position)[0])
        result = (rotate(result, 27) * PRIMES[0] + PRIMES[3]) & MASK
        position += 8
    if len(data) - position >= 4:
        result ^= struct.unpack_from("<I", data, position)[0] * PRIMES[0] & MASK
        result = (rotate(result, 23) * PRIMES[1] + PRIMES[2]) & MASK
        position += 4
    for byte in data[position:]:
        result = rotate(result ^ byte * PRIMES[4] & MASK, 11) * PRIMES[0] & MASK
    for shift, prime in ((33, PRIMES[1]), (29, PRIMES[2]), (32, 1)):
        result = (result ^ result >> shift) * prime & MASK
    return result


def checked(data, offset, size, checksum_at):
    """The bytes of a structure, after its checksum field was compared with what it should hold."""
    if offset + size > len(data):
        raise NotAsDocumented(offset, f"the file ends within {size} bytes")
    whole = bytearray(data[offset:offset + size])
    stored = struct.unpack_from("<Q", whole, checksum_at)[0]
    whole[checksum_at:checksum_at + 8] = bytes(8)
    if xxh64(bytes(whole)) != stored:
        raise NotAsDocumented(offset, "the checksum is wrong")
    return data[offset:offset + size]


def read_capture(data):
    """Yields (offset, [(length in bytes, what it is), ...], one line about the structure)."""
    if data[:8] != FILE_MAGIC:
        raise NotAsDocumented(0, "this is not a capture")
    header_bytes = struct.unpack_from("<I", data, 12)[0] if len(data) >= 32 else 32
    header = checked(data, 0, max(header_bytes, 32), 24)
    major, minor, header_bytes, features = struct.unpack_from("<HHIQ", header, 8)
    if major != 1 or features != 0:
        raise NotAsDocumented(8, f"version {major}.{minor} with features {features:#x} is too new")
    yield 0, [(8, "file magic"), (2, f"container version, major: {major}"), (2, f"minor: {minor}"),
              (4, f"size of this header: {header_bytes}"), (8, "required features: none"),
              (8, "checksum"), (header_bytes - 32, "later fields")], \
        f"file header: version {major}.{minor}"

    offset = header_bytes
    sequence = 0
    index_offset = None
    while data[offset:offset + 4] == BLOCK_MAGIC:
        if len(data) - offset < 32:
            raise NotAsDocumented(offset, "the file ends within a block's header")
        kind, flags, stored, unpacked, number = struct.unpack_from("<HHIIQ", data, offset + 4)
        checked(data, offset, 32 + stored, 24)
        if flags != 0 or number != sequence:
            raise NotAsDocumented(offset, f"flags {flags}, sequence number {number}")
        name = BLOCK_NAMES.get(kind, "unknown")
        if kind == 5:
            index_offset = offset
        yield offset, [(4, "block magic"), (2, f"type: {kind} ({name})"), (2, "flags: none"),
                       (4, f"stored size: {stored}"), (4, f"unpacked size: {unpacked}"),
                       (8, f"sequence number: {number}"), (8, "checksum"),
                       (stored, f"zstd frame with the {name} FlatBuffer")], \
            f"block {number}: {name}, {stored} bytes stored, {unpacked} unpacked"
        offset += 32 + stored
        sequence += 1

    if data[offset:offset + 8] != TRAILER_MAGIC:
        raise NotAsDocumented(offset, "neither a block nor the trailer begins here")
    trailer = checked(data, offset, 32, 24)
    at, file_bytes = struct.unpack_from("<QQ", trailer, 8)
    if at != index_offset or file_bytes != len(data) or offset + 32 != len(data):
        raise NotAsDocumented(offset, "the trailer disagrees with the file")
    yield offset, [(8, "trailer magic"), (8, f"offset of the Index block: {at}"),
                   (8, f"size of the file: {file_bytes}"), (8, "checksum")], \
        f"trailer: index at byte {at}, {file_bytes} bytes in all"


def main(arguments):
    dump = "--dump" in arguments
    paths = [argument for argument in arguments if argument != "--dump"]
    if len(paths) != 1:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    with open(paths[0], "rb") as file:
        data = file.read()
    try:
        for offset, fields, line in read_capture(data):
            if not dump:
                print(f"{offset:8} {line}")
                continue
            for length, what in fields:
                for start in range(0, length, 16):
                    row = data[offset + start:offset + min(start + 16, length)]
                    note = what if start == 0 else ""
                    print(f"{offset + start:08x}  {row.hex(' '):47}  {note}".rstrip())
                offset += length
    except NotAsDocumented as error:
        print(f"{paths[0]} {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
