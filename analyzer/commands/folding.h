// What every subcommand that shows a view shares: its options for view, filters and first frame,
// and the way from a capture to an output.
#pragma once

#include "analyzer/commands/command.h"
#include "analyzer/output/output.h"

namespace twofold {

// Adds --view, --root, the filters, -o, --force and --strict.
void AddFoldingOptions(OptionSet& options);

// Opens the capture, folds the view and writes it. `presentation` holds what the subcommand itself
// knows; the rest is filled in here.
Result<ExitStatus> RunFolding(const Arguments& arguments, const OutputFormat& format,
                              Presentation presentation);

}  // namespace twofold
