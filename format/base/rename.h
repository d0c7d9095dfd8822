// Renames that never replace anything, on every file system.
#pragma once

#include <string>

namespace twofold {

// Renames a regular file of ours. Returns 0, or the errno of what went wrong; EEXIST: there is
// something under the new name, which is left alone.
int RenameWithoutReplacing(const std::string& from, const std::string& to);

// The ways that RenameWithoutReplacing tries where the kernel or the file system lack
// RENAME_NOREPLACE; the same returns. A link cannot replace anything:
int RenameByLink(const std::string& from, const std::string& to);
// Without links (FAT, some network file systems): an empty file of ours holds the name first.
int RenameByReservation(const std::string& from, const std::string& to);

}  // namespace twofold
