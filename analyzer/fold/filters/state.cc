// --state: time in these states, by the letters of ps(1).
#include "analyzer/fold/filters/filters.h"

namespace twofold {
namespace {

constexpr std::string_view kLetters = "RSDTtPI?";

Result<Condition> Make(const std::string& value) {
  Condition condition;
  for (char letter : value) {
    if (kLetters.find(letter) == std::string_view::npos) {
      condition.parameters.clear();
      break;
    }
    condition.parameters.emplace_back(std::string(1, letter));
  }
  if (condition.parameters.empty()) {
    return Error{"'" + value + "' is no list of states", "--state",
                 "Give letters of R S D T t P I ?, such as SD", Error::Kind::kUsage};
  }
  condition.sql = "state IN (" + Placeholders(condition.parameters.size()) + ")";
  return condition;
}

}  // namespace

const Filter kStateFilter = {
    "state", "LETTERS",
    "only these states, letters as in ps: D waits for a disk or a lock, S sleeps", "state", Make};

}  // namespace twofold
