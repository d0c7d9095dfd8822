#include "analyzer/cli/options.h"

#include <boost/program_options.hpp>
#include <charconv>
#include <cmath>

#include "analyzer/cli/suggest.h"
#include "analyzer/text/escape.h"

namespace twofold {
namespace {

namespace po = boost::program_options;

Error Usage(std::string what, std::string where, std::string remedy = "") {
  return Error{std::move(what), std::move(where), std::move(remedy), Error::Kind::kUsage};
}

constexpr char kPositional[] = "positional arguments";

}  // namespace

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
  return Usage("'" + text + "' does not do", "--" + std::string(name), range);
}

void OptionSet::Flag(std::string_view name, std::string_view help) {
  options_.push_back({std::string(name), name == "help" ? 'h' : '\0', "", std::string(help)});
}

void OptionSet::Value(std::string_view name, std::string_view value_name, std::string_view help,
                      char letter) {
  options_.push_back({std::string(name), letter, std::string(value_name), std::string(help)});
}

void OptionSet::Values(std::string_view name, std::string_view value_name, std::string_view help) {
  options_.push_back(
      {std::string(name), '\0', std::string(value_name), std::string(help), /*repeats=*/true});
}

void OptionSet::OneOf(std::string_view name, std::vector<std::string> choices) {
  for (Option& option : options_) {
    if (option.name == name) option.choices = std::move(choices);
  }
}

Result<Arguments> OptionSet::Parse(const std::vector<std::string>& words) const {
  po::options_description description;
  std::vector<std::string_view> known;
  for (const Option& option : options_) {
    std::string names = option.name;
    if (option.letter != '\0') names += std::string(",") + option.letter;
    if (option.value_name.empty()) {
      description.add_options()(names.c_str(), po::bool_switch());
    } else if (option.repeats) {
      description.add_options()(names.c_str(), po::value<std::vector<std::string>>()->composing());
    } else {
      description.add_options()(names.c_str(), po::value<std::string>());
    }
    known.push_back(option.name);
  }
  description.add_options()(kPositional, po::value<std::vector<std::string>>());
  po::positional_options_description positional;
  positional.add(kPositional, -1);

  Arguments arguments;
  try {
    using Style = po::command_line_style::style_t;
    int style = Style::unix_style & ~Style::allow_guessing;
    po::variables_map values;
    po::store(po::command_line_parser(words)
                  .options(description)
                  .positional(positional)
                  .style(style)
                  .run(),
              values);
    for (const auto& [name, value] : values) {
      if (name == kPositional) {
        arguments.positionals_ = value.as<std::vector<std::string>>();
      } else if (value.value().type() == typeid(std::vector<std::string>)) {
        arguments.repeated_[name] = value.as<std::vector<std::string>>();
      } else if (value.value().type() == typeid(bool)) {
        if (value.as<bool>()) arguments.values_[name] = "";
      } else {
        arguments.values_[name] = value.as<std::string>();
      }
    }
  } catch (const po::unknown_option& problem) {
    std::string name = problem.get_option_name();
    size_t dashes = name.find_first_not_of('-');
    std::string bare = dashes == std::string::npos ? "" : name.substr(dashes);
    std::string_view nearest = Nearest(bare, known);
    return Usage("there is no option '" + name + "'", "",
                 nearest.empty() ? "" : "Did you mean '--" + std::string(nearest) + "'?");
  } catch (const po::multiple_occurrences& problem) {
    return Usage("the option is given twice", problem.get_option_name());
  } catch (const po::invalid_command_line_syntax& problem) {
    std::string name = problem.get_option_name();
    bool extra = problem.kind() == po::invalid_command_line_syntax::extra_parameter;
    return Usage(extra ? "the option takes no value" : "the option needs a value", name);
  } catch (const po::error& problem) {
    return Usage(problem.what(), "");
  }
  return arguments;
}

std::string Wrap(std::string_view text, size_t indent, size_t width) {
  std::string out;
  size_t column = indent;
  bool line_is_empty = true;
  while (!text.empty()) {
    size_t space = std::min(text.find(' '), text.size());
    std::string_view word = text.substr(0, space);
    text.remove_prefix(std::min(space + 1, text.size()));
    size_t word_width = DisplayWidth(word);
    if (!line_is_empty && column + 1 + word_width > width) {
      out += '\n' + std::string(indent, ' ');
      column = indent;
      line_is_empty = true;
    }
    if (!line_is_empty) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word_width;
    line_is_empty = false;
  }
  return out;
}

std::string OptionSet::Help() const {
  constexpr size_t kHelpColumn = 25;
  std::string text;
  for (const Option& option : options_) {
    std::string line = option.letter != '\0' ? std::string("  -") + option.letter + ", " : "      ";
    line += "--" + option.name;
    if (!option.value_name.empty()) line += " " + option.value_name;
    if (line.size() + 1 > kHelpColumn) {
      text += line + "\n";
      line.clear();
    }
    line.resize(kHelpColumn, ' ');
    text += line + Wrap(option.help, kHelpColumn) + "\n";
  }
  return text;
}

}  // namespace twofold
