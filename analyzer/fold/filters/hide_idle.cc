// --hide-idle: blocked time without the threads that wait for work: kernel threads, pools, event
// loops, timers (waits/wait_places.txt). How much that is, and of what kind, is said in a note.
#include <array>

#include "analyzer/fold/filters/filters.h"
#include "analyzer/fold/refold.h"
#include "analyzer/fold/wait_frames.h"
#include "analyzer/waits/wait_places.h"
#include "format/base/units.h"

namespace twofold {
namespace {

std::string NoteOn(const std::array<uint64_t, kIdleKinds>& hidden, uint64_t total) {
  uint64_t all = 0;
  std::string kinds;
  for (size_t i = 0; i < kIdleKinds; ++i) {
    if (hidden[i] == 0) continue;
    all += hidden[i];
    kinds += (kinds.empty() ? "" : ", ") + std::string(NameOf(static_cast<IdleKind>(i))) + " " +
             FormatDuration(int64_t(hidden[i]));
  }
  if (all == 0) return "--hide-idle: nothing of what is shown waits for work";
  return "hidden as waiting for work: " + FormatDuration(int64_t(all)) + ", " +
         FormatShare(double(all), double(total)) + " (" + kinds + ")";
}

// Whether it is time of FoldRequest::with_waiting: the thread has been woken already, or runs on.
bool WaitsForCpu(const Folded& folded, const FoldedStack& stack) {
  if (stack.tail == 0) return false;
  std::string_view text = folded.Text(folded.nodes[stack.tail].name);
  return text == "[woken]" || text == "[preempted]";
}

Folded Apply(const WaitPlaces& known, Folded folded) {
  WaitPlaces places = known;  // it remembers what it met
  std::array<uint64_t, kIdleKinds> hidden = {};
  uint64_t total = folded.total;
  Refold refold(std::move(folded));
  for (size_t i = 0; i < refold.old().stacks.size(); ++i) {
    FoldedStack stack = refold.old().stacks[i];
    IdleKind idle = WaitsForCpu(refold.old(), stack)
                        ? IdleKind::kNone
                        : places.IdleOf(WaitFrames(refold.old(), stack).functions);
    if (idle != IdleKind::kNone) {
      hidden[size_t(idle)] += stack.value;
      continue;
    }
    stack.user = refold.PlaceOf(stack.user);
    stack.kernel = refold.PlaceOf(stack.kernel);
    stack.tail = refold.PlaceOf(stack.tail);
    refold.Add(i, stack);
  }
  Folded left = refold.Finish();
  left.notes.push_back(NoteOn(hidden, total));
  return left;
}

Result<StackStep> Make(const std::string&) {
  TWOFOLD_ASSIGN_OR_RETURN(WaitPlaces places, WaitPlaces::Load());
  auto apply = [places](Folded folded) { return Apply(places, std::move(folded)); };
  return StackStep{apply, /*needs_details=*/true};
}

}  // namespace

const StackFilter kHideIdleFilter = {
    "hide-idle", "",
    "of blocked time: without what waits for work: kernel threads, pools, event loops and timers; "
    "a note tells how much that is",
    Make, /*of_sleepers=*/true};

}  // namespace twofold
