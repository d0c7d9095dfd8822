// The forest of frames that folded stacks are made of, while it grows: names and nodes, each once,
// with a hash of the names from the root to every node.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "analyzer/data/flat_map.h"
#include "analyzer/fold/folded.h"

namespace twofold {

// What makes two stacks the same, and two frames.
enum class Identity {
  kTexts,   // what they are called: the frames' texts
  kFrames,  // what they are: FrameName::frame, as well
};

class Forest {
 public:
  // Grows `folded`, which is borrowed. Names and texts that it has already are known, too; of nodes
  // it must have none.
  explicit Forest(Folded& folded, Identity identity = Identity::kTexts);

  // Prepares for about so many nodes.
  void Expect(size_t nodes) { child_ids_ = FlatMap(nodes); }

  // The name of a raw text, escaped and interned. `frame` is FrameName::frame: all names of a frame
  // have the same text.
  uint32_t NameOf(std::string_view raw, FrameKind kind, uint32_t frame = 0);

  // The name of a text that is there already, or of one more that is escaped already.
  uint32_t NameOfText(uint32_t text, FrameKind kind) { return Intern(text, kind, 0); }
  uint32_t TextOf(std::string_view escaped);

  // The name of the same text for a frame of a waker; messages stay what they are.
  uint32_t NameOfWaker(uint32_t name);

  // The node of that name below `parent` (0: as a root).
  uint32_t Child(uint32_t parent, uint32_t name);

  uint32_t Parent(uint32_t node) const { return folded_.nodes[node].parent; }
  uint32_t Name(uint32_t node) const { return folded_.nodes[node].name; }
  size_t node_count() const { return folded_.nodes.size(); }

  // What a name is told apart by.
  uint32_t IdentityOf(uint32_t name) const {
    return identity_ == Identity::kTexts ? folded_.names[name].text : name;
  }

  // A hash of a sequence of names, to which a first frame and then the paths of nodes are added.
  uint64_t HashOfFirst(uint32_t name) const;
  uint64_t AddToHash(uint64_t hash, uint32_t node) const;

 private:
  uint32_t Intern(uint32_t text, FrameKind kind, uint32_t frame);

  Folded& folded_;
  Identity identity_;
  std::unordered_map<std::string, uint32_t> text_ids_;  // raw text
  FlatMap name_ids_;                                    // text and kind, or frame and kind
  FlatMap child_ids_;                                   // parent and name
  std::vector<uint64_t> node_hashes_;                   // of the names from the root to a node
  std::vector<uint64_t> powers_ = {1};                  // of the hash's base
};

}  // namespace twofold
