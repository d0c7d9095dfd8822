// Where the time of each CPU went: table CpuTimes.
#pragma once

#include <vector>

#include "format/capture.h"
#include "format/records/wire.h"

namespace twofold::records {

flatbuffers::Offset<wire::CpuTimes> PackCpuTimes(flatbuffers::FlatBufferBuilder& builder,
                                                 const std::vector<CpuTime>& rows);
MaybeFault UnpackCpuTimes(const wire::CpuTimes& table, MemoryBudget& budget,
                          std::vector<CpuTime>& rows);
MaybeFault CheckCpuTimes(const std::vector<CpuTime>& rows, Totals& totals);

}  // namespace twofold::records
