// Reads what 'perf script' prints. A sample is a header line, frames leaf first, and an empty line:
//
//   comm  4242/4243 [001] 15880.119773:   10101010 cpu-clock:ppp:
//   	    ffffffff81a3 do_syscall_64+0x33 ([kernel.kallsyms])
//   	            15f4 burn+0x74 (/usr/bin/program)
//
// The command's name may hold spaces; pid, CPU, time and period may be missing.
#include <charconv>
#include <cmath>

#include "analyzer/import/imported_capture.h"
#include "analyzer/import/text_lines.h"

namespace twofold {
namespace {

constexpr bool IsBlank(char c) { return c == ' ' || c == '\t'; }

std::string_view Trim(std::string_view text) {
  while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
  return text;
}

bool ParseNumber(std::string_view text, uint32_t& number) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  return !text.empty() && parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
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

struct Word {
  size_t begin;
  std::string_view text;
};

struct Header {
  ImportedThread thread;
  std::optional<int64_t> time_ns;
  uint64_t period = 0;
  std::string_view event;
};

class PerfScriptReader {
 public:
  PerfScriptReader(std::string event, ImportedCapture& capture) : capture_(capture) {
    if (!event.empty()) event_ = std::move(event);
  }

  void ReadLine(std::string_view line) {
    ++notes_.lines;
    if (Trim(line).empty()) {
      Finish();
    } else if (line.front() == '#') {
      ReadComment(line);
    } else if (IsBlank(line.front()) && header_) {
      if (!ReadFrame(Trim(line))) NoteUnreadable(line, notes_);
    } else {
      Finish();
      header_ = ParseHeader(line);
      if (!header_) NoteUnreadable(line, notes_);
    }
  }

  ImportNotes Finish() {
    if (header_) AddSample();
    header_.reset();
    leaf_first_.clear();
    return notes_;
  }

 private:
  // With --header: "# event : name = cycles, , id = ..., { sample_period, sample_freq } = 99, ..."
  void ReadComment(std::string_view line) {
    constexpr std::string_view kFrequency = "sample_freq } = ";
    const size_t at = line.find(kFrequency);
    // Without that word the number is a period, of what the event counts.
    if (at == std::string_view::npos || line.find(" freq = 1") == std::string_view::npos) return;
    std::string_view digits = line.substr(at + kFrequency.size());
    digits = digits.substr(0, digits.find_first_not_of("0123456789"));
    uint32_t hz = 0;
    if (ParseNumber(digits, hz) && hz > 0) period_of_frequency_ns_ = 1'000'000'000 / hz;
  }

  // The thread's number is the first that a CPU or a time follows, else the last one.
  std::optional<Header> ParseHeader(std::string_view line) {
    std::vector<Word> words;
    for (size_t at = 0; at < line.size();) {
      while (at < line.size() && IsBlank(line[at])) ++at;
      const size_t begin = at;
      while (at < line.size() && !IsBlank(line[at])) ++at;
      if (at > begin) words.push_back({begin, line.substr(begin, at - begin)});
    }
    const auto follows = [&](size_t i) {
      return i < words.size() && (words[i].text.front() == '[' || ParseTime(words[i].text));
    };
    std::optional<size_t> place;
    Header header;
    for (size_t i = 1; i < words.size(); ++i) {
      uint32_t pid = 0;
      uint32_t tid = 0;
      const std::string_view text = words[i].text;
      const size_t slash = text.find('/');
      const bool is_number =
          slash == std::string_view::npos
              ? ParseNumber(text, tid)
              : ParseNumber(text.substr(0, slash), pid) && ParseNumber(text.substr(slash + 1), tid);
      // What follows is a period otherwise.
      if (!is_number || (place && !follows(i + 1))) continue;
      place = i;
      header.thread.tid = tid;
      header.thread.pid = slash == std::string_view::npos ? 0 : pid;
      if (follows(i + 1)) break;
    }
    if (!place) return std::nullopt;
    header.thread.name = Trim(line.substr(0, words[*place].begin));
    size_t next = *place + 1;
    if (next < words.size() && words[next].text.front() == '[') ++next;
    if (next < words.size()) {
      header.time_ns = ParseTime(words[next].text);
      if (header.time_ns) ++next;
    }
    uint32_t period = 0;
    if (next < words.size() && ParseNumber(words[next].text, period)) {
      header.period = period;
      ++next;
    }
    // 'perf script -F' may leave it out.
    if (next >= words.size()) return header;
    if (!words[next].text.ends_with(':')) return std::nullopt;
    header.event = words[next].text;
    header.event.remove_suffix(1);
    return header;
  }

  // "15f4 burn+0x74 (/usr/bin/program)"; names may hold spaces and parentheses.
  bool ReadFrame(std::string_view text) {
    const size_t space = text.find(' ');
    uint64_t address = 0;
    const auto parsed =
        std::from_chars(text.data(), text.data() + std::min(space, text.size()), address, 16);
    const size_t open = text.rfind(" (");
    if (space == std::string_view::npos || parsed.ptr != text.data() + space ||
        open == std::string_view::npos || text.back() != ')' || open < space) {
      return false;
    }
    ImportedFrame frame;
    frame.module = text.substr(open + 2, text.size() - open - 3);
    std::string_view name = Trim(text.substr(space, open - space));
    if (const size_t plus = name.rfind("+0x"); plus != std::string_view::npos && plus > 0) {
      name = name.substr(0, plus);
    }
    if (frame.module == "inlined") {
      // It comes before the frame that it was inlined into, of the same module.
      frame.inlined = true;
    } else if (frame.module.starts_with("[kernel") || frame.module.starts_with("[guest.kernel")) {
      frame.kind = ModuleKind::kKernel;
      frame.module = "[kernel]";
    } else if (frame.module.starts_with('[') && frame.module != "[vdso]" &&
               frame.module != "[unknown]" && frame.module != "[heap]" &&
               frame.module != "[stack]") {
      frame.kind = ModuleKind::kKernelModule;
      frame.module = frame.module.substr(1, frame.module.size() - 2);
    } else if (IsRuntimeMap(frame.module)) {
      frame.kind = ModuleKind::kRuntime;
      frame.module = "[jit]";
    }
    if (name != "[unknown]") frame.name = name;
    // An address of the kernel would tell where it lies.
    if (!frame.IsKernel()) frame.offset = address;
    if (frame.name.empty() && frame.IsKernel()) frame.name = "[kernel address without symbol]";
    leaf_first_.push_back(frame);
    return true;
  }

  static bool IsRuntimeMap(std::string_view module) {
    const std::string_view file = module.substr(module.rfind('/') + 1);
    return file.starts_with("perf-") && file.ends_with(".map");
  }

  void AddSample() {
    if (!event_) event_ = header_->event;
    if (header_->event != *event_) {
      ++notes_.other_events[std::string(header_->event)];
      return;
    }
    if (notes_.period_ns == 0) {
      const bool is_clock = event_->starts_with("cpu-clock") || event_->starts_with("task-clock");
      notes_.period_ns =
          is_clock && header_->period != 0 ? header_->period : period_of_frequency_ns_;
    }
    std::vector<ImportedFrame> root_first(leaf_first_.rbegin(), leaf_first_.rend());
    for (size_t i = 1; i < root_first.size(); ++i) {
      if (!root_first[i].inlined) continue;
      root_first[i].module = root_first[i - 1].module;
      root_first[i].kind = root_first[i - 1].kind;
    }
    if (!root_first.empty() && root_first.front().inlined) root_first.front().inlined = false;
    capture_.Add(header_->thread, header_->time_ns, root_first, 1);
  }

  std::optional<std::string> event_;  // nullopt: that of the first sample
  ImportedCapture& capture_;
  ImportNotes notes_;
  std::optional<Header> header_;
  std::vector<ImportedFrame> leaf_first_;
  uint64_t period_of_frequency_ns_ = 0;
};

}  // namespace

ImportNotes ReadPerfScript(std::string_view text, const std::string& event,
                           ImportedCapture& capture) {
  PerfScriptReader reader(event, capture);
  ForEachLine(text, [&](std::string_view line) { reader.ReadLine(line); });
  return reader.Finish();
}

}  // namespace twofold
