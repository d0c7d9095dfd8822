#include "analyzer/fold/stack_order.h"

#include <algorithm>
#include <numeric>

namespace twofold {
namespace {

std::vector<uint32_t> NameRanks(const Folded& folded) {
  std::vector<uint32_t> order(folded.names.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    int compared = folded.Text(a).compare(folded.Text(b));
    if (compared != 0) return compared < 0;
    const FrameName& one = folded.names[a];
    const FrameName& other = folded.names[b];
    return one.kind != other.kind ? one.kind < other.kind : one.frame < other.frame;
  });
  std::vector<uint32_t> ranks(order.size());
  for (uint32_t i = 0; i < order.size(); ++i) ranks[order[i]] = i;
  return ranks;
}

std::vector<uint32_t> NodeRanks(const Folded& folded, const std::vector<uint32_t>& name_ranks) {
  const std::vector<FrameNode>& nodes = folded.nodes;
  // children[first_child[p] .. first_child[p + 1]) are p's children.
  std::vector<uint32_t> first_child(nodes.size() + 1, 0);
  for (size_t i = 1; i < nodes.size(); ++i) ++first_child[nodes[i].parent + 1];
  std::partial_sum(first_child.begin(), first_child.end(), first_child.begin());
  std::vector<uint32_t> children(nodes.size() - 1);
  std::vector<uint32_t> next_free(first_child.begin(), first_child.end() - 1);
  for (uint32_t i = 1; i < nodes.size(); ++i) children[next_free[nodes[i].parent]++] = i;
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (first_child[i + 1] - first_child[i] < 2) continue;
    // Last child first: the walk below takes them from the end.
    std::sort(children.begin() + first_child[i], children.begin() + first_child[i + 1],
              [&](uint32_t a, uint32_t b) {
                return name_ranks[nodes[a].name] > name_ranks[nodes[b].name];
              });
  }
  std::vector<uint32_t> ranks(nodes.size());
  std::vector<uint32_t> pending = {0};
  for (uint32_t rank = 0; !pending.empty(); ++rank) {
    uint32_t node = pending.back();
    pending.pop_back();
    ranks[node] = rank;
    pending.insert(pending.end(), children.begin() + first_child[node],
                   children.begin() + first_child[node + 1]);
  }
  return ranks;
}

}  // namespace

void SortStacks(Folded& folded) {
  std::vector<uint32_t> name_ranks = NameRanks(folded);
  std::vector<uint32_t> node_ranks = NodeRanks(folded, name_ranks);
  std::vector<FrameNode> nodes(folded.nodes.size());
  for (size_t i = 0; i < nodes.size(); ++i) {
    const FrameNode& node = folded.nodes[i];
    nodes[node_ranks[i]] = {node_ranks[node.parent], node.name, node.depth};
  }
  folded.nodes = std::move(nodes);
  for (FoldedStack& stack : folded.stacks) {
    stack.user = node_ranks[stack.user];
    stack.kernel = node_ranks[stack.kernel];
    stack.tail = node_ranks[stack.tail];
  }
  auto root_rank = [&](const FoldedStack& stack) {
    return stack.root == Folded::kNoRoot ? 0 : name_ranks[stack.root] + uint64_t{1};
  };
  std::sort(folded.stacks.begin(), folded.stacks.end(),
            [&](const FoldedStack& a, const FoldedStack& b) {
              uint64_t a_start = root_rank(a) << 32 | a.user;
              uint64_t b_start = root_rank(b) << 32 | b.user;
              if (a_start != b_start) return a_start < b_start;
              uint64_t a_end = uint64_t{a.kernel} << 32 | a.tail;
              uint64_t b_end = uint64_t{b.kernel} << 32 | b.tail;
              return a_end != b_end ? a_end < b_end : a.thread < b.thread;
            });
}

}  // namespace twofold
