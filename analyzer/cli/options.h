// The options of one subcommand: declared once, they are parsed, checked and printed as help.
// Boost.Program_options does the parsing and stays inside options.cc.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/base/result.h"

namespace twofold {

struct Option {
  std::string name;                  // without dashes
  char letter = '\0';                // short form; 0: none
  std::string value_name;            // empty: a flag
  std::string help;                  // without a full stop
  bool repeats = false;              // it may be given more than once
  std::vector<std::string> choices;  // all values that it takes; empty: others than a few words
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
  friend class OptionSet;
  std::map<std::string, std::string> values_;
  std::map<std::string, std::vector<std::string>> repeated_;
  std::vector<std::string> positionals_;
};

class OptionSet {
 public:
  void Flag(std::string_view name, std::string_view help);
  void Value(std::string_view name, std::string_view value_name, std::string_view help,
             char letter = '\0');
  // An option that may be given more than once (Arguments::All).
  void Values(std::string_view name, std::string_view value_name, std::string_view help);

  // Says what values an option takes, for shells to offer; whoever reads the value checks it.
  void OneOf(std::string_view name, std::vector<std::string> choices);

  const std::vector<Option>& options() const { return options_; }

  // Error: an unknown option (with a suggestion), a missing value, an option given twice.
  Result<Arguments> Parse(const std::vector<std::string>& words) const;

  // One paragraph per option, at most 80 columns wide.
  std::string Help() const;

 private:
  std::vector<Option> options_;
};

// Breaks text at spaces into lines of at most `width` columns, each but the first begun with
// `indent` spaces; the first line is taken to begin at column `indent` already.
std::string Wrap(std::string_view text, size_t indent, size_t width = 80);

}  // namespace twofold
