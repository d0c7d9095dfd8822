// The options of a program or of a subcommand: declared once, they are parsed, printed as help and
// offered to shells (format/base/completion.h), and what is mistyped gets a suggestion.
//
// Options say where their values go (Option::set), or whoever parses asks Arguments for them.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "format/base/result.h"

namespace twofold {

// What shells offer as a value.
enum class Takes { kAnything, kFile, kFolder };

struct Option {
  std::string name;        // without dashes; empty: it has a letter only
  char letter = '\0';      // short form; 0: none
  std::string value_name;  // empty: a flag
  std::string help;        // without a full stop; lines are wrapped, and broken at newlines
  bool repeats = false;    // it may be given more than once
  Takes takes = Takes::kAnything;
  std::vector<std::string> choices;  // all values that it takes; empty: others than a few words
  size_t group = 0;                  // the heading of the help that it is under
  // Takes the value that was given, of a flag "".
  std::function<Result<void>(const std::string& value)> set = {};

  // As errors call it: "--pid", or "-g" where that is all.
  std::string Shown() const { return name.empty() ? std::string("-") + letter : "--" + name; }
};

// The names of a list's entries.
template <typename Entries>
std::vector<std::string> NamesOf(const Entries& entries) {
  std::vector<std::string> names;
  for (const auto& entry : entries) names.emplace_back(entry.name);
  return names;
}

// What a command line said.
class Arguments {
 public:
  bool Has(std::string_view name) const { return values_.count(std::string(name)) > 0; }
  // The value of an option, or `fallback` when it was not given.
  std::string Get(std::string_view name, std::string_view fallback = "") const;
  // All values of an option that may be given more than once, in order.
  std::vector<std::string> All(std::string_view name) const;
  // Error: not a number, or not from `least` to `most`.
  Result<double> Number(std::string_view name, double fallback, double least, double most) const;
  const std::vector<std::string>& positionals() const { return positionals_; }

 private:
  friend class OptionParser;
  friend class OptionSet;
  std::map<std::string, std::string> values_;
  std::map<std::string, std::vector<std::string>> repeated_;
  std::vector<std::string> positionals_;
};

// Words that are no use of the options.
struct WrongUse {
  enum class Kind {
    kUnknown,
    kNoValue,     // it needs one
    kEmptyValue,  // nothing behind its '='
    kExtraValue,  // it takes none
    kTwice,
  };
  Kind kind;
  std::string option;  // kUnknown: as it was typed
  std::string
      nearest;  // kUnknown: what was probably meant, with its dashes; empty: nothing is near
};

// What a program's help and errors look like.
struct OptionStyle {
  size_t help_column;  // where the texts of options begin
  size_t name_column;  // where names without a letter begin
  Error (*describe)(const WrongUse& wrong);
};

class OptionSet {
 public:
  explicit OptionSet(const OptionStyle& style, std::vector<std::string> headings = {""})
      : style_(style), headings_(std::move(headings)) {}

  void Add(Option option) { options_.push_back(std::move(option)); }
  void Flag(std::string_view name, std::string_view help);
  // A value called FILE or CAPTURE is a file, one called DIR a folder.
  void Value(std::string_view name, std::string_view value_name, std::string_view help,
             char letter = '\0');
  // An option that may be given more than once (Arguments::All).
  void Values(std::string_view name, std::string_view value_name, std::string_view help);

  // Says what values an option takes, for shells to offer; whoever reads the value checks it.
  void OneOf(std::string_view name, std::vector<std::string> choices);

  // Behind "--" is a command with its own words: `shown` and `help` are its row in the help.
  void TakesCommand(std::string shown, std::string help, size_t group);
  bool takes_command() const { return !command_.shown.empty(); }

  // What is wrong with values beside each other; asked in order, when all of them are set.
  using Check = std::function<Result<void>(const Arguments& arguments)>;
  void AddCheck(Check check) { checks_.push_back(std::move(check)); }

  const std::vector<Option>& options() const { return options_; }

  // Error: an unknown option, a missing value, an option given twice. Words behind "--" are none of
  // its options.
  Result<Arguments> Parse(const std::vector<std::string>& words) const;

  // Sets what was given, in the order in which options were added, then checks.
  Result<void> Set(const Arguments& arguments) const;

  // A paragraph for each option under its heading, at most 80 columns wide.
  std::string Help() const;

 private:
  struct CommandRow {
    std::string shown;
    std::string help;
    size_t group = 0;
  };

  std::string HelpRow(std::string left, const std::string& help) const;

  OptionStyle style_;
  std::vector<std::string> headings_;
  std::vector<Option> options_;
  std::vector<Check> checks_;
  CommandRow command_;
};

// Breaks text at spaces into lines of at most `width` columns, each but the first begun with
// `indent` spaces; the first line is taken to begin at column `indent` already.
std::string Wrap(std::string_view text, size_t indent, size_t width = 80);

}  // namespace twofold
