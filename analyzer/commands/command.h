// Subcommands. Each is a Command in a file of its own in this folder, plus one line in the list in
// command.cc.
#pragma once

#include <string_view>
#include <vector>

#include "format/base/options.h"
#include "format/base/result.h"

namespace twofold {

// What the program tells whoever called it.
enum class ExitStatus : int {
  kDone = 0,
  kFailed = 1,
  kUsedWrongly = 2,
  kIncomplete = 3,      // with --strict: done, but the capture is partial or has losses
  kConditionHolds = 4,  // with --fail-if: done, and the condition holds
  kUndecided = 5,       // with --fail-if: done, and the captures can't tell whether it holds
};

struct Command {
  std::string_view name;
  std::string_view summary;      // one line of `twofold --help`
  std::string_view usage;        // after "twofold NAME "
  std::string_view description;  // a paragraph of `twofold NAME --help`
  std::string_view examples;     // lines "twofold NAME ..." that end the help
  void (*add_options)(OptionSet& options);
  Result<ExitStatus> (*run)(const Arguments& arguments);
};

// All subcommands, in the order in which --help shows them.
const std::vector<const Command*>& Commands();

// What a subcommand takes, --help included.
OptionSet OptionsOf(const Command& command);

extern const Command kInfoCommand;
extern const Command kVerifyCommand;
extern const Command kFoldCommand;
extern const Command kFlameCommand;
extern const Command kTableCommand;
extern const Command kDiffCommand;
extern const Command kExportCommand;
extern const Command kSqlCommand;
extern const Command kLoadCommand;
extern const Command kSymbolizeCommand;
extern const Command kImportCommand;
extern const Command kMergeCommand;

// Runs `twofold WORDS...`, says on standard error what went wrong, and returns the exit status.
int RunProgram(const std::vector<std::string>& words);

}  // namespace twofold
