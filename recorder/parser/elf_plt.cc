#include "recorder/parser/elf_plt.h"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>

#include "format/base/input_file.h"

namespace twofold {
namespace {

// Of all sections together; the largest browsers have some ten thousand entries.
constexpr uint64_t kMaxCodeBytes = uint64_t{8} << 20;
constexpr uint64_t kMaxRelocationBytes = uint64_t{64} << 20;
constexpr size_t kMaxJumps = 100'000;
constexpr size_t kRelocationsPerRead = 2048;
constexpr uint32_t kMaxEntryBytes = 32;
constexpr uint32_t kUsualEntryBytes = 16;

template <typename T>
T Load(std::span<const uint8_t> bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

// Relocations that fill a slot.
struct RelocationTypes {
  uint32_t jump_slot;  // when the function is called first, or when the module is loaded
  uint32_t glob_dat;   // always when the module is loaded
  uint32_t irelative;  // with what a resolver returns
};

std::optional<RelocationTypes> TypesOf(uint16_t machine) {
  switch (machine) {
    case EM_X86_64:
      return RelocationTypes{R_X86_64_JUMP_SLOT, R_X86_64_GLOB_DAT, R_X86_64_IRELATIVE};
    case EM_386:
      return RelocationTypes{R_386_JMP_SLOT, R_386_GLOB_DAT, R_386_IRELATIVE};
    case EM_AARCH64:
      return RelocationTypes{R_AARCH64_JUMP_SLOT, R_AARCH64_GLOB_DAT, R_AARCH64_IRELATIVE};
    default:
      return std::nullopt;
  }
}

// A relocation of either width, with or without an addend.
struct Relocation {
  uint64_t slot;
  uint32_t type;
  uint32_t symbol;
  std::optional<uint64_t> addend;  // nullopt: it is in the slot
};

class PltReader {
 public:
  PltReader(int fd, const ElfHeaders& headers, const RelocationTypes& types)
      : fd_(fd), headers_(headers), types_(types), got_address_(GotAddress()) {}

  std::vector<PltEntry> Read() {
    for (const ElfSection& section : headers_.sections) {
      const bool is_plt = section.name.starts_with(".plt") || section.name.starts_with(".iplt");
      if (is_plt && section.type == SHT_PROGBITS && (section.flags & SHF_EXECINSTR) != 0) {
        FindJumps(section);
      }
    }
    if (jumps_.empty()) return {};
    std::sort(jumps_.begin(), jumps_.end(),
              [](const Jump& a, const Jump& b) { return a.slot < b.slot; });
    // Nearly all are in .rela.plt; the others, like .rela.dyn, can be large.
    ReadRelocationsOfAll(true);
    const bool is_done = std::all_of(jumps_.begin(), jumps_.end(),
                                     [](const Jump& j) { return j.is_named || j.may_be_stub; });
    if (!is_done) ReadRelocationsOfAll(false);
    return TakeEntries();
  }

 private:
  struct Jump {
    uint64_t slot;
    PltEntry entry;
    bool may_be_stub;  // the first one of .plt, which calls the loader
    bool is_named;
  };

  // What i386's position independent code counts from, in ebx.
  uint64_t GotAddress() const {
    if (headers_.machine != EM_386) return 0;
    const std::vector<uint8_t> bytes =
        ReadRange(fd_, headers_.dynamic_file_offset,
                  std::min<uint64_t>(headers_.dynamic_bytes, size_t{64} * 1024));
    for (size_t at = 0; at + sizeof(Elf32_Dyn) <= bytes.size(); at += sizeof(Elf32_Dyn)) {
      const auto entry = Load<Elf32_Dyn>(bytes, at);
      if (entry.d_tag == DT_PLTGOT) return entry.d_un.d_ptr;
      if (entry.d_tag == DT_NULL) break;
    }
    const ElfSection* section = headers_.FindName(".got.plt");
    if (section == nullptr) section = headers_.FindName(".got");
    return section == nullptr ? 0 : section->address;
  }

  void FindJumps(const ElfSection& section) {
    const uint64_t size_bytes = headers_.InFile(section.file_offset, section.size_bytes);
    if (size_bytes > kMaxCodeBytes - code_bytes_) return;
    code_bytes_ += size_bytes;
    const std::vector<uint8_t> code = ReadRange(fd_, section.file_offset, size_bytes);
    const size_t first = jumps_.size();
    if (headers_.machine == EM_AARCH64) {
      FindArm64Jumps(code, section.address);
    } else {
      FindX86Jumps(code, section.address);
    }
    SetSizes(first, section, code.size());
    if (first < jumps_.size()) jumps_[first].may_be_stub = section.name == ".plt";
  }

  void AddJump(uint64_t entry_address, uint64_t slot) {
    if (jumps_.size() < kMaxJumps) jumps_.push_back({slot, {entry_address, 0, 0, 0}, false, false});
  }

  // jmp *slot, perhaps behind a bnd prefix, the loading of an index (mold) and endbr64 or endbr32.
  void FindX86Jumps(std::span<const uint8_t> code, uint64_t address) {
    constexpr size_t kJumpBytes = 6;
    const bool is_64_bit = headers_.machine == EM_X86_64;
    for (size_t at = 0; at + kJumpBytes <= code.size(); ++at) {
      if (code[at] != 0xff) continue;
      const uint32_t operand = Load<uint32_t>(code, at + 2);
      uint64_t slot = 0;
      if (code[at + 1] == 0x25 && is_64_bit) {  // relative to the next instruction
        slot = address + at + kJumpBytes + uint64_t(int64_t{Load<int32_t>(code, at + 2)});
      } else if (code[at + 1] == 0x25) {
        slot = operand;
      } else if (code[at + 1] == 0xa3 && !is_64_bit) {  // relative to ebx
        slot = uint32_t(got_address_ + operand);
      } else {
        continue;
      }
      size_t start = at;
      if (start >= 1 && code[start - 1] == 0xf2) start -= 1;
      if (start >= 6 && code[start - 6] == 0x41 && code[start - 5] == 0xbb) start -= 6;
      if (start >= 4 && code[start - 4] == 0xf3 && code[start - 3] == 0x0f &&
          code[start - 2] == 0x1e && (code[start - 1] & 0xfe) == 0xfa) {
        start -= 4;
      }
      AddJump(address + start, slot);
      at += kJumpBytes - 1;
    }
  }

  // adrp x16, page of the slot; ldr x17, [x16, rest]; perhaps behind bti c.
  void FindArm64Jumps(std::span<const uint8_t> code, uint64_t address) {
    constexpr uint32_t kBtiC = 0xd503245f;
    for (size_t at = 0; at + 8 <= code.size(); at += 4) {
      const uint32_t adrp = Load<uint32_t>(code, at);
      const uint32_t ldr = Load<uint32_t>(code, at + 4);
      if ((adrp & 0x9f00001f) != 0x90000010 || (ldr & 0xffc003ff) != 0xf9400211) continue;
      const uint64_t pages = ((adrp >> 5 & 0x7ffff) << 2) | (adrp >> 29 & 3);
      const uint64_t distance = (pages ^ 0x100000) - 0x100000;  // 21 bits with a sign
      const uint64_t page = ((address + at) & ~uint64_t{0xfff}) + (distance << 12);
      const size_t start = at >= 4 && Load<uint32_t>(code, at - 4) == kBtiC ? at - 4 : at;
      AddJump(address + start, page + uint64_t{ldr >> 10 & 0xfff} * 8);
    }
  }

  // An entry reaches to the next. The last one reaches to the end, unless that is so far that
  // something else follows it: then it is as large as the section says (GNU ld says 4 for i386,
  // which no entry is), or as its neighbour.
  void SetSizes(size_t first, const ElfSection& section, uint64_t code_bytes) {
    constexpr uint64_t kMaxLastBytes = 24;
    uint64_t usual = kUsualEntryBytes;
    if (section.entry_bytes >= 8 && section.entry_bytes <= kMaxEntryBytes) {
      usual = section.entry_bytes;
    } else if (jumps_.size() - first >= 2) {
      const uint64_t distance =
          jumps_[jumps_.size() - 1].entry.address - jumps_[jumps_.size() - 2].entry.address;
      if (distance >= 8 && distance <= kMaxEntryBytes) usual = distance;
    }
    for (size_t i = first; i < jumps_.size(); ++i) {
      PltEntry& entry = jumps_[i].entry;
      const bool is_last = i + 1 == jumps_.size();
      const uint64_t end = is_last ? section.address + code_bytes : jumps_[i + 1].entry.address;
      const uint64_t reach = end - entry.address;
      const bool is_near = reach <= (is_last ? kMaxLastBytes : kMaxEntryBytes);
      entry.size_bytes = uint32_t(is_near ? reach : usual);
    }
  }

  void ReadRelocationsOfAll(bool of_plt) {
    for (const ElfSection& section : headers_.sections) {
      const bool is_relocations = section.type == SHT_RELA || section.type == SHT_REL;
      if (!is_relocations || (section.flags & SHF_ALLOC) == 0) continue;
      if (section.name.ends_with(".plt") == of_plt) ReadRelocations(section);
    }
  }

  void ReadRelocations(const ElfSection& section) {
    const bool has_addends = section.type == SHT_RELA;
    const size_t entry_bytes = headers_.is_64_bit
                                   ? (has_addends ? sizeof(Elf64_Rela) : sizeof(Elf64_Rel))
                                   : (has_addends ? sizeof(Elf32_Rela) : sizeof(Elf32_Rel));
    const uint64_t size_bytes = headers_.InFile(section.file_offset, section.size_bytes);
    if (section.entry_bytes != entry_bytes ||
        size_bytes > kMaxRelocationBytes - relocation_bytes_) {
      return;
    }
    relocation_bytes_ += size_bytes;
    const ElfSection* symbols = headers_.LinkOf(section);
    const bool has_symbols = symbols != nullptr && symbols->type == SHT_DYNSYM;
    const uint64_t count = size_bytes / entry_bytes;
    std::vector<uint8_t> chunk;
    for (uint64_t first = 0; first < count; first += kRelocationsPerRead) {
      const uint64_t wanted = std::min<uint64_t>(count - first, kRelocationsPerRead);
      chunk.resize(size_t(wanted) * entry_bytes);
      const auto got = ReadAt(fd_, section.file_offset + first * entry_bytes, chunk);
      if (!got) return;
      for (size_t at = 0; at + entry_bytes <= *got; at += entry_bytes) {
        Apply(Decode(chunk, at, has_addends), has_symbols);
      }
      if (*got < chunk.size()) return;
    }
  }

  Relocation Decode(std::span<const uint8_t> bytes, size_t at, bool has_addend) const {
    Relocation relocation{};
    if (headers_.is_64_bit) {
      const auto entry = Load<Elf64_Rel>(bytes, at);
      relocation.slot = entry.r_offset;
      relocation.type = uint32_t(ELF64_R_TYPE(entry.r_info));
      relocation.symbol = uint32_t(ELF64_R_SYM(entry.r_info));
      if (has_addend) relocation.addend = Load<uint64_t>(bytes, at + sizeof entry);
    } else {
      const auto entry = Load<Elf32_Rel>(bytes, at);
      relocation.slot = entry.r_offset;
      relocation.type = ELF32_R_TYPE(entry.r_info);
      relocation.symbol = ELF32_R_SYM(entry.r_info);
      if (has_addend) relocation.addend = Load<uint32_t>(bytes, at + sizeof entry);
    }
    return relocation;
  }

  void Apply(const Relocation& relocation, bool has_symbols) {
    const bool is_indirect = relocation.type == types_.irelative;
    const bool is_symbol =
        relocation.type == types_.jump_slot || relocation.type == types_.glob_dat;
    if (!is_indirect && !(is_symbol && has_symbols && relocation.symbol != 0)) return;
    auto jump = std::lower_bound(jumps_.begin(), jumps_.end(), relocation.slot,
                                 [](const Jump& j, uint64_t slot) { return j.slot < slot; });
    // Jumps through one slot are named together, by the first relocation.
    if (jump == jumps_.end() || jump->slot != relocation.slot || jump->is_named) return;
    std::optional<uint64_t> resolver;
    if (is_indirect) {
      resolver = relocation.addend ? relocation.addend : ReadSlot(relocation.slot);
      if (!resolver) return;
    }
    for (; jump != jumps_.end() && jump->slot == relocation.slot; ++jump) {
      jump->entry.symbol = is_indirect ? 0 : relocation.symbol;
      jump->entry.resolver = resolver.value_or(0);
      jump->is_named = true;
    }
  }

  std::optional<uint64_t> ReadSlot(uint64_t address) const {
    const auto offset = headers_.FileOffsetOf(address);
    uint8_t bytes[4];
    if (!offset || headers_.is_64_bit) return std::nullopt;
    if (ReadAt(fd_, *offset, bytes).value_or(0) != sizeof bytes) return std::nullopt;
    return Load<uint32_t>(bytes, 0);
  }

  std::vector<PltEntry> TakeEntries() const {
    std::vector<PltEntry> entries;
    for (const Jump& jump : jumps_) {
      if (jump.is_named) entries.push_back(jump.entry);
    }
    std::sort(entries.begin(), entries.end(), [](const PltEntry& a, const PltEntry& b) {
      return a.address != b.address ? a.address < b.address : a.symbol < b.symbol;
    });
    return entries;
  }

  const int fd_;
  const ElfHeaders& headers_;
  const RelocationTypes types_;
  const uint64_t got_address_;
  uint64_t code_bytes_ = 0;
  uint64_t relocation_bytes_ = 0;
  std::vector<Jump> jumps_;  // by address in each section, then by slot
};

}  // namespace

std::vector<PltEntry> FindPltEntries(int fd, const ElfHeaders& headers) {
  const auto types = TypesOf(headers.machine);
  if (!types) return {};
  return PltReader(fd, headers, *types).Read();
}

}  // namespace twofold
