#include "analyzer/symbolize/symbol_index.h"

#include <gelf.h>

#include <algorithm>
#include <tuple>

namespace twofold {
namespace {

uint8_t RankOf(unsigned char binding) {
  if (binding == STB_GLOBAL) return 0;
  return binding == STB_WEAK ? 1 : 2;
}

}  // namespace

SymbolIndex::SymbolIndex(Elf* elf) {
  if (!Read(elf, SHT_SYMTAB)) Read(elf, SHT_DYNSYM);
  std::sort(symbols_.begin(), symbols_.end(), [](const Symbol& a, const Symbol& b) {
    return std::tie(a.address, a.rank, a.name) < std::tie(b.address, b.rank, b.name);
  });
  auto same = [](const Symbol& a, const Symbol& b) { return a.address == b.address; };
  symbols_.erase(std::unique(symbols_.begin(), symbols_.end(), same), symbols_.end());
}

bool SymbolIndex::Read(Elf* elf, uint32_t section_type) {
  Elf_Scn* section = nullptr;
  while ((section = elf_nextscn(elf, section)) != nullptr) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) == nullptr || header.sh_type != section_type) continue;
    Elf_Data* data = elf_getdata(section, nullptr);
    if (data == nullptr || header.sh_entsize == 0) continue;
    size_t count = std::min<size_t>(data->d_size / header.sh_entsize, INT32_MAX);
    for (size_t i = 0; i < count; ++i) {
      GElf_Sym symbol;
      if (gelf_getsym(data, int(i), &symbol) == nullptr) continue;
      unsigned char type = GELF_ST_TYPE(symbol.st_info);
      bool is_function = type == STT_FUNC || type == STT_GNU_IFUNC;
      if (!is_function || symbol.st_shndx == SHN_UNDEF) continue;
      const char* name = elf_strptr(elf, header.sh_link, symbol.st_name);
      if (name == nullptr || *name == '\0') continue;
      symbols_.push_back(
          {symbol.st_value, symbol.st_size, RankOf(GELF_ST_BIND(symbol.st_info)), name});
    }
    return true;
  }
  return false;
}

std::string_view SymbolIndex::NameAt(uint64_t address) const {
  auto next = std::upper_bound(
      symbols_.begin(), symbols_.end(), address,
      [](uint64_t wanted, const Symbol& symbol) { return wanted < symbol.address; });
  if (next == symbols_.begin()) return {};
  const Symbol& symbol = *(next - 1);
  bool is_inside = symbol.size_bytes == 0 || address - symbol.address < symbol.size_bytes;
  return is_inside ? symbol.name : std::string_view();
}

}  // namespace twofold
