#include "recorder/elf_symbols.h"

#include <algorithm>
#include <functional>
#include <tuple>

#include "recorder/small_file.h"

namespace twofold {
namespace {

constexpr size_t kMaxNameBytes = size_t{16} * 1024;  // a longer name is cut
constexpr size_t kFirstReadBytes = 256;              // enough for most names
// How many functions that begin before an address may have ended before it while an outer one still
// holds it.
constexpr size_t kMaxNested = 64;
constexpr size_t kMaxAliases = 64;

size_t LeadingUnderscores(const std::string& name) {
  return std::min(name.find_first_not_of('_'), name.size());
}

}  // namespace

std::optional<uint64_t> ElfSymbols::AddressOfFileOffset(uint64_t file_offset) const {
  for (const Segment& segment : segments_) {
    if (file_offset >= segment.file_offset &&
        file_offset - segment.file_offset < segment.size_bytes) {
      return file_offset - segment.file_offset + segment.address;
    }
  }
  return std::nullopt;
}

std::optional<std::string> ElfSymbols::FindByFileOffset(uint64_t file_offset) const {
  const auto address = AddressOfFileOffset(file_offset);
  if (!address) return std::nullopt;
  return FindByAddress(*address);
}

std::optional<std::string> ElfSymbols::FindByAddress(uint64_t address) const {
  const auto after =
      std::upper_bound(functions_.begin(), functions_.end(), address,
                       [](uint64_t wanted, const Function& f) { return wanted < f.address; });
  const auto holds = [address](const Function& f) { return address - f.address < f.size_bytes; };
  auto found = after;
  for (size_t steps = 0; found != functions_.begin() && steps < kMaxNested; ++steps) {
    --found;
    if (holds(*found)) break;
  }
  if (found == after || !holds(*found)) return std::nullopt;
  while (found != functions_.begin() && (found - 1)->address == found->address) --found;

  std::optional<std::string> best;
  uint32_t best_binding = 0;
  const uint64_t start = found->address;
  for (size_t count = 0; found != functions_.end() && found->address == start; ++found) {
    if (++count > kMaxAliases) break;
    if (!holds(*found)) continue;
    std::string name = ReadName(*found);
    if (name.empty()) continue;
    const auto key = [](uint32_t binding, const std::string& n) {
      return std::make_tuple(binding == kLocal, LeadingUnderscores(n), binding, n.size(),
                             std::cref(n));
    };
    if (!best || key(found->binding, name) < key(best_binding, *best)) {
      best_binding = found->binding;
      best = std::move(name);
    }
  }
  return best;
}

std::string ElfSymbols::ReadName(const Function& function) const {
  const Strings& strings = strings_[function.is_dynamic];
  if (function.name >= strings.size_bytes) return "";
  const size_t limit =
      static_cast<size_t>(std::min<uint64_t>(strings.size_bytes - function.name, kMaxNameBytes));
  std::string name;
  for (size_t wanted = std::min(kFirstReadBytes, limit);; wanted = limit) {
    name.resize(wanted);
    const auto got = ReadAt(fd_.get(), strings.file_offset + function.name,
                            {reinterpret_cast<uint8_t*>(name.data()), name.size()});
    name.resize(got.value_or(0));
    const size_t end = name.find('\0');
    if (end != std::string::npos) name.resize(end);
    if (end != std::string::npos || name.size() < wanted || wanted == limit) break;
  }
  if (const size_t version = name.find('@', 1); version != std::string::npos) {
    name.resize(version);
  }
  return name;
}

size_t ElfSymbols::memory_bytes() const {
  return functions_.capacity() * sizeof(Function) + segments_.capacity() * sizeof(Segment);
}

}  // namespace twofold
