#include "recorder/sources/finding.h"

#include "recorder/host/kernel_features.h"

namespace twofold {

Finding Outcome(const std::string& name, const Result<void>& result, const std::string& words) {
  if (!result) return {name, result.error()};
  return {name, words};
}

Finding AllOf(const std::string& name, const std::vector<Result<void>>& results,
              const std::string& words) {
  for (const Result<void>& result : results) {
    if (!result) return {name, result.error()};
  }
  return {name, words};
}

Finding Tracepoints(const KernelBtf& types, const std::string& name,
                    const std::vector<std::string>& tracepoints) {
  std::vector<Result<void>> results;
  std::string words;
  for (const std::string& tracepoint : tracepoints) {
    results.push_back(TryTracepoint(types, tracepoint));
    words += (words.empty() ? "" : ", ") + tracepoint;
  }
  return AllOf(name, results, words);
}

}  // namespace twofold
