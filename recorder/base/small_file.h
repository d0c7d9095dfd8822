// Reading the small files of /proc, /sys and /etc, always with a cap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace twofold {

// The first `max_bytes` bytes of a file, opened relative to a directory descriptor (AT_FDCWD for
// plain paths); nullopt when it cannot be opened or read. Never blocks on a FIFO.
std::optional<std::string> ReadSmallFile(int directory_fd, const char* path, size_t max_bytes);

// What a symbolic link says; nullopt when there is none.
std::optional<std::string> ReadLink(int directory_fd, const char* path);

}  // namespace twofold
