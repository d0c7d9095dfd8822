#include "format/loss_advice.h"

namespace twofold {
namespace {

// Whether less is lost where fewer threads are recorded. Process events (kEventsLost) are not here:
// those of the whole host pass through their buffer, whatever is recorded.
bool LessIsLostOfLess(LossCause cause) {
  switch (cause) {
    case LossCause::kStackMapFull:
    case LossCause::kRowMapFull:
    case LossCause::kThreadTableFull:
    case LossCause::kAccountLost:
    case LossCause::kInsertsCapped:
    case LossCause::kChainLost:
    case LossCause::kEventLost:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::string LossAdvice(const LossInfo& info, std::string_view scope) {
  std::string advice(info.advice);
  if (scope == "system" && LessIsLostOfLess(info.cause)) {
    advice += " Recording a part of the host (-p, --cgroup) helps, too.";
  }
  return advice;
}

}  // namespace twofold
