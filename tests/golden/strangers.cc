#include "tests/golden/strangers.h"

#include <set>
#include <string>
#include <vector>

namespace twofold {
namespace {

// The parent of the first process and of the kernel's threads; made-up processes have it, too.
constexpr Pid kNobody(0);

// Which definitions may be shown, by id; [0] is nobody's.
class Shown {
 public:
  explicit Shown(const Capture& capture)
      : capture_(capture),
        all_(capture.definitions),
        processes_(all_.processes.size() + 1),
        threads_(all_.threads.size() + 1),
        stacks_(all_.stacks.size() + 1),
        strings_(all_.strings.size() + 1) {
    ShowRows();
    ShowProcesses();
    ShowWakers();
    ShowStacks();
  }

  bool Has(ThreadId thread) const { return threads_[thread.value]; }
  bool Has(StringId text) const { return strings_[text.value]; }

 private:
  void ShowRows() {
    const auto row = [&](const auto& r) {
      threads_[r.thread.value] = true;
      stacks_[r.kernel_stack.value] = true;
      stacks_[r.user_stack.value] = true;
    };
    for (const Interval& interval : capture_.intervals) {
      if (interval.cpu) {
        for (const CpuRow& r : interval.cpu->rows) row(r);
      }
      if (interval.counters) {
        for (const CounterRow& r : interval.counters->rows) row(r);
      }
      if (interval.blocked) {
        for (const BlockedRow& r : *interval.blocked) row(r);
      }
      if (interval.waiting) {
        for (const WaitingRow& r : *interval.waiting) row(r);
      }
      if (interval.wait_counts) {
        for (const WaitCount& r : *interval.wait_counts) threads_[r.thread.value] = true;
      }
      if (interval.accounts) {
        for (const Account& r : *interval.accounts) threads_[r.thread.value] = true;
      }
      for (const Exemplar& r : interval.exemplars) row(r);
      if (interval.allocations) {
        for (const AllocationRow& r : *interval.allocations) row(r);
      }
      if (interval.outstanding) {
        for (const OutstandingRow& r : *interval.outstanding) row(r);
      }
      if (interval.retransmits) {
        for (const RetransmitRow& r : interval.retransmits->rows) {
          threads_[r.thread.value] = true;
          stacks_[r.kernel_stack.value] = true;
          strings_[r.local_address.value] = true;
          strings_[r.remote_address.value] = true;
        }
      }
      if (interval.execs) {
        for (const ExecRow& r : *interval.execs) {
          threads_[r.thread.value] = true;
          for (StringId text : {r.parent_name, r.file, r.arguments}) strings_[text.value] = true;
        }
      }
    }
  }

  // What was measured, all images of it, and its children.
  void ShowProcesses() {
    std::set<Pid> pids;
    for (size_t i = 0; i < all_.threads.size(); ++i) {
      if (threads_[i + 1]) pids.insert(capture_.GetProcess(all_.threads[i].process).pid);
    }
    for (size_t known = 0; known != pids.size();) {
      known = pids.size();
      for (const Process& process : all_.processes) {
        if (process.parent_pid != kNobody && pids.count(process.parent_pid) != 0) {
          pids.insert(process.pid);
        }
      }
    }
    for (size_t i = 0; i < all_.processes.size(); ++i) {
      const Process& process = all_.processes[i];
      if (pids.count(process.pid) == 0) continue;
      processes_[i + 1] = true;
      for (StringId text : {process.name, process.executable, process.cgroup}) Show(text);
    }
    for (size_t i = 0; i < all_.threads.size(); ++i) {
      if (!processes_[all_.threads[i].process.value]) continue;
      threads_[i + 1] = true;
      Show(all_.threads[i].name);
      Show(all_.threads[i].cgroup);
    }
  }

  // Kernel functions are the same everywhere.
  void ShowWakers() {
    for (const Waker& waker : all_.wakers) {
      stacks_[waker.kernel_stack.value] = true;
      if (Has(waker.thread)) stacks_[waker.user_stack.value] = true;
    }
  }

  void ShowStacks() {
    for (size_t id = all_.stacks.size(); id != 0; --id) {
      if (!stacks_[id]) continue;
      const StackNode& node = all_.stacks[id - 1];
      stacks_[node.parent.value] = true;
      const Frame& frame = capture_.GetFrame(node.frame);
      Show(frame.symbol);
      Show(frame.file);
      Show(capture_.GetModule(frame.module).path);
      Show(capture_.GetModule(frame.module).build_id);
    }
  }

  void Show(StringId text) { strings_[text.value] = true; }

  const Capture& capture_;
  const Definitions& all_;
  std::vector<bool> processes_;
  std::vector<bool> threads_;
  std::vector<bool> stacks_;
  std::vector<bool> strings_;
};

}  // namespace

void HideStrangers(Capture& capture) {
  const Shown shown(capture);
  for (Waker& waker : capture.definitions.wakers) {
    if (!shown.Has(waker.thread)) waker.user_stack = StackId();
  }
  int hidden = 0;
  std::vector<std::string>& strings = capture.definitions.strings;
  for (size_t i = 0; i < strings.size(); ++i) {
    if (shown.Has(StringId(uint32_t(i + 1)))) continue;
    strings[i] = "other-" + std::to_string(++hidden);
  }
}

}  // namespace twofold
