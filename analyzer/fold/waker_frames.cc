#include "analyzer/fold/waker_frames.h"

#include "analyzer/data/dense_table.h"

namespace twofold {
namespace {

constexpr uint32_t kNoName = UINT32_MAX;
constexpr uint32_t kUnknown = UINT32_MAX;

// Upside down, stacks share no callers, so a small file can describe very many frames. Chains
// beyond these limits end in a frame that says so. Hosts stay far below: these are 100,000 wakers
// with 40 frames each, none of which are the same.
constexpr size_t kMaxNodes = size_t{1} << 22;
constexpr size_t kMaxFrames = size_t{1} << 27;

constexpr std::string_view kWakerUnknown = "[waker unknown]";
constexpr std::string_view kStillBlocked = "[still blocked]";

}  // namespace

Result<void> WakerFrames::Read(Database& database) {
  TWOFOLD_RETURN_IF_ERROR(
      ReadDenseTable(database, "waker",
                     "SELECT waker_id, kind, thread_id, kernel_stack_id, user_stack_id FROM waker "
                     "ORDER BY waker_id",
                     [&](const Statement& row) { return ReadWaker(row); }));
  chains_.push_back({});
  TWOFOLD_RETURN_IF_ERROR(ReadDenseTable(
      database, "chain", "SELECT chain_id, waker_id, next_chain_id FROM chain ORDER BY chain_id",
      [&](const Statement& row) -> Result<void> {
        int64_t waker = row.Int(1);
        int64_t next = row.Int(2);
        if (waker < 1 || !IsIndexOf(waker - 1, wakers_)) return IdGap("waker");
        // A next chain is an earlier one: so there are no circles.
        if (!IsIndexOf(next, chains_)) return IdGap("chain");
        chains_.push_back({uint32_t(waker - 1), uint32_t(next)});
        return {};
      }));
  tails_.assign(chains_.size(), kUnknown);
  return {};
}

Result<void> WakerFrames::ReadWaker(const Statement& row) {
  int64_t thread = row.Int(2);
  int64_t kernel = row.Int(3);
  int64_t user = row.Int(4);
  if (!IsIndexOf(kernel, stacks_) || !IsIndexOf(user, stacks_)) return IdGap("stack");
  Waker waker;
  waker.kernel = stacks_[size_t(kernel)];
  waker.user = stacks_[size_t(user)];
  waker.name = kNoName;
  if (row.Text(1) != "task") {
    waker.name = forest_.NameOf("[" + std::string(row.Text(1)) + "]", FrameKind::kSpecial);
  } else if (row.IsNull(2)) {
    waker.name = forest_.NameOf(kWakerUnknown, FrameKind::kSpecial);
  } else if (!names_.empty()) {
    if (thread < 1 || !IsIndexOf(thread - 1, names_)) return IdGap("thread");
    waker.name = names_[size_t(thread) - 1];
  } else if (waker.kernel == 0 && waker.user == 0) {
    waker.name = forest_.NameOf("[no stack]", FrameKind::kSpecial);
  }
  wakers_.push_back(waker);
  return {};
}

uint32_t WakerFrames::TailOf(uint32_t chain, bool still_blocked) {
  if (chain != 0) {
    if (tails_[chain] == kUnknown) tails_[chain] = Tail(chain);
    return tails_[chain];
  }
  std::string_view message = still_blocked ? kStillBlocked : kWakerUnknown;
  uint32_t separator = forest_.Child(0, forest_.NameOf("--", FrameKind::kSeparator));
  return forest_.Child(separator, forest_.NameOf(message, FrameKind::kSpecial));
}

uint32_t WakerFrames::Tail(uint32_t chain) {
  uint32_t separator = forest_.NameOf("--", FrameKind::kSeparator);
  uint32_t node = 0;
  for (; chain != 0; chain = chains_[chain].next) {
    node = forest_.Child(node, separator);
    if (nodes_made_ > kMaxNodes || frames_walked_ > kMaxFrames) {
      return forest_.Child(node, forest_.NameOf("[too many wakers]", FrameKind::kSpecial));
    }
    const Waker& waker = wakers_[chains_[chain].waker];
    size_t nodes_before = forest_.node_count();
    node = AddUpsideDown(node, waker.kernel);
    node = AddUpsideDown(node, waker.user);
    if (waker.name != kNoName) node = forest_.Child(node, waker.name);
    nodes_made_ += forest_.node_count() - nodes_before;
    if (shape_ != StackShape::kSleeperAndChain) break;
  }
  return node;
}

uint32_t WakerFrames::AddUpsideDown(uint32_t node, uint32_t stack) {
  for (; stack != 0; stack = forest_.Parent(stack)) {
    node = forest_.Child(node, forest_.NameOfWaker(forest_.Name(stack)));
    ++frames_walked_;
  }
  return node;
}

bool WakerFrames::StackOf(uint32_t chain, bool still_blocked, FoldedStack& stack,
                          std::string_view& message) {
  if (chain == 0) {
    message = still_blocked ? kStillBlocked : kWakerUnknown;
    return false;
  }
  const Waker& waker = wakers_[chains_[chain].waker];
  stack.user = waker.user;
  stack.kernel = waker.kernel;
  if (!names_.empty()) {
    stack.root = waker.name;
  } else if (waker.name != kNoName) {
    // An interrupt is told as one also where stacks have no first frame.
    stack.user = forest_.Child(0, waker.name);
    stack.kernel = waker.kernel;
  }
  return true;
}

}  // namespace twofold
