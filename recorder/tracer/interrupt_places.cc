#include "recorder/tracer/interrupt_places.h"

#include <bpf/btf.h>

#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "recorder/tracer/programs.h"

namespace twofold {
namespace {

// How far a CPU's variables are from its run queue, in bytes, as the kernel's types tell.
class CpuVariables {
 public:
  explicit CpuVariables(const btf* types) {
    const int section = btf__find_by_name_kind(types, ".data..percpu", BTF_KIND_DATASEC);
    if (section <= 0) return;
    const btf_type* variables = btf__type_by_id(types, uint32_t(section));
    const btf_var_secinfo* variable = btf_var_secinfos(variables);
    for (uint32_t i = 0; i < btf_vlen(variables); ++i, ++variable) {
      const btf_type* type = btf__type_by_id(types, variable->type);
      const std::string_view name = btf__name_by_offset(types, type->name_off);
      offsets_.try_emplace(std::string(name), variable->offset);
      // 6.2 to 6.14 (commits 64701838bf05, 46e8fff6d45f) keep some in a structure.
      if (name == "pcpu_hot") AddMembers(types, *variable, btf__type_by_id(types, type->type));
    }
  }

  // 0: the types do not tell.
  int64_t DistanceTo(std::string_view name) const {
    const auto run_queue = offsets_.find("runqueues");
    const auto variable = offsets_.find(name);
    if (run_queue == offsets_.end() || variable == offsets_.end()) return 0;
    return variable->second - run_queue->second;
  }

 private:
  // The structure's only member is a union of a structure and padding.
  void AddMembers(const btf* types, const btf_var_secinfo& variable, const btf_type* hot) {
    while (hot != nullptr && btf_is_composite(hot) && btf_vlen(hot) > 0) {
      const btf_member* member = btf_members(hot);
      for (uint32_t i = 0; i < btf_vlen(hot); ++i, ++member) {
        offsets_.try_emplace(btf__name_by_offset(types, member->name_off),
                             variable.offset + btf_member_bit_offset(hot, i) / 8);
      }
      hot = btf__type_by_id(types, btf_members(hot)->type);
    }
  }

  std::map<std::string, int64_t, std::less<>> offsets_;
};

// Which bits of the preempt count tell that an interrupt is served (include/linux/preempt.h:
// HARDIRQ_MASK and NMI_MASK). From 7.3 on (commit 9634d860ac15) they are higher, behind a count of
// how often interrupts were disabled, which the variable belongs to.
uint32_t InterruptBits(const btf* types) {
  const bool counts_disabling =
      btf__find_by_name_kind(types, "local_interrupt_disable_state", BTF_KIND_VAR) > 0;
  return counts_disabling ? 0x1f000000 : 0x00ff0000;
}

}  // namespace

void SetInterruptPlaces(twofold_bpf& skeleton) {
  btf* types = btf__load_vmlinux_btf();
  if (types == nullptr) return;
  const CpuVariables variables(types);
  // 6.2 to 6.14 call it preempt_count.
  const int64_t distance = variables.DistanceTo("__preempt_count");
  skeleton.rodata->preempt_count_distance =
      distance != 0 ? distance : variables.DistanceTo("preempt_count");
  skeleton.rodata->interrupt_stack_distance = variables.DistanceTo("hardirq_stack_ptr");
  skeleton.rodata->interrupt_bits = InterruptBits(types);
  btf__free(types);
}

void SetInterruptEntries(twofold_bpf& skeleton, const KernelSymbols& kernel_symbols) {
  struct Range {
    std::string_view first;
    std::string_view end;  // empty: the one function
  };
  const auto find = [&](const Range& range, __u64& start, __u64& end) {
    // No function that is asked for is longer.
    constexpr uint64_t kLongestBytes = 0x4000;
    start = kernel_symbols.AddressOf(range.first).value_or(0);
    end = start != 0 && range.end.empty() ? start + kLongestBytes
                                          : kernel_symbols.AddressOf(range.end).value_or(0);
    // A function of unknown length ends where the next one begins.
    while (range.end.empty() && end > start + 1) {
      const std::optional<KernelSymbols::Hit> hit = kernel_symbols.Find(end - 1);
      if (hit && hit->name == range.first) break;
      // Where the symbols have a gap, it is nearer.
      end =
          hit && hit->offset < end - 1 - start ? end - 1 - hit->offset : start + (end - start) / 2;
    }
  };
  auto& bss = *skeleton.bss;
  find({"__irqentry_text_start", "__irqentry_text_end"}, bss.irq_entry_start, bss.irq_entry_end);
  const Range softirq[] = {{"__softirqentry_text_start", "__softirqentry_text_end"},
                           {"handle_softirqs", ""},
                           {"__do_softirq", ""}};
  for (size_t i = 0; i < std::size(softirq); ++i) {
    find(softirq[i], bss.softirq_entry_start[i], bss.softirq_entry_end[i]);
  }
  // What hands a packet to its receiver, and what makes a softirq of the sender's do it: the
  // function that lets softirqs in again after the packet was queued. Before 6.4 that is also the
  // one above __dev_queue_xmit.
  const std::string_view delivers[] = {"process_backlog", "veth_poll"};
  const std::string_view transmits[] = {
      "__dev_queue_xmit",  "__dev_direct_xmit",  "netif_rx",           "netif_rx_ni",
      "ip_finish_output2", "ip6_finish_output2", "__ip_finish_output", "__ip6_finish_output"};
  static_assert(std::size(delivers) == std::extent_v<decltype(bss.deliver_start)>);
  static_assert(std::size(transmits) == std::extent_v<decltype(bss.transmit_start)>);
  for (size_t i = 0; i < std::size(delivers); ++i) {
    find({delivers[i], ""}, bss.deliver_start[i], bss.deliver_end[i]);
  }
  find({"__local_bh_enable_ip", ""}, bss.let_softirqs_in_start, bss.let_softirqs_in_end);
  for (size_t i = 0; i < std::size(transmits); ++i) {
    find({transmits[i], ""}, bss.transmit_start[i], bss.transmit_end[i]);
  }
}

}  // namespace twofold
