// Losses of an interval: table Losses.
#pragma once

#include <vector>

#include "format/capture.h"
#include "format/records/wire.h"

namespace twofold::records {

flatbuffers::Offset<wire::Losses> PackLosses(flatbuffers::FlatBufferBuilder& builder,
                                             const std::vector<Loss>& losses);
MaybeFault UnpackLosses(const wire::Losses& table, MemoryBudget& budget, std::vector<Loss>& losses);
MaybeFault CheckLosses(const std::vector<Loss>& losses, Totals& totals);

}  // namespace twofold::records
