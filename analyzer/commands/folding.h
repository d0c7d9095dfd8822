// What every subcommand that shows a view shares: its options for view, filters and first frame,
// and the way from a capture to an output.
#pragma once

#include <vector>

#include "analyzer/commands/command.h"
#include "analyzer/fold/stack_filter.h"
#include "analyzer/output/output.h"
#include "format/base/output_file.h"

namespace twofold {

// Adds --view, --root, the filters, and the options of AddNameOptions and AddOutputOptions.
void AddFoldingOptions(OptionSet& options);

// Adds --no-demangle.
void AddNameOptions(OptionSet& options);

// Adds -o, --force and --strict.
void AddOutputOptions(OptionSet& options);

// Adds the filters of stacks; `before` stands before each one's help.
void AddStackFilters(OptionSet& options, std::string_view before = "");

// The filters of stacks that were given, in the order of StackFilters(). Error: as of
// StackFilter::make, or one of them does not fit the view.
Result<std::vector<StackStep>> ParseStackFilters(const Arguments& arguments, const View& view);

// The file of -o. Error: a file is in the way and --force is not given, or it cannot be made.
Result<OutputFile> CreateOutput(const Arguments& arguments);

// Opens the capture, folds the view and writes it. `presentation` holds what the subcommand itself
// knows; the rest is filled in here.
Result<ExitStatus> RunFolding(const Arguments& arguments, const OutputFormat& format,
                              Presentation presentation);

}  // namespace twofold
