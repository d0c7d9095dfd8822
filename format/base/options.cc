#include "format/base/options.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>

#include "format/base/escape_text.h"
#include "format/base/suggest.h"

namespace twofold {

std::string Arguments::Get(std::string_view name, std::string_view fallback) const {
  auto found = values_.find(std::string(name));
  return found != values_.end() ? found->second : std::string(fallback);
}

std::vector<std::string> Arguments::All(std::string_view name) const {
  auto found = repeated_.find(std::string(name));
  return found != repeated_.end() ? found->second : std::vector<std::string>();
}

Result<double> Arguments::Number(std::string_view name, double fallback, double least,
                                 double most) const {
  if (!Has(name)) return fallback;
  std::string text = Get(name);
  double number = 0;
  auto [stop, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  bool usable = status == std::errc() && stop == text.data() + text.size() &&
                std::isfinite(number) && number >= least && number <= most;
  if (usable) return number;
  char range[96];
  snprintf(range, sizeof(range), "Give a number from %g to %g", least, most);
  return Error{"'" + text + "' does not do", "--" + std::string(name), range, Error::Kind::kUsage};
}

// Goes through the words of a command line: "--name", "--name=value", "--name value", "-n",
// "-nvalue", "-n value", and flags together as "-abc".
class OptionParser {
 public:
  OptionParser(const std::vector<Option>& options, const std::vector<std::string>& words,
               Error (*describe)(const WrongUse&))
      : options_(options), words_(words), describe_(describe) {}

  Result<Arguments> Parse() {
    for (; next_ < words_.size(); ++next_) {
      const std::string& word = words_[next_];
      if (word == "--") {
        arguments_.positionals_.insert(arguments_.positionals_.end(),
                                       words_.begin() + static_cast<std::ptrdiff_t>(next_) + 1,
                                       words_.end());
        break;
      }
      if (word.size() < 2 || word[0] != '-') {
        arguments_.positionals_.push_back(word);
      } else if (word[1] == '-') {
        TWOFOLD_RETURN_IF_ERROR(TakeName(word));
      } else {
        TWOFOLD_RETURN_IF_ERROR(TakeLetters(word));
      }
    }
    for (const auto& [option, value] : taken_) {
      if (option->repeats) {
        arguments_.repeated_[option->name].push_back(value);
      } else if (!arguments_.values_.emplace(KeyOf(*option), value).second) {
        return Wrong(WrongUse::Kind::kTwice, option->Shown());
      }
    }
    return std::move(arguments_);
  }

  static std::string KeyOf(const Option& option) {
    return option.name.empty() ? std::string(1, option.letter) : option.name;
  }

 private:
  Result<void> TakeName(const std::string& word) {
    const size_t equals = std::min(word.find('='), word.size());
    const std::string shown = word.substr(0, equals);
    if (shown == "--") return Unknown(word);
    if (equals + 1 == word.size()) return Wrong(WrongUse::Kind::kEmptyValue, shown);
    const Option* option = nullptr;
    for (const Option& known : options_) {
      if (!known.name.empty() && known.Shown() == shown) option = &known;
    }
    if (option == nullptr) return Unknown(word);
    if (equals == word.size()) return TakeNext(*option);
    if (option->value_name.empty()) return Wrong(WrongUse::Kind::kExtraValue, shown);
    taken_.emplace_back(option, word.substr(equals + 1));
    return {};
  }

  Result<void> TakeLetters(const std::string& word) {
    for (size_t i = 1; i < word.size(); ++i) {
      const Option* option = OfLetter(word[i]);
      if (option == nullptr) return Unknown(word);
      const bool is_last = i + 1 == word.size();
      if (is_last || option->value_name.empty()) {
        TWOFOLD_RETURN_IF_ERROR(TakeNext(*option));
      } else {
        taken_.emplace_back(option, word.substr(i + 1));
        break;
      }
    }
    return {};
  }

  // A flag, or an option whose value is the next word: any but the letter of an option.
  Result<void> TakeNext(const Option& option) {
    if (option.value_name.empty()) {
      taken_.emplace_back(&option, "");
      return {};
    }
    const bool is_there = next_ + 1 < words_.size() && !IsLetter(words_[next_ + 1]);
    if (!is_there) return Wrong(WrongUse::Kind::kNoValue, option.Shown());
    taken_.emplace_back(&option, words_[++next_]);
    return {};
  }

  const Option* OfLetter(char letter) const {
    for (const Option& known : options_) {
      if (known.letter == letter && letter != '\0') return &known;
    }
    return nullptr;
  }

  bool IsLetter(const std::string& word) const {
    return word.size() == 2 && word[0] == '-' && OfLetter(word[1]) != nullptr;
  }

  Error Wrong(WrongUse::Kind kind, const std::string& option) const {
    return describe_({kind, option, ""});
  }

  Error Unknown(const std::string& word) const {
    std::vector<std::string_view> known;
    for (const Option& option : options_) known.emplace_back(option.name);
    const size_t dashes = std::min(word.find_first_not_of('-'), word.size());
    const std::string_view nearest = Nearest(std::string_view(word).substr(dashes), known);
    return describe_({WrongUse::Kind::kUnknown, word,
                      nearest.empty() ? std::string() : "--" + std::string(nearest)});
  }

  const std::vector<Option>& options_;
  const std::vector<std::string>& words_;
  Error (*const describe_)(const WrongUse&);
  size_t next_ = 0;
  std::vector<std::pair<const Option*, std::string>> taken_;
  Arguments arguments_;
};

void OptionSet::Flag(std::string_view name, std::string_view help) {
  Add({.name = std::string(name),
       .letter = name == "help" ? 'h' : '\0',
       .value_name = "",
       .help = std::string(help)});
}

void OptionSet::Value(std::string_view name, std::string_view value_name, std::string_view help,
                      char letter) {
  const bool is_file = value_name == "FILE" || value_name == "CAPTURE";
  Add({.name = std::string(name),
       .letter = letter,
       .value_name = std::string(value_name),
       .help = std::string(help),
       .takes = is_file               ? Takes::kFile
                : value_name == "DIR" ? Takes::kFolder
                                      : Takes::kAnything});
}

void OptionSet::Values(std::string_view name, std::string_view value_name, std::string_view help) {
  Value(name, value_name, help);
  options_.back().repeats = true;
}

void OptionSet::OneOf(std::string_view name, std::vector<std::string> choices) {
  for (Option& option : options_) {
    if (option.name == name) option.choices = std::move(choices);
  }
}

void OptionSet::TakesCommand(std::string shown, std::string help, size_t group) {
  command_ = {std::move(shown), std::move(help), group};
}

Result<Arguments> OptionSet::Parse(const std::vector<std::string>& words) const {
  return OptionParser(options_, words, style_.describe).Parse();
}

Result<void> OptionSet::Set(const Arguments& arguments) const {
  for (const Option& option : options_) {
    const std::string key = OptionParser::KeyOf(option);
    if (option.set && arguments.Has(key)) TWOFOLD_RETURN_IF_ERROR(option.set(arguments.Get(key)));
  }
  for (const Check& check : checks_) TWOFOLD_RETURN_IF_ERROR(check(arguments));
  return {};
}

std::string OptionSet::HelpRow(std::string left, const std::string& help) const {
  std::string text;
  if (left.size() + 1 > style_.help_column) {
    text = left + "\n";
    left.clear();
  }
  left.resize(style_.help_column, ' ');
  return text + left + Wrap(help, style_.help_column) + "\n";
}

std::string OptionSet::Help() const {
  std::string text;
  for (size_t group = 0; group < headings_.size(); ++group) {
    if (group > 0) text += "\n";
    if (!headings_[group].empty()) text += headings_[group] + "\n";
    for (const Option& option : options_) {
      if (option.group != group) continue;
      std::string left;
      if (option.letter != '\0') left = std::string("  -") + option.letter;
      if (!option.name.empty()) {
        left = (left.empty() ? std::string(style_.name_column, ' ') : left + ", ") + "--" +
               option.name;
      }
      if (!option.value_name.empty()) left += " " + option.value_name;
      text += HelpRow(std::move(left), option.help);
    }
    if (takes_command() && command_.group == group) {
      text += HelpRow("  " + command_.shown, command_.help);
    }
  }
  return text;
}

std::string Wrap(std::string_view text, size_t indent, size_t width) {
  std::string out;
  size_t column = indent;
  bool line_is_empty = true;
  auto break_line = [&] {
    out += '\n' + std::string(indent, ' ');
    column = indent;
    line_is_empty = true;
  };
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of(" \n"), text.size());
    std::string_view word = text.substr(0, end);
    const bool breaks = end < text.size() && text[end] == '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
    size_t word_width = DisplayWidth(word);
    if (!line_is_empty && column + 1 + word_width > width) break_line();
    if (!line_is_empty) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word_width;
    line_is_empty = false;
    if (breaks) break_line();
  }
  return out;
}

}  // namespace twofold
