// Who made threads able to run, and what had woken those: what tables Wakers and Chains of a
// Definitions block have beyond the fields of wakers.h.
#pragma once

#include <cstdint>
#include <vector>

#include "format/capture.h"
#include "format/records/wire.h"

namespace twofold::records {

MaybeFault CheckWakers(const std::vector<Waker>& rows, const DefinitionCounts& defined);

// A table without rows is left out.
// `defined_before`: how many chains earlier blocks define.
flatbuffers::Offset<wire::Chains> PackChains(flatbuffers::FlatBufferBuilder& builder,
                                             const std::vector<Chain>& rows,
                                             uint32_t defined_before);
MaybeFault UnpackChains(const wire::Chains& table, MemoryBudget& budget, uint32_t defined_before,
                        std::vector<Chain>& rows);

// Appends the lengths of new chains to `chain_wakers`; the caller takes them away again on a fault.
MaybeFault CheckChains(const std::vector<Chain>& rows, const DefinitionCounts& defined,
                       std::vector<uint8_t>& chain_wakers);

}  // namespace twofold::records
