// What `--check` finds out about a host.
#pragma once

#include <string>
#include <vector>

#include "format/base/result.h"
#include "recorder/host/kernel_btf.h"

namespace twofold {

// The words that go with it where it is there; else why it is not.
struct Finding {
  std::string name;
  Result<std::string> outcome;
};

Finding Outcome(const std::string& name, const Result<void>& result, const std::string& words);

// What the first failure of a list keeps from working is not there.
Finding AllOf(const std::string& name, const std::vector<Result<void>>& results,
              const std::string& words);

Finding Tracepoints(const KernelBtf& types, const std::string& name,
                    const std::vector<std::string>& tracepoints);

template <typename T>
Result<void> Ignoring(const Result<T>& result) {
  if (!result) return result.error();
  return {};
}

}  // namespace twofold
