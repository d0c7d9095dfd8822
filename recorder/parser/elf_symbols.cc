#include "recorder/parser/elf_symbols.h"

#include <algorithm>
#include <functional>
#include <tuple>

#include "format/base/input_file.h"

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
  for (const ElfSegment& segment : segments_) {
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
  auto found = after;
  for (size_t steps = 0; found != functions_.begin() && steps < kMaxNested; ++steps) {
    --found;
    if (found->Holds(address)) break;
  }
  if (found == after || !found->Holds(address)) return std::nullopt;
  const auto [first, last] =
      std::equal_range(functions_.begin(), functions_.end(), *found,
                       [](const Function& a, const Function& b) { return a.address < b.address; });
  Choice choice = Choose({first, last}, address);
  if (choice.function == nullptr) return std::nullopt;
  return std::move(choice.name);
}

ElfSymbols::Choice ElfSymbols::Choose(std::span<const Function> same_address,
                                      uint64_t address) const {
  Choice best;
  const auto key = [](const Function& f, const std::string& name) {
    return std::make_tuple(f.binding == kLocal, LeadingUnderscores(name), uint32_t{f.binding},
                           name.size(), std::cref(name));
  };
  for (const Function& function : same_address.first(std::min(same_address.size(), kMaxAliases))) {
    if (!function.Holds(address)) continue;
    std::string name = ReadName(function);
    if (name.empty()) continue;
    if (best.function == nullptr || key(function, name) < key(*best.function, best.name)) {
      best = {&function, std::move(name)};
    }
  }
  return best;
}

std::string ElfSymbols::ReadName(const Function& function) const {
  const Strings& strings = strings_[function.table];
  const UniqueFd& fd = function.table == kMinidebug   ? minidebug_fd_
                       : function.table == kDebugFile ? debug_fd_
                                                      : fd_;
  if (function.name >= strings.size_bytes) return "";
  const size_t limit =
      size_t(std::min<uint64_t>(strings.size_bytes - function.name, kMaxNameBytes));
  std::string name;
  for (size_t wanted = std::min(kFirstReadBytes, limit);; wanted = limit) {
    name.resize(wanted);
    const auto got = ReadAt(fd.get(), strings.file_offset + function.name,
                            {reinterpret_cast<uint8_t*>(name.data()), name.size()});
    name.resize(got.value_or(0));
    const size_t end = name.find('\0');
    if (end != std::string::npos) name.resize(end);
    if (end != std::string::npos || name.size() < wanted || wanted == limit) break;
  }
  if (const size_t version = name.find('@', 1); version != std::string::npos) {
    name.resize(version);
  }
  if (function.is_plt != 0 && !name.empty()) name += "@plt";
  return name;
}

size_t ElfSymbols::memory_bytes() const {
  return functions_.capacity() * sizeof(Function) + segments_.capacity() * sizeof(ElfSegment) +
         indirect_plt_.capacity() * sizeof(PltEntry) + size_t(strings_[kMinidebug].size_bytes);
}

}  // namespace twofold
