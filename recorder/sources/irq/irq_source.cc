#include "recorder/sources/irq/irq_source.h"

#include <array>
#include <cstring>
#include <string_view>
#include <utility>

#include "bpf/abi/losses_abi.h"
#include "recorder/capture/merge_rows.h"
#include "recorder/tracer/programs.h"
#include "recorder/tracer/tracer.h"

namespace twofold {
namespace {

static_assert(uint8_t(LossSource::kIrq) == TWOFOLD_SOURCE_IRQ);
static_assert(uint8_t(IrqKind::kHard) == TWOFOLD_IRQ_HARD);
static_assert(uint8_t(IrqKind::kSoft) == TWOFOLD_IRQ_SOFT);

const std::vector<std::string>& NeededTracepoints() {
  static const std::vector<std::string> names = {"irq_handler_entry", "irq_handler_exit",
                                                 "softirq_entry", "softirq_exit"};
  return names;
}

// The vectors of soft interrupts, as /proc/softirqs calls them (kernel/softirq.c:
// softirq_to_name).
constexpr std::array<std::string_view, 10> kVectors = {
    "HI", "TIMER", "NET_TX", "NET_RX", "BLOCK", "IRQ_POLL", "TASKLET", "SCHED", "HRTIMER", "RCU"};

std::string_view HandlerOf(const twofold_irq_key& key) {
  if (key.kind == TWOFOLD_IRQ_HARD) return {key.handler, strnlen(key.handler, sizeof key.handler)};
  return key.number < kVectors.size() ? kVectors[key.number] : std::string_view();
}

}  // namespace

IrqSource::IrqSource()
    : Source({.name = "irq", .help = "interrupts", .subject = "interrupts", .is_plural = true}) {}

Result<void> IrqSource::Probe() {
  const Result<KernelBtf> types = KernelBtf::Load();
  if (!types) return Error{.what = types.error().what};
  const Finding found = Tracepoints(*types, "", NeededTracepoints());
  if (!found.outcome) return Error{.what = found.outcome.error().what};
  return {};
}

void IrqSource::Check(const KernelBtf* types, std::vector<Finding>& findings) const {
  if (types == nullptr) return;
  findings.push_back(Tracepoints(*types, "interrupts", NeededTracepoints()));
}

std::vector<MapNeed> IrqSource::Maps() const {
  return {{.name = "irq_rows",
           .set = TWOFOLD_SET_IRQ_ROWS,
           .entry_bytes = HashEntryBytes(sizeof(twofold_irq_key), sizeof(twofold_irq_sums)),
           .weight = 2}};
}

std::vector<bpf_program*> IrqSource::Programs(const twofold_bpf& skeleton) const {
  const auto& programs = skeleton.progs;
  // What ends first: it does nothing about what it did not see begin.
  return {programs.hard_interrupt_ends, programs.soft_interrupt_ends,
          programs.hard_interrupt_begins, programs.soft_interrupt_begins};
}

Result<void> IrqSource::Open(Tracer& tracer) {
  skeleton_ = &tracer.skeleton();
  tracer.moves().Follow(TWOFOLD_SET_IRQ_ROWS, rows_);
  return {};
}

Result<void> IrqSource::Attach() {
  for (const bpf_program* program : Programs(*skeleton_)) {
    TWOFOLD_ASSIGN_OR_RETURN(BpfLink link, AttachProgram(program));
    links_.push_back(std::move(link));
  }
  return {};
}

void IrqSource::Detach() {
  while (!links_.empty()) links_.pop_back();
}

Result<void> IrqSource::Read(const IntervalEnd& end) {
  const uint64_t start_ns = std::exchange(interval_start_ns_, end.boundary_ns);
  return rows_.ReadDifferencesOfSum(
      end.sum, [&](const twofold_irq_key& key, const twofold_irq_value& now,
                   const twofold_irq_value& before) {
        const bool is_of_interval = now.longest_start_ns == start_ns;
        added_.push_back({.key = key,
                          .value = {.time_ns = now.time_ns - before.time_ns,
                                    .count = now.count - before.count,
                                    .longest_ns = is_of_interval ? now.longest_ns : 0,
                                    .longest_start_ns = start_ns}});
      });
}

void IrqSource::BuildRows(CaptureBuilder& builder, Interval& interval) {
  std::vector<IrqRow>& irqs = interval.irqs.emplace();
  std::vector<ThreadIrqRow>& threads = interval.thread_irqs.emplace();
  for (const auto& [key, value] : std::exchange(added_, {})) {
    if (value.count == 0) continue;
    if (key.thread != 0) {
      threads.push_back({.kind = IrqKind(key.kind),
                         .thread = builder.threads().ThreadOf(key.thread),
                         .count = value.count,
                         .time_ns = value.time_ns});
      continue;
    }
    irqs.push_back({.kind = IrqKind(key.kind),
                    .cpu = key.cpu,
                    .number = key.number,
                    .handler = builder.definitions().InternString(HandlerOf(key)),
                    .count = value.count,
                    .time_ns = value.time_ns,
                    .longest_ns = value.longest_ns});
  }
  MergeRows(irqs);
  MergeRows(threads);
}

}  // namespace twofold
