#include "analyzer/waits/wait_places.h"

#include <sstream>

#include "analyzer/waits/wait_kinds_text.h"
#include "format/base/suggest.h"

namespace twofold {
namespace {

// In the order of WaitPlaces::Word, after kUnknown.
constexpr std::string_view kWords[] = {"machinery", "entry", "pool", "events", "timer", "result"};

// A name without what compilers add behind it: "do_wait.isra.0" is do_wait.
std::string_view WithoutTail(std::string_view function) {
  size_t tail = function.size();
  for (std::string_view mark : {".isra.", ".part.", ".constprop.", ".cold", ".lto_priv."}) {
    tail = std::min(tail, function.find(mark));
  }
  return tail == 0 ? function : function.substr(0, tail);
}

IdleKind IdleKindOf(WaitKind kind) {
  switch (kind) {
    case WaitKind::kIdleWorker:
      return IdleKind::kKernelThread;
    case WaitKind::kSleep:
      return IdleKind::kTimer;
    case WaitKind::kPoll:
    case WaitKind::kSignal:
      return IdleKind::kEvents;
    default:
      return IdleKind::kNone;
  }
}

}  // namespace

std::string_view NameOf(IdleKind kind) {
  switch (kind) {
    case IdleKind::kKernelThread:
      return "kernel threads";
    case IdleKind::kPool:
      return "pools";
    case IdleKind::kEvents:
      return "events";
    case IdleKind::kTimer:
      return "timers";
    case IdleKind::kNone:
      break;
  }
  return "";
}

Result<WaitPlaces> WaitPlaces::Load() { return Parse(kWaitPlacesText, "wait_places.txt"); }

Result<WaitPlaces> WaitPlaces::Parse(std::string_view text, const std::string& name) {
  TWOFOLD_ASSIGN_OR_RETURN(WaitKinds kinds, WaitKinds::Load());
  WaitPlaces places(std::move(kinds));
  TWOFOLD_RETURN_IF_ERROR(places.Add(text, name));
  return places;
}

Result<void> WaitPlaces::Add(std::string_view text, const std::string& name) {
  std::istringstream lines{std::string(text)};
  size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    std::string where = name + ", line " + std::to_string(++number);
    line.resize(std::min(line.find('#'), line.size()));
    std::istringstream words(line);
    std::string word;
    std::string pattern;
    std::string more;
    if (!(words >> word)) continue;
    if (!(words >> pattern) || words >> more) {
      return Error{"this is no line of places that wait", where,
                   "Write WORD FUNCTION, such as 'pool  my_worker_loop'", Error::Kind::kUsage};
    }
    size_t index = 0;
    while (index < std::size(kWords) && kWords[index] != word) ++index;
    if (index == std::size(kWords)) {
      return Error{"there is no word '" + word + "' for places that wait", where,
                   Suggestion(word, {std::begin(kWords), std::end(kWords)}), Error::Kind::kUsage};
    }
    lines_.push_back({pattern, static_cast<Word>(index + 1)});
  }
  return {};
}

const WaitPlaces::Meaning& WaitPlaces::MeaningOf(std::string_view function) {
  auto [place, fresh] = meanings_.try_emplace(std::string(function));
  if (!fresh) return place->second;
  Meaning& meaning = place->second;
  std::string_view bare = WithoutTail(function);
  for (const Line& line : lines_) {
    if (!MatchesPattern(line.pattern, function) && !MatchesPattern(line.pattern, bare)) continue;
    if (line.word == Word::kMachinery || line.word == Word::kEntry) {
      meaning.is_machinery = true;
      meaning.is_entry = meaning.is_entry || line.word == Word::kEntry;
    } else if (meaning.waits_for == Word::kUnknown) {
      meaning.waits_for = line.word;
    }
  }
  return meaning;
}

size_t WaitPlaces::PlaceOf(std::span<const WaitFunction> functions) {
  size_t outermost = npos;
  for (size_t i = 0; i < functions.size(); ++i) {
    const Meaning& meaning = MeaningOf(functions[i].name);
    if (!meaning.is_machinery) return i;
    if (!meaning.is_entry) outermost = i;
  }
  if (outermost == npos && !functions.empty()) return 0;
  return outermost;
}

IdleKind WaitPlaces::IdleOf(std::span<const WaitFunction> functions) {
  std::vector<std::string_view> of_kernel;
  for (const WaitFunction& function : functions) {
    if (MeaningOf(function.name).waits_for == Word::kResult) return IdleKind::kNone;
    if (function.is_kernel) of_kernel.push_back(function.name);
  }
  size_t place = PlaceOf(functions);
  if (place == npos) return IdleKind::kNone;
  switch (MeaningOf(functions[place].name).waits_for) {
    case Word::kPool:
      return IdleKind::kPool;
    case Word::kEvents:
      return IdleKind::kEvents;
    case Word::kTimer:
      return IdleKind::kTimer;
    default:
      return IdleKindOf(kinds_.Classify('S', of_kernel));
  }
}

}  // namespace twofold
