#include "recorder/tracer/loss_counters.h"

#include "bpf/abi/map_sets_abi.h"
#include "recorder/tracer/per_cpu_map.h"
#include "recorder/tracer/programs.h"

namespace twofold {

static_assert(uint16_t(LossCause::kStackMapFull) == TWOFOLD_LOSS_STACK_MAP_FULL);
static_assert(uint16_t(LossCause::kRowMapFull) == TWOFOLD_LOSS_ROW_MAP_FULL);
static_assert(uint16_t(LossCause::kThreadTableFull) == TWOFOLD_LOSS_THREAD_TABLE_FULL);
static_assert(uint16_t(LossCause::kKernelStackFailed) == TWOFOLD_LOSS_KERNEL_STACK_FAILED);
static_assert(uint16_t(LossCause::kUserStackFailed) == TWOFOLD_LOSS_USER_STACK_FAILED);
static_assert(uint16_t(LossCause::kMapBusy) == TWOFOLD_LOSS_MAP_BUSY);
static_assert(uint16_t(LossCause::kTaskStorageFailed) == TWOFOLD_LOSS_TASK_STORAGE_FAILED);
static_assert(uint16_t(LossCause::kUserStackNotTaken) == TWOFOLD_LOSS_USER_STACK_NOT_TAKEN);
static_assert(uint16_t(LossCause::kWakeupMissed) == TWOFOLD_LOSS_WAKEUP_MISSED);
static_assert(uint16_t(LossCause::kAccountLost) == TWOFOLD_LOSS_ACCOUNT_LOST);
static_assert(uint16_t(LossCause::kInsertsCapped) == TWOFOLD_LOSS_INSERTS_CAPPED);
static_assert(uint16_t(LossCause::kRanUnseen) == TWOFOLD_LOSS_RAN_UNSEEN);
static_assert(uint16_t(LossCause::kChainLost) == TWOFOLD_LOSS_CHAIN_LOST);
static_assert(uint16_t(LossCause::kEventLost) == TWOFOLD_LOSS_EVENT_LOST);
static_assert(uint16_t(LossCause::kEventTimeLost) == TWOFOLD_LOSS_EVENT_TIME_LOST);
static_assert(uint16_t(LossCause::kAllocationTableFull) == TWOFOLD_LOSS_ALLOCATION_TABLE_FULL);
static_assert(uint16_t(LossCause::kFreeUnseen) == TWOFOLD_LOSS_FREE_UNSEEN);
static_assert(uint16_t(LossCause::kFreeLost) == TWOFOLD_LOSS_FREE_LOST);
static_assert(uint16_t(LossCause::kAllocationUnseen) == TWOFOLD_LOSS_ALLOCATION_UNSEEN);
static_assert(uint8_t(kLastLossSource) + 1 == TWOFOLD_LOSS_SOURCES);

Result<void> LossCounters::TakeLosses(const twofold_bpf& skeleton, std::vector<Loss>& losses) {
  for (uint32_t index = 0; index < before_.size(); ++index) {
    const Result<std::vector<twofold_loss>> per_cpu =
        ReadPerCpu<twofold_loss>(skeleton.maps.losses, index, "the loss counters");
    if (!per_cpu) return per_cpu.error();
    twofold_loss now = {};
    for (const twofold_loss& loss : *per_cpu) {
      now.count += loss.count;
      now.time_ns += loss.time_ns;
    }
    twofold_loss& before = before_[index];
    if (now.count == before.count && now.time_ns == before.time_ns) continue;
    losses.push_back(Loss{.cause = LossCause(index % TWOFOLD_LOSS_CAUSES),
                          .source = LossSource(index / TWOFOLD_LOSS_CAUSES),
                          .count = now.count - before.count,
                          .time_ns = now.time_ns - before.time_ns});
    before = now;
  }
  return {};
}

Result<uint64_t> LossCounters::TakeInserts(const twofold_bpf& skeleton) {
  const Result<std::vector<twofold_inserts>> per_cpu =
      ReadPerCpu<twofold_inserts>(skeleton.maps.inserts, 0, "the number of inserts");
  if (!per_cpu) return per_cpu.error();
  uint64_t total = 0;
  for (const twofold_inserts& inserts : *per_cpu) total += inserts.total;
  const uint64_t added = total - inserts_before_;
  inserts_before_ = total;
  return added;
}

}  // namespace twofold
