#include "analyzer/fold/stack_merger.h"

namespace twofold {
namespace {

constexpr uint32_t kNone = UINT32_MAX;

}  // namespace

uint32_t StackMerger::Add(const FoldedStack& stack) {
  uint64_t hash = stack.root == Folded::kNoRoot ? 0 : forest_.HashOfFirst(stack.root);
  for (uint32_t node : {stack.user, stack.kernel, stack.tail}) {
    hash = forest_.AddToHash(hash, node);
  }
  hash ^= uint64_t{stack.thread} << 32;
  bool inserted = false;
  uint32_t fresh = uint32_t(folded_.stacks.size());
  uint32_t index = stack_ids_.FindOrInsert(hash, fresh, inserted);
  while (!inserted) {
    FoldedStack& found = folded_.stacks[index];
    if (AreSame(found, stack)) {
      found.value += stack.value;
      found.count += stack.count;
      found.divisor += stack.divisor;
      found.divisor_count += stack.divisor_count;
      found.variance += stack.variance;
      return index;
    }
    if (next_with_hash_[index] == kNone) {
      next_with_hash_[index] = fresh;
      break;
    }
    index = next_with_hash_[index];
  }
  folded_.stacks.push_back(stack);
  next_with_hash_.push_back(kNone);
  return fresh;
}

bool StackMerger::AreSame(const FoldedStack& a, const FoldedStack& b) const {
  if (a.thread != b.thread) return false;
  bool same_nodes =
      a.root == b.root && a.user == b.user && a.kernel == b.kernel && a.tail == b.tail;
  return same_nodes || IdentitiesOf(a) == IdentitiesOf(b);
}

// Leaf first.
std::vector<uint32_t> StackMerger::IdentitiesOf(const FoldedStack& stack) const {
  std::vector<uint32_t> identities;
  for (uint32_t node : {stack.tail, stack.kernel, stack.user}) {
    for (; node != 0; node = forest_.Parent(node)) {
      identities.push_back(forest_.IdentityOf(forest_.Name(node)));
    }
  }
  if (stack.root != Folded::kNoRoot) identities.push_back(forest_.IdentityOf(stack.root));
  return identities;
}

}  // namespace twofold
