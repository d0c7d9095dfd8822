// Gives up every right that a process has but to compute, and to read and write what it holds
// already: for the process that parses other people's files
// (recorder/parser/name_reader_process.h).
#pragma once

#include "format/base/result.h"

namespace twofold {

// For good, for this process. Afterwards it has
//   - no capability, and gains none by executing anything;
//   - a user and group id that nobody else has, where it was allowed to change them (a process that
//     was not is no more than the user that started it);
//   - an empty root directory, where it was allowed to change that;
//   - a filter (seccomp) by which any system call but reading, writing and measuring open
//     descriptors, messages, and private memory that is not executable ends it;
//   - limits on its memory and on the size of files, and no core dump.
// Descriptors that are open stay open. Error: what could not be given up.
Result<void> EnterSandbox();

}  // namespace twofold
