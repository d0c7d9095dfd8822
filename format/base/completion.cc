#include "format/base/completion.h"

#include <set>

namespace twofold {
namespace {

constexpr char kFiles[] = ":files\n";
constexpr char kFolders[] = ":folders\n";
constexpr char kCommands[] = ":commands\n";

// The option that a word is, without its value; null: none.
const Option* OptionOf(const OptionSet& options, std::string_view word) {
  for (const Option& option : options.options()) {
    bool is_long = !option.name.empty() && word == "--" + option.name;
    bool is_short = option.letter != '\0' && word == std::string("-") + option.letter;
    if (is_long || is_short) return &option;
  }
  return nullptr;
}

// `prefix` is what stands before the value in the same word.
std::string CompleteValue(const Option& option, const std::string& prefix,
                          std::string_view current) {
  if (option.takes == Takes::kFile) return kFiles;
  if (option.takes == Takes::kFolder) return kFolders;
  std::string text;
  for (const std::string& choice : option.choices) {
    text += CompletionLine(prefix + choice, "", prefix + std::string(current));
  }
  return text;
}

std::string CompleteName(const OptionSet& options, const std::set<const Option*>& given,
                         std::string_view current) {
  std::string text;
  for (const Option& option : options.options()) {
    if (option.name.empty() || (given.count(&option) > 0 && !option.repeats)) continue;
    const std::string_view help = option.help;
    text += CompletionLine("--" + option.name, help.substr(0, help.find('\n')), current);
  }
  if (options.takes_command()) text += CompletionLine("--", "a command to record follows", current);
  return text;
}

}  // namespace

std::string CompletionLine(std::string_view word, std::string_view description,
                           std::string_view current) {
  if (word.substr(0, current.size()) != current) return "";
  return std::string(word) + "\t" + std::string(description) + "\n";
}

std::string CompleteOptions(const OptionSet& options, const std::vector<std::string>& words) {
  if (words.empty()) return "";
  const std::string& current = words.back();
  std::set<const Option*> given;
  const Option* waits = nullptr;  // for its value, in the next word
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    if (waits != nullptr) {
      waits = nullptr;
      continue;
    }
    if (words[i] == "--") {
      return options.takes_command() && i + 2 == words.size() ? kCommands : kFiles;
    }
    const Option* option = OptionOf(options, words[i].substr(0, words[i].find('=')));
    if (option == nullptr) continue;
    given.insert(option);
    bool has_value = words[i].find('=') != std::string::npos;
    if (!option->value_name.empty() && !has_value) waits = option;
  }
  if (waits != nullptr) return CompleteValue(*waits, "", current);
  const bool may_be_file = !options.takes_command() && (current.empty() || current[0] != '-');
  if (may_be_file) return kFiles;
  size_t equals = current.find('=');
  if (equals != std::string::npos) {
    const Option* option = OptionOf(options, current.substr(0, equals));
    bool takes_value = option != nullptr && !option->value_name.empty();
    if (!takes_value) return "";
    return CompleteValue(*option, current.substr(0, equals + 1), current.substr(equals + 1));
  }
  return CompleteName(options, given, current);
}

}  // namespace twofold
