#include "recorder/tracer/thread_table.h"

#include <bpf/libbpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "recorder/tracer/bpf_link.h"
#include "recorder/tracer/programs.h"

namespace twofold {

ThreadTable::~ThreadTable() {
  if (threads_ != nullptr) munmap(threads_, bytes_);
}

Result<void> ThreadTable::Open(twofold_bpf& skeleton, uint32_t slots) {
  skeleton_ = &skeleton;
  slots_ = slots;
  const size_t page_bytes = size_t(sysconf(_SC_PAGESIZE));
  bytes_ = (slots * sizeof(twofold_thread) + page_bytes - 1) / page_bytes * page_bytes;
  void* table = mmap(nullptr, bytes_, PROT_READ, MAP_SHARED, bpf_map__fd(skeleton.maps.threads), 0);
  if (table == MAP_FAILED) return TracerError("cannot map the thread table", errno);
  threads_ = static_cast<twofold_thread*>(table);
  return {};
}

std::vector<twofold_thread> ThreadTable::TakeNew() {
  std::vector<twofold_thread> threads;
  const uint32_t made = __atomic_load_n(&skeleton_->bss->threads_made, __ATOMIC_ACQUIRE);
  uint32_t consumed = skeleton_->bss->threads_consumed;
  while (consumed != made) {
    const uint32_t number = consumed + 1;
    const twofold_thread& slot = threads_[number & (slots_ - 1)];
    // Its number is written last: until then the program on another CPU is still at it.
    if (__atomic_load_n(&slot.thread, __ATOMIC_ACQUIRE) != number) break;
    threads.push_back(slot);
    consumed = number;
  }
  __atomic_store_n(&skeleton_->bss->threads_consumed, consumed, __ATOMIC_RELEASE);
  return threads;
}

}  // namespace twofold
