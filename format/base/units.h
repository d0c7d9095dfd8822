// Numbers as people read them. No locale.
#pragma once

#include <cstdint>
#include <string>

namespace twofold {

// "0 s", "850 ns", "12.3 us", "4.56 ms", "7.89 s", "12 min 5 s", "3 h 20 min": three figures.
std::string FormatDuration(int64_t duration_ns);

// "512 B", "12.3 KiB", "4.5 MiB".
std::string FormatBytes(int64_t size_bytes);

// Three figures: "0", "850", "12.3 k", "4.56 M", "7.89 G", "1.23 T".
std::string FormatQuantity(uint64_t number);

// "1,234,567".
std::string FormatCount(int64_t count);

// With a word behind it, for one and for more: "1 file", "1,234 files".
std::string FormatCount(uint64_t count, const char* one, const char* more);

// "12.3 %"; "0 %" for 0 of anything; small shares as "0.04 %", and "< 0.01 %".
std::string FormatShare(double part, double whole);

// UTC, "2024-05-01 13:37:00 UTC", of nanoseconds since 1970.
std::string FormatUtc(int64_t realtime_ns);

}  // namespace twofold
