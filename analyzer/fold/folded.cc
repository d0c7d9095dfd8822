#include "analyzer/fold/folded.h"

#include <algorithm>
#include <numeric>
#include <unordered_map>

#include "analyzer/cli/suggest.h"
#include "analyzer/fold/flat_map.h"
#include "analyzer/text/escape.h"

namespace twofold {
namespace {

constexpr uint64_t kPrime = (1ULL << 61) - 1;
constexpr uint64_t kBase = 0x1d3c5a7b9e2f4861ULL % kPrime;

uint64_t MultiplyModPrime(uint64_t a, uint64_t b) {
  unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
  uint64_t sum = static_cast<uint64_t>(product & kPrime) + static_cast<uint64_t>(product >> 61);
  return sum >= kPrime ? sum - kPrime : sum;
}

uint64_t AddModPrime(uint64_t a, uint64_t b) {
  uint64_t sum = a + b;
  return sum >= kPrime ? sum - kPrime : sum;
}

uint64_t Scatter(uint64_t value) {
  value += 0x9e3779b97f4a7c15ULL;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return (value ^ (value >> 31)) % kPrime;
}

Error Gap(const char* table) {
  return Error{std::string("the ids of the table ") + table + " are not those of 'twofold load'",
               "", "Load the captures again"};
}

FrameKind KindOf(std::string_view module_kind) {
  if (module_kind == "special") return FrameKind::kSpecial;
  return module_kind.substr(0, 6) == "kernel" ? FrameKind::kKernel : FrameKind::kUser;
}

class Folder {
 public:
  Folder(Database& database, const FoldRequest& request) : database_(database), request_(request) {
    folded_.nodes.push_back({});
    node_hashes_.push_back(0);
  }

  Result<Folded> Run() {
    TWOFOLD_RETURN_IF_ERROR(ReadThreads());
    TWOFOLD_RETURN_IF_ERROR(ReadFrames());
    TWOFOLD_RETURN_IF_ERROR(ReadStacks());
    TWOFOLD_RETURN_IF_ERROR(ReadRows());
    Sort();
    return std::move(folded_);
  }

 private:
  // Calls `use(statement)` for each row of a table with ids 1, 2, 3 ... in its column 0.
  template <typename Use>
  Result<void> ReadTable(const char* table, const char* sql, Use use) {
    Result<Statement> statement = database_.Prepare(sql);
    if (!statement) return std::move(statement).error();
    for (int64_t id = 1;; ++id) {
      Result<bool> row = statement->Step();
      if (!row) return std::move(row).error();
      if (!*row) return {};
      if (statement->Int(0) != id) return Gap(table);
      TWOFOLD_RETURN_IF_ERROR(use(*statement));
    }
  }

  // The name of a raw text, escaped and interned.
  uint32_t NameOf(std::string_view raw, FrameKind kind) {
    auto [text, fresh] = text_ids_.try_emplace(std::string(raw), folded_.texts.size());
    if (fresh) folded_.texts.push_back(EscapeText(raw));
    uint64_t key = static_cast<uint64_t>(text->second) << 8 | static_cast<uint64_t>(kind);
    bool inserted = false;
    uint32_t name =
        name_ids_.FindOrInsert(key, static_cast<uint32_t>(folded_.names.size()), inserted);
    if (inserted) folded_.names.push_back({static_cast<uint32_t>(text->second), kind});
    return name;
  }

  Result<void> ReadThreads() {
    if (request_.root == RootFrame::kNone) return {};
    bool of_thread = request_.root == RootFrame::kThread;
    return ReadTable("thread",
                     "SELECT thread.thread_id, thread.name, process.name FROM thread "
                     "LEFT JOIN process ON process.process_id = thread.process_id "
                     "ORDER BY thread.thread_id",
                     [&](const Statement& row) -> Result<void> {
                       std::string_view name = row.Text(of_thread ? 1 : 2);
                       if (name.empty()) name = "[no name]";
                       roots_.push_back(NameOf(name, FrameKind::kRoot));
                       return {};
                     });
  }

  Result<void> ReadFrames() {
    return ReadTable("frame", "SELECT frame_id, name, kind FROM frame_name ORDER BY frame_id",
                     [&](const Statement& row) -> Result<void> {
                       frames_.push_back(NameOf(row.Text(1), KindOf(row.Text(2))));
                       return {};
                     });
  }

  // Maps every stack to its node of the merged forest. Parents come first, so one pass does.
  Result<void> ReadStacks() {
    Result<int64_t> count = database_.QueryInt("SELECT count(*) FROM stack");
    if (!count) return std::move(count).error();
    child_ids_ = FlatMap(static_cast<size_t>(std::clamp<int64_t>(*count, 0, 1 << 26)));
    stacks_.push_back(0);
    return ReadTable("stack",
                     "SELECT stack_id, parent_stack_id, frame_id FROM stack ORDER BY stack_id",
                     [&](const Statement& row) -> Result<void> {
                       int64_t parent = row.Int(1);
                       int64_t frame = row.Int(2);
                       bool known = parent >= 0 && static_cast<size_t>(parent) < stacks_.size() &&
                                    frame >= 1 && static_cast<size_t>(frame) <= frames_.size();
                       if (!known) return Gap("stack");
                       stacks_.push_back(Child(stacks_[static_cast<size_t>(parent)],
                                               frames_[static_cast<size_t>(frame) - 1]));
                       return {};
                     });
  }

  uint32_t Child(uint32_t parent, uint32_t name) {
    bool inserted = false;
    uint32_t node = child_ids_.FindOrInsert(static_cast<uint64_t>(parent) << 32 | name,
                                            static_cast<uint32_t>(folded_.nodes.size()), inserted);
    if (inserted) {
      uint32_t depth = folded_.nodes[parent].depth + 1;
      folded_.nodes.push_back({parent, name, depth});
      node_hashes_.push_back(AddModPrime(MultiplyModPrime(node_hashes_[parent], kBase),
                                         Scatter(folded_.names[name].text)));
      while (powers_.size() <= depth) powers_.push_back(MultiplyModPrime(powers_.back(), kBase));
    }
    return node;
  }

  Result<void> ReadRows() {
    const View& view = *request_.view;
    std::string from = " FROM " + std::string(view.name);
    std::string value(view.value_column);
    std::string where;
    std::string where_time;
    std::vector<SqlValue> parameters;
    std::vector<SqlValue> time_parameters;
    for (const Condition& condition : request_.conditions) {
      where += (where.empty() ? " WHERE " : " AND ") + condition.sql;
      parameters.insert(parameters.end(), condition.parameters.begin(), condition.parameters.end());
      if (!condition.selects_by_time) continue;
      where_time += " AND " + condition.sql;
      time_parameters.insert(time_parameters.end(), condition.parameters.begin(),
                             condition.parameters.end());
    }
    Result<Statement> rows =
        database_.Prepare("SELECT thread_id, user_stack_id, kernel_stack_id, " + value +
                              ", loss, special_frame" + from + where,
                          parameters);
    if (!rows) return std::move(rows).error();
    while (true) {
      Result<bool> row = rows->Step();
      if (!row) return std::move(row).error();
      if (!*row) break;
      TWOFOLD_RETURN_IF_ERROR(AddRow(*rows));
    }
    Result<int64_t> all_lost = database_.QueryInt(
        "SELECT sum(" + value + ")" + from + " WHERE loss IS NOT NULL" + where_time,
        time_parameters);
    if (!all_lost) return std::move(all_lost).error();
    folded_.lost_left_out = static_cast<uint64_t>(std::max<int64_t>(*all_lost, 0)) - folded_.lost;
    return {};
  }

  Result<void> AddRow(const Statement& row) {
    int64_t value = row.Int(3);
    if (value < 0 || static_cast<uint64_t>(value) > INT64_MAX - folded_.total) {
      return Error{"the times of the capture add up to more than 292 years", "",
                   "The file is not a recording of a real host"};
    }
    if (value == 0) return {};
    folded_.total += static_cast<uint64_t>(value);
    FoldedStack stack;
    stack.value = static_cast<uint64_t>(value);
    if (!row.IsNull(4)) {
      folded_.lost += stack.value;
      std::string text = "[lost: " + std::string(row.Text(4)) + "]";
      std::replace(text.begin(), text.end(), '-', ' ');
      SetOnlyFrame(stack, text);
      Add(stack);
      return {};
    }
    int64_t thread = row.Int(0);
    int64_t user = row.Int(1);
    int64_t kernel = row.Int(2);
    bool stacks_known = user >= 0 && static_cast<size_t>(user) < stacks_.size() && kernel >= 0 &&
                        static_cast<size_t>(kernel) < stacks_.size();
    if (!stacks_known) return Gap("stack");
    stack.user = stacks_[static_cast<size_t>(user)];
    stack.kernel = stacks_[static_cast<size_t>(kernel)];
    if (stack.user == 0) std::swap(stack.user, stack.kernel);
    if (!row.IsNull(5))
      stack = {0, Child(0, NameOf(row.Text(5), FrameKind::kSpecial)), 0, stack.value};
    stack.root = Folded::kNoRoot;
    if (request_.root != RootFrame::kNone) {
      if (thread < 1 || static_cast<size_t>(thread) > roots_.size()) return Gap("thread");
      stack.root = roots_[static_cast<size_t>(thread) - 1];
    } else if (stack.user == 0) {
      SetOnlyFrame(stack, "[no stack]");
    }
    Add(stack);
    return {};
  }

  // Makes a message the stack's first and only frame.
  void SetOnlyFrame(FoldedStack& stack, std::string_view text) {
    uint32_t name = NameOf(text, FrameKind::kSpecial);
    bool has_roots = request_.root != RootFrame::kNone;
    stack.root = has_roots ? name : Folded::kNoRoot;
    stack.user = has_roots ? 0 : Child(0, name);
  }

  // Adds to the stack with the same texts. Where the user part ends does not matter for that, so
  // stacks are found by a hash of their texts alone, and compared when more than one has it.
  void Add(const FoldedStack& stack) {
    uint64_t hash = 0;
    if (stack.root != Folded::kNoRoot) hash = Scatter(~uint64_t{folded_.names[stack.root].text});
    for (uint32_t node : {stack.user, stack.kernel}) {
      hash = AddModPrime(MultiplyModPrime(hash, powers_[folded_.nodes[node].depth]),
                         node_hashes_[node]);
    }
    bool inserted = false;
    uint32_t fresh = static_cast<uint32_t>(folded_.stacks.size());
    uint32_t index = stack_ids_.FindOrInsert(hash, fresh, inserted);
    while (!inserted) {
      if (SameTexts(folded_.stacks[index], stack)) {
        folded_.stacks[index].value += stack.value;
        return;
      }
      if (next_with_hash_[index] == kNone) {
        next_with_hash_[index] = fresh;
        break;
      }
      index = next_with_hash_[index];
    }
    folded_.stacks.push_back(stack);
    next_with_hash_.push_back(kNone);
  }

  bool SameTexts(const FoldedStack& a, const FoldedStack& b) const {
    if (a.root == b.root && a.user == b.user && a.kernel == b.kernel) return true;
    return TextsOf(a) == TextsOf(b);
  }

  // Leaf first.
  std::vector<uint32_t> TextsOf(const FoldedStack& stack) const {
    std::vector<uint32_t> texts;
    for (uint32_t node : {stack.kernel, stack.user}) {
      for (; node != 0; node = folded_.nodes[node].parent) {
        texts.push_back(folded_.names[folded_.nodes[node].name].text);
      }
    }
    if (stack.root != Folded::kNoRoot) texts.push_back(folded_.names[stack.root].text);
    return texts;
  }

  // Orders stacks by their frames' texts, root first: nodes are numbered anew in the order of a
  // walk that takes children in the order of their texts, and stacks are then compared by three
  // numbers. The new numbers also put callers close to callees in memory, which PathWalker profits
  // from.
  void Sort() {
    std::vector<uint32_t> name_ranks = NameRanks();
    std::vector<uint32_t> node_ranks = NodeRanks(name_ranks);
    std::vector<FrameNode> nodes(folded_.nodes.size());
    for (size_t i = 0; i < nodes.size(); ++i) {
      const FrameNode& node = folded_.nodes[i];
      nodes[node_ranks[i]] = {node_ranks[node.parent], node.name, node.depth};
    }
    folded_.nodes = std::move(nodes);
    for (FoldedStack& stack : folded_.stacks) {
      stack.user = node_ranks[stack.user];
      stack.kernel = node_ranks[stack.kernel];
    }
    auto root_rank = [&](const FoldedStack& stack) {
      return stack.root == Folded::kNoRoot ? 0 : name_ranks[stack.root] + uint64_t{1};
    };
    std::sort(folded_.stacks.begin(), folded_.stacks.end(),
              [&](const FoldedStack& a, const FoldedStack& b) {
                uint64_t a_start = root_rank(a) << 32 | a.user;
                uint64_t b_start = root_rank(b) << 32 | b.user;
                return a_start != b_start ? a_start < b_start : a.kernel < b.kernel;
              });
  }

  std::vector<uint32_t> NameRanks() const {
    std::vector<uint32_t> order(folded_.names.size());
    std::iota(order.begin(), order.end(), 0u);
    std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
      int compared = folded_.Text(a).compare(folded_.Text(b));
      return compared != 0 ? compared < 0 : folded_.names[a].kind < folded_.names[b].kind;
    });
    std::vector<uint32_t> ranks(order.size());
    for (uint32_t i = 0; i < order.size(); ++i) ranks[order[i]] = i;
    return ranks;
  }

  std::vector<uint32_t> NodeRanks(const std::vector<uint32_t>& name_ranks) const {
    const std::vector<FrameNode>& nodes = folded_.nodes;
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

  static constexpr uint32_t kNone = UINT32_MAX;

  Database& database_;
  const FoldRequest& request_;
  Folded folded_;
  std::unordered_map<std::string, size_t> text_ids_;  // raw text
  FlatMap name_ids_;                                  // text and kind
  FlatMap child_ids_;                                 // parent and name
  std::vector<uint32_t> roots_;                       // by thread id - 1
  std::vector<uint32_t> frames_;                      // by frame id - 1
  std::vector<uint32_t> stacks_;                      // by stack id
  std::vector<uint64_t> node_hashes_;                 // of the texts from the root to a node
  std::vector<uint64_t> powers_ = {1};                // of kBase
  FlatMap stack_ids_;                                 // hash of all texts -> first stack
  std::vector<uint32_t> next_with_hash_;
};

}  // namespace

Result<RootFrame> ParseRootFrame(std::string_view name) {
  if (name == "process") return RootFrame::kProcess;
  if (name == "thread") return RootFrame::kThread;
  if (name == "none") return RootFrame::kNone;
  return Error{"there is no root '" + std::string(name) + "'", "--root",
               Suggestion(name, {"process", "thread", "none"}), Error::Kind::kUsage};
}

Result<Folded> Fold(Database& database, const FoldRequest& request) {
  return Folder(database, request).Run();
}

size_t PathWalker::MoveTo(const FoldedStack& stack) {
  const std::vector<FrameNode>& nodes = folded_.nodes;
  size_t root_frames = stack.root == Folded::kNoRoot ? 0 : 1;
  size_t user_end = root_frames + nodes[stack.user].depth;
  size_t end = user_end + nodes[stack.kernel].depth;
  bool same_root = stack.root == last_.root;
  bool same_user = same_root && stack.user == last_.user;

  // Nodes of the last stack that are on the new one's way to the root stay where they are.
  auto climb = [&](uint32_t a, uint32_t b) {
    while (a != b) {
      if (nodes[a].depth >= nodes[b].depth) {
        a = nodes[a].parent;
      } else {
        b = nodes[b].parent;
      }
    }
    return a;
  };
  size_t common = 0;
  if (same_user) {
    common = user_end + nodes[climb(stack.kernel, last_.kernel)].depth;
  } else if (same_root) {
    common = root_frames + nodes[climb(stack.user, last_.user)].depth;
  }
  if (path_.empty()) common = 0;
  path_.resize(end);
  if (root_frames == 1 && common == 0) path_[0] = stack.root;
  uint32_t node = stack.user;
  for (size_t i = user_end; i > std::max(common, root_frames); node = nodes[node].parent) {
    path_[--i] = nodes[node].name;
  }
  node = stack.kernel;
  for (size_t i = end; i > std::max(common, user_end); node = nodes[node].parent) {
    path_[--i] = nodes[node].name;
  }
  last_ = stack;
  return common;
}

}  // namespace twofold
