#include "analyzer/data/pools.h"

#include <cstddef>

#include "analyzer/data/flat_map.h"

namespace twofold {
namespace {

constexpr uint32_t kNone = UINT32_MAX;

enum class Level : uint8_t { kNameAndImage, kImage, kAll };

// Numbers for what threads have in common.
class Kinship {
 public:
  explicit Kinship(const Definitions& definitions) : definitions_(definitions) {}

  // Equal for threads that share it.
  uint32_t Of(ThreadId thread, Level level) {
    const std::vector<Thread>& threads = definitions_.threads;
    bool is_known = thread.value >= 1 && thread.value <= threads.size();
    if (level == Level::kAll || !is_known) return 0;
    const Thread& known = threads[thread.value - 1];
    uint32_t image = ImageOf(known.process);
    if (level == Level::kImage) return image;
    return Number(names_, uint64_t{known.name.value} << 32 | image);
  }

 private:
  uint32_t ImageOf(ProcessId id) {
    const std::vector<Process>& processes = definitions_.processes;
    if (id.value < 1 || id.value > processes.size()) return 0;
    const Process& process = processes[id.value - 1];
    bool has_file = process.executable.value != 0;
    uint32_t name = has_file ? process.executable.value : process.name.value;
    return 1 + Number(images_, uint64_t{name} << 1 | (has_file ? 1 : 0));
  }

  static uint32_t Number(FlatMap& numbers, uint64_t key) {
    bool inserted = false;
    return numbers.FindOrInsert(key, uint32_t(numbers.size()), inserted);
  }

  const Definitions& definitions_;
  FlatMap images_;
  FlatMap names_;
};

}  // namespace

Pools FormPools(const Definitions& definitions, const std::vector<PoolMember>& members) {
  Pools pools;
  pools.of_member.assign(members.size(), kNone);
  std::vector<uint32_t> open;  // members without a pool
  for (uint32_t i = 0; i < members.size(); ++i) {
    bool is_pool = members[i].is_alone || members[i].expected_samples >= kEnoughSamples;
    if (is_pool) {
      pools.of_member[i] = pools.count++;
    } else {
      open.push_back(i);
    }
  }
  Kinship kinship(definitions);
  for (Level level : {Level::kNameAndImage, Level::kImage, Level::kAll}) {
    struct Group {
      double expected_samples = 0;
      uint32_t pool = kNone;
    };
    std::vector<Group> groups;
    std::vector<uint32_t> group_of;
    FlatMap group_ids;
    for (uint32_t i : open) {
      uint64_t key = uint64_t{kinship.Of(members[i].thread, level)} << 4 | members[i].kind;
      bool inserted = false;
      uint32_t group = group_ids.FindOrInsert(key, uint32_t(groups.size()), inserted);
      if (inserted) groups.push_back({});
      groups[group].expected_samples += members[i].expected_samples;
      group_of.push_back(group);
    }
    std::vector<uint32_t> still_open;
    for (size_t j = 0; j < open.size(); ++j) {
      Group& group = groups[group_of[j]];
      if (level != Level::kAll && group.expected_samples < kEnoughSamples) {
        still_open.push_back(open[j]);
        continue;
      }
      if (group.pool == kNone) group.pool = pools.count++;
      pools.of_member[open[j]] = group.pool;
    }
    open = std::move(still_open);
  }
  return pools;
}

}  // namespace twofold
