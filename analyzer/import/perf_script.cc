// Reads what 'perf script' prints. A sample is a header line, frames leaf first, and an empty line:
//
//   comm  4242/4243 [001] 15880.119773:   10101010 cpu-clock:ppp:
//   	    ffffffff81a3 do_syscall_64+0x33 ([kernel.kallsyms])
//   	            15f4 burn+0x74 (/usr/bin/program)
//
// or, where stacks were not recorded, one line with the frame at its end. perf_header.h tells of
// the fields of header lines, perf_frame.h of those of frames. Between samples may be records of
// --show-task-events and the like, and lines with more about the frame before them.
#include <algorithm>

#include "analyzer/import/imported_capture.h"
#include "analyzer/import/perf_frame.h"
#include "analyzer/import/perf_header.h"
#include "analyzer/import/text_lines.h"
#include "analyzer/import/words.h"

namespace twofold {
namespace {

constexpr uint64_t kSecondNs = 1'000'000'000;

// Whether it lets samples come in proportion to time on a CPU.
bool IsOfCpuTime(std::string_view event) { return event.find("cycles") != std::string_view::npos; }

bool IsClock(std::string_view event) { return event == "cpu-clock" || event == "task-clock"; }

class PerfScriptReader {
 public:
  PerfScriptReader(const PerfFields& fields, const std::string& event, ImportedCapture& capture)
      : fields_(fields), capture_(capture) {
    if (!event.empty()) event_ = event;
    is_wanted_ = !event.empty();
  }

  void ReadLine(std::string_view line) {
    ++notes_.lines;
    if (Trim(line).empty()) {
      EndSample();
      is_behind_record_ = false;
    } else if (line.front() == '#') {
      ReadComment(line);
    } else if (IsPerfRecord(line)) {
      EndSample();
      is_behind_record_ = true;
    } else {
      ReadLineOfSample(line);
    }
  }

  ImportNotes Finish() {
    EndSample();
    if (event_) {
      notes_.event = PerfEventName(*event_);
      const auto hz = frequency_hz_.find(notes_.event);
      notes_.is_clock = IsClock(notes_.event);
      if (hz != frequency_hz_.end() && (notes_.is_clock || IsOfCpuTime(notes_.event))) {
        notes_.period_ns = kSecondNs / hz->second;
      }
    }
    return std::move(notes_);
  }

 private:
  // With --header: "# event : name = cycles, , id = ..., { sample_period, sample_freq } = 99, ..."
  void ReadComment(std::string_view line) {
    constexpr std::string_view kName = "# event : name = ";
    constexpr std::string_view kFrequency = "sample_freq } = ";
    const size_t at = line.find(kFrequency);
    // Without that word the number is a period, of what the event counts.
    if (!line.starts_with(kName) || at == std::string_view::npos ||
        line.find(" freq = 1") == std::string_view::npos) {
      return;
    }
    std::string_view digits = line.substr(at + kFrequency.size());
    digits = digits.substr(0, digits.find_first_not_of("0123456789"));
    std::string_view name = line.substr(kName.size());
    name = PerfEventName(name.substr(0, name.find(',')));
    uint32_t hz = 0;
    if (ParseNumber(digits, hz) && hz > 0) frequency_hz_.emplace(name, hz);
  }

  void ReadLineOfSample(std::string_view line) {
    // A time is in header lines alone. Without times, what follows a header are its frames.
    const bool may_be_header =
        fields_.time || ((!fields_.has_stacks || !header_) && !IsPlaceInSource(line));
    if (may_be_header) {
      if (std::optional<PerfHeader> header = ParseHeader(line)) {
        EndSample();
        header_ = header;
        is_behind_record_ = false;
        if (header_->frame) leaf_first_.push_back(*header_->frame);
        return;
      }
    }
    // Records of namespaces have more lines.
    if (is_behind_record_) return;
    if (!header_ || !ReadMore(line)) NoteUnreadable(line, notes_);
  }

  std::optional<PerfHeader> ParseHeader(std::string_view line) const {
    if (fields_.time || fields_.event || fields_.thread || fields_.comm || !fields_.has_stacks) {
      return ParsePerfHeader(line, fields_);
    }
    // Frames alone, of nobody knows whom.
    PerfHeader header;
    header.frame = ParsePerfFrame(line);
    if (!header.frame) return std::nullopt;
    return header;
  }

  // What follows a header: a frame, where the one before is in the source, or fields that a capture
  // has no place for.
  bool ReadMore(std::string_view line) {
    if (fields_.has_stacks) {
      if (const std::optional<ImportedFrame> frame = ParsePerfFrame(line)) {
        leaf_first_.push_back(*frame);
        return true;
      }
    }
    std::string_view rest = line;
    const std::string_view word = TakeWord(rest);
    if (Trim(rest).empty()) {
      NoteSource(word);
      return true;
    }
    return word.starts_with("0x") || word.starts_with("ABI:") || word.front() == '|' ||
           word == "insn:" || word == "ilen:" || word.find("/-/") != std::string_view::npos;
  }

  // "dl-load.c:1525", of the field srcline; "libc.so.6[2724a]" tells nothing.
  void NoteSource(std::string_view word) {
    const size_t colon = word.rfind(':');
    uint32_t number = 0;
    if (leaf_first_.empty() || colon == std::string_view::npos ||
        !ParseNumber(word.substr(colon + 1), number) || number == 0 || word.starts_with("??")) {
      return;
    }
    leaf_first_.back().file = word.substr(0, colon);
    leaf_first_.back().line = number;
  }

  bool IsOfEvent(std::string_view event) const {
    return event == *event_ || PerfEventName(event) == PerfEventName(*event_);
  }

  void EndSample() {
    if (header_) AddSample();
    header_.reset();
    leaf_first_.clear();
  }

  void AddSample() {
    if (!event_) event_ = header_->event;
    // Without names of events all samples are alike.
    const bool is_unnamed = !fields_.event && !is_wanted_;
    if (!is_unnamed && !IsOfEvent(header_->event)) {
      ++notes_.other_events[std::string(PerfEventName(header_->event))];
      return;
    }
    const uint64_t period = header_->period.value_or(1);
    ++notes_.samples;
    if (header_->period) ++notes_.samples_with_period;
    if (notes_.samples == 1) notes_.period = period;
    notes_.one_period = notes_.one_period && period == notes_.period;
    std::reverse(leaf_first_.begin(), leaf_first_.end());
    std::vector<ImportedFrame>& root_first = leaf_first_;
    for (size_t i = 1; i < root_first.size(); ++i) {
      if (!root_first[i].inlined) continue;
      root_first[i].module = root_first[i - 1].module;
      root_first[i].kind = root_first[i - 1].kind;
    }
    if (!root_first.empty()) root_first.front().inlined = false;
    if (header_->thread.name.empty()) header_->thread.name = "[no name]";
    capture_.Add(header_->thread, header_->time_ns, root_first, 1, period);
  }

  const PerfFields fields_;
  std::optional<std::string> event_;  // nullopt: that of the first sample
  bool is_wanted_ = false;
  ImportedCapture& capture_;
  ImportNotes notes_;
  std::optional<PerfHeader> header_;
  std::vector<ImportedFrame> leaf_first_;
  bool is_behind_record_ = false;
  std::map<std::string, uint32_t, std::less<>> frequency_hz_;  // by event, of the text's own header
};

}  // namespace

bool LooksLikePerfScript(std::string_view text) { return FindPerfFields(text).has_value(); }

Result<ImportNotes> ReadPerfScript(std::string_view text, const std::string& event,
                                   ImportedCapture& capture) {
  const std::optional<PerfFields> fields = FindPerfFields(text);
  if (!fields) {
    return Error{"the file is no text of 'perf script'", "",
                 "Print the recording with 'perf script -i perf.data'; docs/analyzing.md lists the "
                 "forms that are read"};
  }
  PerfScriptReader reader(*fields, event, capture);
  ForEachLine(text, [&](std::string_view line) { reader.ReadLine(line); });
  return reader.Finish();
}

}  // namespace twofold
