// Exact times of threads by state: table Accounts.
#pragma once

#include <vector>

#include "format/capture.h"
#include "format/records/wire.h"

namespace twofold::records {

flatbuffers::Offset<wire::Accounts> PackAccounts(flatbuffers::FlatBufferBuilder& builder,
                                                 const std::vector<Account>& rows);
MaybeFault UnpackAccounts(const wire::Accounts& table, MemoryBudget& budget,
                          std::vector<Account>& rows);
MaybeFault CheckAccounts(const std::vector<Account>& rows, const DefinitionCounts& defined,
                         Totals& totals);

// Raises `highest` to the ids that the rows name.
void NoteIds(const std::vector<Account>& rows, DefinitionCounts& highest);

}  // namespace twofold::records
