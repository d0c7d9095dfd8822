#include "analyzer/fold/filters/pattern.h"

#include <re2/re2.h>

#include <cctype>

namespace twofold {
namespace {

constexpr int64_t kMaxMemoryBytes = int64_t{8} << 20;
constexpr size_t kMaxLetters = 10000;

// Where the parenthesis is that has no partner: the first one that closes nothing, or else the last
// one that is not closed.
size_t LoneParenthesis(std::string_view expression) {
  std::vector<size_t> open;
  bool in_class = false;
  for (size_t i = 0; i < expression.size(); ++i) {
    char c = expression[i];
    if (c == '\\') {
      ++i;
    } else if (in_class) {
      in_class = c != ']';
    } else if (c == '[') {
      in_class = true;
      if (i + 1 < expression.size() && expression[i + 1] == '^') ++i;
      if (i + 1 < expression.size() && expression[i + 1] == ']') ++i;
    } else if (c == '(') {
      open.push_back(i);
    } else if (c == ')') {
      if (open.empty()) return i;
      open.pop_back();
    }
  }
  return open.empty() ? 0 : open.back();
}

size_t PositionOf(const re2::RE2& wrong, std::string_view expression) {
  if (wrong.error_code() == re2::RE2::ErrorMissingParen ||
      wrong.error_code() == re2::RE2::ErrorUnexpectedParen) {
    return LoneParenthesis(expression);
  }
  if (wrong.error_code() == re2::RE2::ErrorTrailingBackslash) return expression.size() - 1;
  size_t found = wrong.error_arg().empty() ? 0 : expression.find(wrong.error_arg());
  return found == std::string_view::npos ? 0 : found;
}

std::string SentenceOf(const re2::RE2& wrong) {
  switch (wrong.error_code()) {
    case re2::RE2::ErrorMissingParen:
      return "a parenthesis is not closed";
    case re2::RE2::ErrorUnexpectedParen:
      return "a parenthesis closes nothing";
    case re2::RE2::ErrorMissingBracket:
      return "a [ is not closed";
    case re2::RE2::ErrorRepeatArgument:
      return "there is nothing to repeat";
    case re2::RE2::ErrorRepeatOp:
      return "a repetition is repeated";
    case re2::RE2::ErrorRepeatSize:
      return "a repetition has wrong bounds";
    case re2::RE2::ErrorBadEscape:
      return "an escape has no meaning";
    case re2::RE2::ErrorBadCharClass:
    case re2::RE2::ErrorBadCharRange:
      return "a class of characters is wrong";
    case re2::RE2::ErrorTrailingBackslash:
      return "it ends in a backslash";
    case re2::RE2::ErrorBadUTF8:
      return "it is no UTF-8";
    case re2::RE2::ErrorPatternTooLarge:
      return "it is too large";
    default:
      return wrong.error();
  }
}

}  // namespace

Result<Pattern> Pattern::Parse(const std::string& expression, std::string_view option) {
  std::string where = "--" + std::string(option);
  if (expression.empty() || expression.size() > kMaxLetters) {
    return Error{expression.empty() ? "the expression is empty" : "the expression is too long",
                 where, "Give a regular expression such as 'malloc|free'", Error::Kind::kUsage};
  }
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_never_capture(true);
  options.set_max_mem(kMaxMemoryBytes);
  Pattern pattern;
  auto compiled = std::make_shared<const re2::RE2>(expression, options);
  if (!compiled->ok()) {
    size_t position = PositionOf(*compiled, expression);
    return Error{"'" + expression + "' is no regular expression: " + SentenceOf(*compiled) +
                     ", at letter " + std::to_string(position + 1),
                 where, "A backslash makes the letter behind it stand for itself",
                 Error::Kind::kUsage};
  }
  pattern.expression_ = std::move(compiled);
  return pattern;
}

std::vector<bool> Pattern::Matches(const Folded& folded) const {
  auto is_found_in = [&](const std::string& text) {
    return !text.empty() && re2::RE2::PartialMatch(text, *expression_);
  };
  std::vector<bool> text_matches;
  for (const std::string& text : folded.texts) text_matches.push_back(is_found_in(text));
  std::vector<bool> module_matches;
  for (const ModuleDetail& module : folded.details.modules) {
    module_matches.push_back(is_found_in(module.path));
  }
  std::vector<bool> matches;
  for (const FrameName& name : folded.names) {
    bool can = name.kind != FrameKind::kRoot && name.kind != FrameKind::kSeparator;
    bool found = can && text_matches[name.text];
    if (can && !found && name.frame != 0 && !folded.details.frames.empty()) {
      const FrameDetail& frame = folded.details.frames[name.frame - 1];
      found = (frame.module != 0 && module_matches[frame.module - 1]) || is_found_in(frame.file);
    }
    matches.push_back(found);
  }
  return matches;
}

std::vector<bool> NodesWith(const Folded& folded, const std::vector<bool>& matches) {
  std::vector<bool> with(folded.nodes.size(), false);
  for (size_t i = 1; i < with.size(); ++i) {
    const FrameNode& node = folded.nodes[i];
    with[i] = with[node.parent] || matches[node.name];
  }
  return with;
}

bool HasAny(const FoldedStack& stack, const std::vector<bool>& matches,
            const std::vector<bool>& nodes_with) {
  bool in_root = stack.root != Folded::kNoRoot && matches[stack.root];
  return in_root || nodes_with[stack.user] || nodes_with[stack.kernel] || nodes_with[stack.tail];
}

}  // namespace twofold
