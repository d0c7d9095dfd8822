#include "analyzer/import/perf_header.h"

#include <algorithm>
#include <vector>

#include "analyzer/import/perf_frame.h"
#include "analyzer/import/text_lines.h"
#include "analyzer/import/words.h"

namespace twofold {
namespace {

// Enough to see every field, few enough to be quick.
constexpr size_t kLinesToLookAt = 2000;
constexpr std::string_view kDigits = "0123456789";

bool IsNumber(std::string_view word) {
  return !word.empty() && word.find_first_not_of(kDigits) == std::string_view::npos;
}

// "15880.119773:" in nanoseconds.
std::optional<int64_t> ParseTime(std::string_view word) {
  if (!word.ends_with(':')) return std::nullopt;
  word.remove_suffix(1);
  const size_t point = word.find('.');
  if (point == std::string_view::npos || word.size() - point > 10) return std::nullopt;
  uint32_t seconds = 0;
  uint32_t fraction = 0;
  if (!ParseNumber(word.substr(0, point), seconds)) return std::nullopt;
  if (!ParseNumber(word.substr(point + 1), fraction)) return std::nullopt;
  int64_t nanoseconds = fraction;
  for (size_t digits = word.size() - point - 1; digits < 9; ++digits) nanoseconds *= 10;
  return int64_t{seconds} * 1'000'000'000 + nanoseconds;
}

bool IsCpu(std::string_view word) {
  return word.size() > 2 && word.front() == '[' && word.back() == ']' &&
         IsNumber(word.substr(1, word.size() - 2));
}

// Field misc: where the sample hit and the like, such as "K" or "U".
bool IsMisc(std::string_view word) {
  return !word.empty() && word.size() <= 4 &&
         word.find_first_not_of("KUHGgMFTSCEDLJR") == std::string_view::npos;
}

// "4243", "4242/4243" or "-1", which stands for a thread that perf did not know.
bool ParseThread(std::string_view word, ImportedThread& thread) {
  const auto parse = [](std::string_view text, uint32_t& number) {
    number = 0;
    if (text == "-1" || text == "4294967295") return true;
    return ParseNumber(text, number);
  };
  const size_t slash = word.find('/');
  if (slash == std::string_view::npos) return parse(word, thread.tid);
  return parse(word.substr(0, slash), thread.pid) && parse(word.substr(slash + 1), thread.tid);
}

bool IsEvent(std::string_view word) { return word.size() > 1 && word.back() == ':'; }

// Takes an event from the beginning of `text`: "cycles:u:", or "raw 0x1a8:" as older versions have.
std::string_view TakeEvent(std::string_view& text) {
  std::string_view rest = text;
  std::string_view event = TakeWord(rest);
  if (event == "raw") {
    const std::string_view number = TakeWord(rest);
    event = std::string_view(event.data(), size_t(number.data() + number.size() - event.data()));
  }
  if (!IsEvent(event)) return {};
  text = rest;
  return event.substr(0, event.size() - 1);
}

// Finds the time: the first word of that form with something of the kind of `fields` before it.
struct TimePlace {
  std::string_view left;
  std::string_view right;
  int64_t time_ns = 0;
};

std::optional<TimePlace> FindTime(std::string_view line) {
  // Most words have no such end, so that they need not be cut out.
  for (size_t colon = line.find(':'); colon != std::string_view::npos;
       colon = line.find(':', colon + 1)) {
    if (colon + 1 < line.size() && !IsBlank(line[colon + 1])) continue;
    size_t begin = colon;
    while (begin > 0 && !IsBlank(line[begin - 1])) --begin;
    const std::optional<int64_t> time_ns = ParseTime(line.substr(begin, colon + 1 - begin));
    if (time_ns) return TimePlace{line.substr(0, begin), line.substr(colon + 1), *time_ns};
  }
  return std::nullopt;
}

// Finds the event of a line without a time. Behind a thread, or a period, it is the first word of
// its form; a name may end with ':' itself ("nginx: worker"), so that without a thread it is the
// last one before the frame.
bool FindEvent(std::string_view line, const PerfFields& fields, std::string_view& left,
               std::string_view& right) {
  size_t end = line.size();
  if (!fields.thread && !fields.has_stacks) FindPerfFrame(line, /*behind_arguments=*/false, end);
  bool found = false;
  std::string_view rest = line;
  while (true) {
    while (!rest.empty() && IsBlank(rest.front())) rest.remove_prefix(1);
    const auto at = size_t(rest.data() - line.data());
    if (rest.empty() || at >= end) return found;
    std::string_view behind = rest;
    if (!TakeEvent(behind).empty()) {
      std::string_view before = line.substr(0, at);
      ImportedThread thread;
      const std::string_view last = TakeLastWord(before);
      if (!fields.thread || ParseThread(last, thread) || IsCpu(last)) {
        left = line.substr(0, at);
        right = rest;
        found = true;
        if (fields.thread) return true;
      }
    }
    TakeWord(rest);
  }
}

// Reads "comm  4242/4243 [001] misc" from its end.
bool ParseWho(std::string_view text, const PerfFields& fields, PerfHeader& header) {
  std::string_view rest = text;
  std::string_view word = TakeLastWord(rest);
  if (fields.thread) {
    if (IsMisc(word)) word = TakeLastWord(rest);
    if (IsCpu(word)) word = TakeLastWord(rest);
    if (!ParseThread(word, header.thread)) return false;
  } else if (!IsCpu(word)) {
    rest = text;
  }
  header.thread.name = Trim(rest);
  return fields.comm || header.thread.name.empty();
}

void FindFrame(std::string_view text, PerfHeader& header) {
  text = Trim(text);
  if (text.empty()) return;
  size_t before = 0;
  const bool is_tracepoint = PerfEventName(header.event).find(':') != std::string_view::npos;
  header.frame = FindPerfFrame(text, is_tracepoint, before);
}

// How many of the lines looked at have something.
struct Votes {
  size_t lines = 0;
  size_t time = 0;
  size_t event = 0;
  size_t thread = 0;
  size_t comm = 0;
  size_t period = 0;

  bool Most(size_t count) const { return count * 10 >= lines * 8 && lines > 0; }
};

// Counts the numbers at the end of `text`, and takes them away.
size_t TakeNumbers(std::string_view& text) {
  size_t numbers = 0;
  while (true) {
    std::string_view rest = text;
    ImportedThread thread;
    const std::string_view word = TakeLastWord(rest);
    if (word.empty() || !(ParseThread(word, thread) || IsCpu(word))) return numbers;
    if (!IsCpu(word)) ++numbers;
    text = rest;
  }
}

// Votes of lines by what stands before the time or the event: who.
void VoteOnWho(std::string_view left, bool may_have_period, Votes& votes) {
  std::string_view rest = left;
  if (const std::string_view word = TakeLastWord(rest); IsMisc(word) && !rest.empty()) left = rest;
  rest = left;
  const size_t numbers = TakeNumbers(rest);
  // A name may end with a number; then other lines have fewer of them.
  if (numbers >= 1) ++votes.thread;
  if (numbers >= 2 && may_have_period) ++votes.period;
  if (!Trim(rest).empty()) ++votes.comm;
}

PerfFields FieldsWithTimes(const std::vector<std::string_view>& lines) {
  Votes votes;
  for (std::string_view line : lines) {
    const std::optional<TimePlace> time = FindTime(line);
    if (!time) continue;
    ++votes.lines;
    VoteOnWho(time->left, /*may_have_period=*/false, votes);
    std::string_view right = time->right;
    const bool is_period = IsNumber(TakeWord(right));
    if (!is_period) right = time->right;
    const bool has_event = !TakeEvent(right).empty();
    if (has_event) ++votes.event;
    // Without an event a number may be an address, unless another number follows.
    std::string_view rest = right;
    uint64_t address = 0;
    if (is_period && (has_event || Trim(right).empty() || ParseAddress(TakeWord(rest), address))) {
      ++votes.period;
    }
  }
  PerfFields fields;
  fields.time = true;
  fields.event = votes.Most(votes.event);
  fields.thread = votes.Most(votes.thread);
  fields.comm = votes.comm > 0;
  // Tracepoints have none, beside events that do.
  fields.period = fields.event ? votes.period > 0 : votes.Most(votes.period);
  return fields;
}

PerfFields FieldsWithoutTimes(const std::vector<std::string_view>& lines, bool has_stacks) {
  Votes with_event;
  Votes all;
  for (std::string_view line : lines) {
    std::string_view left;
    std::string_view right;
    ++all.lines;
    if (FindEvent(line, {.thread = true, .has_stacks = has_stacks}, left, right) ||
        FindEvent(line, {.has_stacks = has_stacks}, left, right)) {
      ++with_event.lines;
      VoteOnWho(left, /*may_have_period=*/true, with_event);
    }
    size_t before = line.size();
    if (!has_stacks) FindPerfFrame(line, /*behind_arguments=*/false, before);
    VoteOnWho(line.substr(0, before), /*may_have_period=*/true, all);
  }
  PerfFields fields;
  fields.event = all.Most(with_event.lines);
  const Votes& votes = fields.event ? with_event : all;
  fields.thread = votes.Most(votes.thread);
  fields.period = votes.Most(votes.period);
  fields.comm = votes.comm > 0;
  return fields;
}

// The first lines of a text, by what they may be.
struct FirstLines {
  std::vector<std::string_view> all;
  std::vector<std::string_view> first;  // of the text, and behind empty lines
  std::vector<std::string_view> timed;  // with a time
  size_t frames = 0;                    // of stacks
  size_t stacks_without_header = 0;     // begin with a frame
  size_t frames_in_line = 0;            // lines with a frame at their end
  bool has_stacks = false;
};

FirstLines LookAt(std::string_view text) {
  constexpr size_t kAddressDigits = 5;
  FirstLines lines;
  bool is_first = true;
  while (!text.empty() && lines.all.size() < kLinesToLookAt) {
    const std::string_view line = TakeLine(text);
    if (line.starts_with('#') || IsPerfRecord(line)) continue;
    if (Trim(line).empty()) {
      is_first = true;
      // Empty lines at the end of the text end no stack.
      lines.has_stacks =
          lines.has_stacks || text.find_first_not_of("\r\n\t ") != std::string_view::npos;
      continue;
    }
    if (IsPlaceInSource(line)) continue;
    lines.all.push_back(line);
    size_t before = 0;
    std::string_view rest = line;
    if (FindTime(line)) {
      lines.timed.push_back(line);
    } else if ((IsBlank(line.front()) || (!is_first && TakeWord(rest).size() >= kAddressDigits)) &&
               ParsePerfFrame(line)) {
      ++lines.frames;
      // Only frames of stacks begin so; a thread's number may look like an address.
      const bool is_of_stack = line.front() == '\t';
      if (is_first && is_of_stack) ++lines.stacks_without_header;
      lines.has_stacks = lines.has_stacks || is_of_stack || !lines.timed.empty();
    }
    if (FindPerfFrame(line, /*behind_arguments=*/false, before)) {
      rest = line.substr(before);
      if (TakeWord(rest).size() >= kAddressDigits) ++lines.frames_in_line;
    }
    if (is_first) lines.first.push_back(line);
    is_first = false;
  }
  return lines;
}

// Takes the period behind the time. Where no event follows that would tell it from an address, the
// file's other lines tell.
void TakePeriod(const PerfFields& fields, std::string_view& right, PerfHeader& header) {
  std::string_view rest = right;
  uint64_t period = 0;
  if (!fields.period || !ParseNumber(TakeWord(rest), period)) return;
  std::string_view behind = rest;
  if (fields.event && TakeEvent(behind).empty()) return;
  header.period = period;
  right = rest;
}

}  // namespace

bool IsPerfRecord(std::string_view line) {
  const size_t at = line.find("PERF_RECORD_");
  return at != std::string_view::npos && (at == 0 || IsBlank(line[at - 1]));
}

std::string_view PerfEventName(std::string_view event) {
  const size_t colon = event.rfind(':');
  if (colon == std::string_view::npos) return event;
  const bool is_modifier =
      event.find_first_not_of("ukhGHIpPSDWeb", colon + 1) == std::string_view::npos;
  return is_modifier ? event.substr(0, colon) : event;
}

std::optional<PerfFields> FindPerfFields(std::string_view text) {
  const FirstLines lines = LookAt(text);
  const std::vector<std::string_view>& headers = lines.has_stacks ? lines.first : lines.all;
  std::optional<PerfFields> fields;
  if (!lines.timed.empty() && lines.timed.size() * 2 >= lines.first.size() &&
      (lines.has_stacks || lines.timed.size() * 3 >= lines.all.size())) {
    fields = FieldsWithTimes(lines.timed);
  } else if (lines.has_stacks && lines.frames * 3 >= lines.all.size() &&
             lines.frames > lines.stacks_without_header) {
    fields = lines.stacks_without_header * 2 > lines.first.size()
                 ? PerfFields()
                 : FieldsWithoutTimes(headers, /*has_stacks=*/true);
  } else if (!lines.has_stacks && !lines.all.empty() &&
             lines.frames_in_line * 10 >= lines.all.size() * 8) {
    fields = FieldsWithoutTimes(headers, /*has_stacks=*/false);
  }
  if (fields) fields->has_stacks = lines.has_stacks;
  return fields;
}

std::optional<PerfHeader> ParsePerfHeader(std::string_view line, const PerfFields& fields) {
  PerfHeader header;
  std::string_view left;
  std::string_view right;
  if (fields.time) {
    const std::optional<TimePlace> time = FindTime(line);
    if (!time) return std::nullopt;
    header.time_ns = time->time_ns;
    left = time->left;
    right = time->right;
    TakePeriod(fields, right, header);
    if (fields.event) {
      header.event = TakeEvent(right);
      if (header.event.empty()) return std::nullopt;
    }
  } else if (fields.event) {
    if (!FindEvent(line, fields, left, right)) return std::nullopt;
    header.event = TakeEvent(right);
  } else {
    left = line;
    size_t before = 0;
    if (!fields.has_stacks) {
      header.frame = FindPerfFrame(line, /*behind_arguments=*/false, before);
      if (header.frame) left = line.substr(0, before);
    }
  }
  if (!fields.time && fields.period) {
    uint64_t period = 0;
    if (!ParseNumber(TakeLastWord(left), period)) return std::nullopt;
    header.period = period;
  }
  if (!ParseWho(left, fields, header)) return std::nullopt;
  if (!header.frame) FindFrame(right, header);
  return header;
}

}  // namespace twofold
