#include "recorder/cli/completion.h"

#include <algorithm>
#include <cctype>
#include <sstream>
#include <string_view>

#include "recorder/cli/options.h"

namespace twofold {
namespace {

struct Shown {
  std::string long_name;   // "--pid"; empty: `--`, in front of a command
  std::string short_name;  // "-p"; empty: none
  std::string value;       // "PID,..." or "cpu,offcpu"; empty: a flag
  std::string text;        // the first line of its description
};

// The options of --help: lines such as "  -p, --pid PID,...     these processes".
std::vector<Shown> ShownOptions() {
  std::vector<Shown> options;
  std::istringstream stream(HelpText());
  for (std::string line; std::getline(stream, line);) {
    if (line.rfind("  -", 0) != 0) continue;
    size_t end = std::min(line.find("  ", 2), line.size());
    Shown option;
    std::istringstream words(line.substr(2, end - 2));
    for (std::string word; words >> word;) {
      if (word.rfind("--", 0) == 0) {
        option.long_name = word;
      } else if (word[0] == '-') {
        option.short_name = word.substr(0, word.find(','));
      } else {
        option.value = word;
      }
    }
    size_t text = line.find_first_not_of(' ', end);
    if (text != std::string::npos) option.text = line.substr(text);
    if (option.long_name != "--") options.push_back(option);
  }
  return options;
}

bool Begins(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

std::string Line(std::string_view word, std::string_view text, std::string_view current) {
  if (!Begins(word, current)) return "";
  return std::string(word) + "\t" + std::string(text) + "\n";
}

// A value in small letters is not a word for values: it is what the option takes.
std::string CompleteValue(const Shown& option, const std::string& prefix,
                          const std::string& current) {
  if (option.value == "FILE") return ":files\n";
  if (option.value == "PATH") return ":folders\n";
  bool literal = std::none_of(option.value.begin(), option.value.end(),
                              [](unsigned char c) { return std::isupper(c) != 0; });
  if (!literal) return "";
  std::string text;
  std::istringstream values(option.value);
  for (std::string value; std::getline(values, value, ',');) {
    text += Line(prefix + value, "", prefix + current);
  }
  return text + Line(prefix + option.value, "", prefix + current);
}

}  // namespace

std::string Completions(const std::vector<std::string>& words) {
  if (words.empty()) return "";
  const std::string& current = words.back();
  const std::vector<Shown> options = ShownOptions();
  const auto option_of = [&](const std::string& word) -> const Shown* {
    for (const Shown& option : options) {
      if (!word.empty() && (word == option.long_name || word == option.short_name)) return &option;
    }
    return nullptr;
  };
  const Shown* waits = nullptr;  // for its value, in the next word
  std::vector<const Shown*> given;
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    if (waits != nullptr) {
      waits = nullptr;
      continue;
    }
    if (words[i] == "--") return i + 2 == words.size() ? ":commands\n" : ":files\n";
    const Shown* option = option_of(words[i].substr(0, words[i].find('=')));
    if (option == nullptr) continue;
    given.push_back(option);
    bool has_value = words[i].find('=') != std::string::npos;
    if (!option->value.empty() && !has_value) waits = option;
  }
  if (waits != nullptr) return CompleteValue(*waits, "", current);
  const size_t equals = current.find('=');
  if (equals != std::string::npos) {
    const Shown* option = option_of(current.substr(0, equals));
    if (option == nullptr || option->value.empty()) return "";
    return CompleteValue(*option, current.substr(0, equals + 1), current.substr(equals + 1));
  }
  std::string text;
  for (const Shown& option : options) {
    if (std::find(given.begin(), given.end(), &option) != given.end()) continue;
    text += Line(option.long_name, option.text, current);
  }
  return text + Line("--", "a command to record follows", current);
}

}  // namespace twofold
