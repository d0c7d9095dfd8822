// Stand-ins for definitions that were lost with a damaged block, so that what refers to them can
// still be read: each shows as "[damaged]".
#pragma once

#include "format/capture.h"
#include "format/records/progress.h"

namespace twofold {

class Placeholders {
 public:
  // Something was lost: from now on ids may be missing. Before that a gap is a fault.
  void Allow() { allowed_ = true; }

  // Defines all ids up to `last` that are not defined. `exactly`: the ids defined so far must not
  // go beyond `last` either. Fault: a gap although nothing was lost, ids that are defined twice,
  // more than the budget has room for.
  MaybeFault FillUpTo(const DefinitionCounts& last, bool exactly, MemoryBudget& budget,
                      Definitions& definitions, Progress& progress);

  // Gives every placeholder its meaning, by definitions behind the last one of the file. Call once,
  // when all blocks are read.
  void Resolve(Definitions& definitions) const;

 private:
  struct Gap {
    DefinitionCounts after;  // the last ids that are defined
    DefinitionCounts last;   // the last ids of the gap
  };

  bool allowed_ = false;
  std::vector<Gap> gaps_;
};

}  // namespace twofold
