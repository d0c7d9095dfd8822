// What shells offer: the values that options declare are those that the commands take.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "analyzer/commands/command.h"
#include "tests/analyzer/capture_maker.h"

namespace twofold::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Capture() {
  CaptureMaker maker;
  maker.Cpu(maker.AddThread("a", 1), maker.Stack({"main"}), StackId(), 1);
  maker.EndInterval();
  return WriteTemporary("choices.twofold", maker.Finish());
}

// What has to stand beside an option for its value to be looked at.
std::vector<std::string> Beside(const std::string& command, const std::string& option) {
  static const std::map<std::string, std::vector<std::string>> needed = {
      {"table of", {"--view", "top"}},
      {"diff width", {"--format", "svg"}},
      {"import unit", {"-o", "-", "--from", "folded"}},
      {"import from", {"-o", "-"}},
  };
  auto found = needed.find(command + " " + option);
  return found != needed.end() ? found->second : std::vector<std::string>();
}

RunResult RunWith(const std::string& command, const std::string& option, const std::string& value) {
  std::vector<std::string> words = {command, "--" + option, value};
  for (const std::string& word : Beside(command, option)) words.push_back(word);
  std::string capture = command == "import" ? WriteTemporary("old.folded", "a;b 1\n") : Capture();
  words.push_back(capture);
  if (command == "diff") words.push_back(capture);
  if (command == "sql") words.emplace_back("SELECT 1");
  return RunTwofold(words);
}

std::string Joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

TEST(Choices, AreAllThatTheCommandsKnow) {
  int choices = 0;
  for (const Command* command : Commands()) {
    const OptionSet options = OptionsOf(*command);
    for (const Option& option : options.options()) {
      if (option.value_name.empty() || option.value_name == "FILE") continue;
      if (option.repeats) continue;
      std::string name(command->name);
      RunResult result = RunWith(name, option.name, "xyzzy");
      if (option.choices.empty()) {
        EXPECT_THAT(result.words, Not(HasSubstr("Known: "))) << name << " --" << option.name;
      } else {
        EXPECT_EQ(result.status, 2) << name << " --" << option.name;
        EXPECT_THAT(result.words, HasSubstr("Known: " + Joined(option.choices) + ".\n"))
            << name << " --" << option.name;
        ++choices;
      }
    }
  }
  EXPECT_GE(choices, 15);
}

TEST(Help, NamesEveryOption) {
  for (const Command* command : Commands()) {
    const std::string help = RunTwofold({"help", std::string(command->name)}).output;
    const OptionSet options = OptionsOf(*command);
    for (const Option& option : options.options()) {
      EXPECT_THAT(help, HasSubstr(option.Shown())) << command->name;
    }
  }
}

TEST(Choices, AreOfferedWithTheirOptions) {
  EXPECT_EQ(RunTwofold({"--complete", "fold", "--root", ""}).output,
            "process\t\nthread\t\ncomm\t\ncgroup\t\ncapture\t\nnone\t\n");
  EXPECT_EQ(RunTwofold({"--complete", "fold", "--root=t"}).output, "--root=thread\t\n");
  EXPECT_EQ(RunTwofold({"--complete", "flame", "--title", "--root", ""}).output, ":files\n");
  EXPECT_EQ(RunTwofold({"--complete", "flame", "--title", ""}).output, "");
  EXPECT_EQ(RunTwofold({"--complete", "symbolize", "--debug-dir="}).output, ":folders\n");
  EXPECT_EQ(RunTwofold({"--complete", "fold", "-o", "x"}).output, ":files\n");
  EXPECT_EQ(RunTwofold({"--complete", "fold", "--", "--ro"}).output, ":files\n");
  EXPECT_EQ(RunTwofold({"--complete", "nonsense", "--"}).output, "");
  EXPECT_EQ(RunTwofold({"--complete"}).status, 0);
}

}  // namespace
}  // namespace twofold::testing
