// What the parts of `twofold info` share, and those that are not in info.cc itself. Every part
// gives whole lines, sentences of at most 80 columns, or nothing where the capture has nothing of
// it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "analyzer/data/database.h"
#include "format/base/result.h"

namespace twofold {

constexpr size_t kInfoWidth = 80;  // of sentences

constexpr size_t kInfoLabelWidth = 14;

// Of tables: what info says goes to standard output.
size_t InfoTableWidth();

// "  label       text", with the text wrapped and made harmless.
std::string InfoLine(std::string_view label, std::string_view text);

// The first row of a query, whose only parameter is the capture's id. Error: there is none.
Result<Statement> FirstRow(Database& database, const char* sql, int64_t capture_id);

// Which blocks were kept, and with how many wakers: lines of the part "Recording". Empty where
// blocked time was not recorded.
Result<std::string> DescribeBlockSettings(Database& database, int64_t capture_id);

// How far user stacks and their names can be trusted, by process. Empty where there are none.
Result<std::string> DescribeNames(Database& database, int64_t capture_id);

// Instead of all parts: the files whose frames lack names.
Result<std::string> DescribeModules(Database& database, int64_t capture_id);

// What the host's CPUs did. Empty where it was not recorded.
Result<std::string> DescribeCpus(Database& database, int64_t capture_id);

// What the hardware counters counted. Empty where they were not recorded.
Result<std::string> DescribeCounters(Database& database, int64_t capture_id);

// What was allocated and what was left, what TCP sent again, and which programs were executed. Each
// is empty where it was not recorded.
Result<std::string> DescribeMemory(Database& database, int64_t capture_id);
Result<std::string> DescribeRetransmits(Database& database, int64_t capture_id);
Result<std::string> DescribeExecs(Database& database, int64_t capture_id);

// Page faults. Empty where they were not recorded.
Result<std::string> DescribeFaults(Database& database, int64_t capture_id);

// Where the time of all threads went, exactly. Empty where the capture has no accounts.
Result<std::string> DescribeAccounting(Database& database, int64_t capture_id);

// Whether the sums of accounts, intervals and views agree: lines of the part "Accounting".
Result<std::string> DescribeSums(Database& database, int64_t capture_id);

// What recording gave up to keep to its limit. Empty where it did not.
Result<std::string> DescribeSteps(Database& database, int64_t capture_id);

// What recording cost.
Result<std::string> DescribeCost(Database& database, int64_t capture_id);

}  // namespace twofold
