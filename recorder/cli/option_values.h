// Values of options, read into what holds them: each of these makes an Option::set. `option` is
// what errors call it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "format/base/ids.h"
#include "format/base/result.h"

namespace twofold {

using SetValue = std::function<Result<void>(const std::string& value)>;

// An error of Kind::kUsage: what is wrong with an option, and what it takes.
Error UsageError(const std::string& option, const std::string& what, const std::string& takes);

// Of a flag.
SetValue SetTo(bool& target, bool value = true);

// Any text but an empty one, for which `empty` is the error.
SetValue ReadText(std::string& target, Error empty);

SetValue ReadSeconds(std::string option, double least, double most,
                     std::function<void(double seconds)> set);

// A whole number of `unit`s.
SetValue ReadCount(std::string option, uint64_t least, uint64_t most, std::string unit,
                   std::function<void(uint64_t count)> set);
template <typename Number>
SetValue ReadCount(std::string option, uint64_t least, uint64_t most, std::string unit,
                   Number& target) {
  return ReadCount(std::move(option), least, most, std::move(unit),
                   [&target](uint64_t count) { target = static_cast<Number>(count); });
}

// Ids with commas between them; the target has none twice, in the order given.
SetValue ReadPids(std::string option, std::vector<Pid>& target);
SetValue ReadTids(std::string option, std::vector<Tid>& target);

// A percentage in hundredths of a per cent; "none" and 0: 0.
SetValue ReadPercent(std::string option, uint32_t& target_permyriad);

// The words between commas; an empty one where two commas, or a comma and an end, have nothing
// between them.
std::vector<std::string> SplitAtCommas(const std::string& text);

}  // namespace twofold
