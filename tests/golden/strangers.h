// A recorded command is woken by whatever else runs on the machine. Those strangers must not get
// into a golden capture.
#pragma once

#include "format/capture.h"

namespace twofold {

// Takes everything from a capture that tells of processes other than those that it measured and
// their children: the user stacks of such wakers, and every string that nothing else names (of
// processes, threads, modules and symbols), which becomes "other-1", "other-2" and so on. Ids stay
// as they are.
void HideStrangers(Capture& capture);

}  // namespace twofold
