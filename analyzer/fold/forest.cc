#include "analyzer/fold/forest.h"

#include "format/base/escape_text.h"

namespace twofold {
namespace {

constexpr uint64_t kPrime = (1ULL << 61) - 1;
constexpr uint64_t kBase = 0x1d3c5a7b9e2f4861ULL % kPrime;

uint64_t MultiplyModPrime(uint64_t a, uint64_t b) {
  unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
  uint64_t sum = uint64_t(product & kPrime) + uint64_t(product >> 61);
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

// The key of a name: names of frames are found by the frame, others by the text.
uint64_t KeyOf(uint32_t text, FrameKind kind, uint32_t frame) {
  uint64_t key = frame != 0 ? uint64_t{1} << 62 | uint64_t{frame} << 8 : uint64_t{text} << 8;
  return key | uint64_t(kind);
}

}  // namespace

Forest::Forest(Folded& folded, Identity identity) : folded_(folded), identity_(identity) {
  for (uint32_t i = 0; i < folded_.texts.size(); ++i) {
    text_ids_.try_emplace(UnescapeText(folded_.texts[i]), i);
  }
  bool inserted = false;
  for (uint32_t i = 0; i < folded_.names.size(); ++i) {
    const FrameName& name = folded_.names[i];
    name_ids_.FindOrInsert(KeyOf(name.text, name.kind, name.frame), i, inserted);
  }
  folded_.nodes.push_back({});
  node_hashes_.push_back(0);
}

uint32_t Forest::NameOf(std::string_view raw, FrameKind kind, uint32_t frame) {
  auto [text, fresh] = text_ids_.try_emplace(std::string(raw), uint32_t(folded_.texts.size()));
  if (fresh) folded_.texts.push_back(EscapeText(raw));
  return Intern(text->second, kind, frame);
}

uint32_t Forest::TextOf(std::string_view escaped) {
  auto [text, fresh] = text_ids_.try_emplace(UnescapeText(escaped), uint32_t(folded_.texts.size()));
  if (fresh) folded_.texts.emplace_back(escaped);
  return text->second;
}

uint32_t Forest::NameOfWaker(uint32_t name) {
  if (folded_.names[name].kind == FrameKind::kSpecial) return name;
  return Intern(folded_.names[name].text, FrameKind::kWaker, folded_.names[name].frame);
}

uint32_t Forest::Intern(uint32_t text, FrameKind kind, uint32_t frame) {
  bool inserted = false;
  uint32_t name =
      name_ids_.FindOrInsert(KeyOf(text, kind, frame), uint32_t(folded_.names.size()), inserted);
  if (inserted) folded_.names.push_back({text, kind, frame});
  return name;
}

uint32_t Forest::Child(uint32_t parent, uint32_t name) {
  bool inserted = false;
  uint32_t node = child_ids_.FindOrInsert(uint64_t(parent) << 32 | name,
                                          uint32_t(folded_.nodes.size()), inserted);
  if (inserted) {
    uint32_t depth = folded_.nodes[parent].depth + 1;
    folded_.nodes.push_back({parent, name, depth});
    node_hashes_.push_back(
        AddModPrime(MultiplyModPrime(node_hashes_[parent], kBase), Scatter(IdentityOf(name))));
    while (powers_.size() <= depth) powers_.push_back(MultiplyModPrime(powers_.back(), kBase));
  }
  return node;
}

uint64_t Forest::HashOfFirst(uint32_t name) const { return Scatter(~uint64_t{IdentityOf(name)}); }

uint64_t Forest::AddToHash(uint64_t hash, uint32_t node) const {
  return AddModPrime(MultiplyModPrime(hash, powers_[folded_.nodes[node].depth]),
                     node_hashes_[node]);
}

}  // namespace twofold
