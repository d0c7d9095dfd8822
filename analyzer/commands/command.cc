#include "analyzer/commands/command.h"

#include "analyzer/cli/words.h"
#include "format/base/completion.h"
#include "format/base/suggest.h"
#include "format/base/version.h"

namespace twofold {
namespace {

Error Describe(const WrongUse& wrong) {
  Error error{"the option is given twice", wrong.option, "", Error::Kind::kUsage};
  switch (wrong.kind) {
    case WrongUse::Kind::kUnknown:
      error.what = "there is no option '" + wrong.option + "'";
      error.where.clear();
      if (!wrong.nearest.empty()) error.remedy = "Did you mean '" + wrong.nearest + "'?";
      break;
    case WrongUse::Kind::kNoValue:
    case WrongUse::Kind::kEmptyValue:
      error.what = "the option needs a value";
      break;
    case WrongUse::Kind::kExtraValue:
      error.what = "the option takes no value";
      break;
    case WrongUse::Kind::kTwice:
      break;
  }
  return error;
}

constexpr OptionStyle kStyle = {.help_column = 25, .name_column = 6, .describe = Describe};

std::string ProgramHelp() {
  std::string text =
      "twofold shows where the time of every thread went, as twofold-record saw it.\n"
      "\n"
      "Usage: twofold SUBCOMMAND [OPTIONS] CAPTURE...\n"
      "\n";
  for (const Command* command : Commands()) {
    std::string line = "  " + std::string(command->name);
    line.resize(13, ' ');
    text += line + Wrap(command->summary, 13) + "\n";
  }
  text +=
      "\n"
      "'twofold SUBCOMMAND --help' explains it, with examples; see also --version.\n"
      "\n"
      "Data goes to standard output or to -o FILE, words go to standard error; '-'\n"
      "stands for standard input or output. Exit status: 0 done, 1 failed, 2 used\n"
      "wrongly, 3 with --strict: done, but the capture is partial or has losses.\n"
      "\n"
      "Start with: twofold info host.twofold\n";
  return text;
}

std::string CommandHelp(const Command& command, const OptionSet& options) {
  std::string text = "Usage: twofold " + std::string(command.name) + " ";
  text += Wrap(command.usage, text.size()) + "\n\n" + Wrap(command.description, 0) + "\n\n";
  text += "Options:\n" + options.Help() + "\nExamples:\n";
  std::string_view rest = command.examples;
  while (!rest.empty()) {
    size_t end = std::min(rest.find('\n'), rest.size());
    text += "  " + std::string(rest.substr(0, end)) + "\n";
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return text;
}

Result<ExitStatus> Print(const std::string& text) {
  TWOFOLD_RETURN_IF_ERROR(PrintToStandardOutput(text));
  return ExitStatus::kDone;
}

Result<ExitStatus> RunCommand(const Command& command, const std::vector<std::string>& words) {
  OptionSet options = OptionsOf(command);
  TWOFOLD_ASSIGN_OR_RETURN(Arguments arguments, options.Parse(words));
  if (arguments.Has("help")) return Print(CommandHelp(command, options));
  return command.run(arguments);
}

// What fits for the last of `words`, for the completion of shells (tools/install/): the program
// itself tells, so that it never offers what is not there.
std::string Complete(const std::vector<std::string>& words) {
  const std::string current = words.empty() ? "" : words.back();
  if (words.size() >= 2 && words[0] != "help") {
    for (const Command* command : Commands()) {
      if (command->name != words[0]) continue;
      return CompleteOptions(OptionsOf(*command), {words.begin() + 1, words.end()});
    }
  }
  if (words.size() > 1 && words[0] != "help") return "";
  std::string text;
  for (const Command* command : Commands()) {
    text += CompletionLine(command->name, command->summary, current);
  }
  if (words.size() > 1) return text;
  text += CompletionLine("--help", "what there is", current);
  return text + CompletionLine("--version", "the program's version", current);
}

Result<ExitStatus> Dispatch(const std::vector<std::string>& words) {
  const std::string& first = words[0];
  if (first == "--version" || first == "-V")
    return Print("twofold " + std::string(kVersion) + "\n");
  if (first == "--complete") return Print(Complete({words.begin() + 1, words.end()}));
  bool help = first == "--help" || first == "-h" || first == "help";
  if (help && words.size() == 1) return Print(ProgramHelp());
  const std::string& name = help ? words[1] : first;
  std::vector<std::string_view> known;
  for (const Command* command : Commands()) {
    known.push_back(command->name);
    if (command->name != name) continue;
    if (help) return RunCommand(*command, {"--help"});
    return RunCommand(*command, {words.begin() + 1, words.end()});
  }
  if (name.rfind('-', 0) == 0) {
    return Error{"there is no option '" + name + "' before the subcommand", "",
                 "Known: --help, --version", Error::Kind::kUsage};
  }
  return Error{"there is no subcommand '" + name + "'", "", Suggestion(name, known),
               Error::Kind::kUsage};
}

}  // namespace

OptionSet OptionsOf(const Command& command) {
  OptionSet options(kStyle);
  command.add_options(options);
  options.Flag("help", "print this");
  return options;
}

const std::vector<const Command*>& Commands() {
  static const std::vector<const Command*> commands = {
      &kInfoCommand,   &kFlameCommand,  &kFoldCommand, &kTableCommand,
      &kDiffCommand,   &kExportCommand, &kSqlCommand,  &kSymbolizeCommand,
      &kImportCommand, &kMergeCommand,  &kLoadCommand, &kVerifyCommand,
  };
  return commands;
}

int RunProgram(const std::vector<std::string>& words) {
  if (words.empty()) {
    // Nothing was asked for: the help is the answer, but the call was no success.
    Say(ProgramHelp(), SayAs::kText);
    return int(ExitStatus::kUsedWrongly);
  }
  Result<ExitStatus> status = Dispatch(words);
  if (status) return int(*status);
  switch (status.error().kind) {
    case Error::Kind::kBrokenPipe:
      return int(ExitStatus::kFailed);
    case Error::Kind::kUsage: {
      Say(status.error().Message());
      bool known = false;
      for (const Command* command : Commands()) known = known || command->name == words[0];
      Say("'twofold " + (known ? words[0] + " " : "") + "--help' shows how to use it");
      return int(ExitStatus::kUsedWrongly);
    }
    case Error::Kind::kFailed:
      break;
  }
  Say(status.error().Message());
  return int(ExitStatus::kFailed);
}

}  // namespace twofold
