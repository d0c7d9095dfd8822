#include "tests/recorder/elf_builder.h"

#include <cstring>
#include <utility>

namespace twofold {
namespace {

constexpr Elf64_Half kTextSection = 1;

template <typename T>
void Append(std::string& bytes, const T& value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

Elf64_Shdr Section(uint32_t type, uint64_t offset, uint64_t size_bytes) {
  Elf64_Shdr section{};
  section.sh_type = type;
  section.sh_offset = offset;
  section.sh_size = size_bytes;
  section.sh_addralign = 1;
  return section;
}

}  // namespace

void ElfBuilder::Add(Table& table, const std::string& name, uint64_t offset, uint64_t size_bytes,
                     uint8_t binding, uint8_t type) {
  Elf64_Sym symbol{};
  symbol.st_name = static_cast<Elf64_Word>(table.strings.size());
  symbol.st_info = static_cast<unsigned char>(binding << 4 | type);
  symbol.st_shndx = kTextSection;
  symbol.st_value = kTextAddress + offset;
  symbol.st_size = size_bytes;
  table.symbols.push_back(symbol);
  table.strings += name;
  table.strings += '\0';
}

void ElfBuilder::AddFunction(const std::string& name, uint64_t offset, uint64_t size_bytes,
                             uint8_t binding, uint8_t type) {
  Add(symtab_, name, offset, size_bytes, binding, type);
}

void ElfBuilder::AddDynamicFunction(const std::string& name, uint64_t offset, uint64_t size_bytes,
                                    uint8_t binding) {
  Add(dynsym_, name, offset, size_bytes, binding, STT_FUNC);
}

std::string ElfBuilder::Build() const {
  constexpr uint64_t kNotesOffset = 0x200;
  std::string notes;
  if (!build_id_.empty()) {
    Append(notes, Elf64_Nhdr{4, static_cast<Elf64_Word>(build_id_.size()), NT_GNU_BUILD_ID});
    notes.append("GNU\0", 4);
    notes += build_id_;
    notes.resize((notes.size() + 3) / 4 * 4);
  }

  std::string body(kTextOffset + text_bytes_, '\x90');
  notes.copy(body.data() + kNotesOffset, notes.size());
  std::vector<Elf64_Shdr> sections{Elf64_Shdr{}};
  sections.push_back(Section(SHT_PROGBITS, kTextOffset, text_bytes_));
  sections.back().sh_addr = kTextAddress;
  sections.back().sh_flags = SHF_ALLOC | SHF_EXECINSTR;
  for (const auto& [table, type] : {std::pair(&symtab_, SHT_SYMTAB), {&dynsym_, SHT_DYNSYM}}) {
    const uint64_t symbols_bytes = table->symbols.size() * sizeof(Elf64_Sym);
    sections.push_back(Section(uint32_t(type), body.size(), symbols_bytes));
    sections.back().sh_entsize = sizeof(Elf64_Sym);
    sections.back().sh_link = static_cast<Elf64_Word>(sections.size());
    body.append(reinterpret_cast<const char*>(table->symbols.data()), symbols_bytes);
    sections.push_back(Section(SHT_STRTAB, body.size(), table->strings.size()));
    body += table->strings;
  }
  std::string names(1, '\0');
  for (const auto& [name, bytes] : extra_sections_) {
    sections.push_back(Section(SHT_PROGBITS, body.size(), bytes.size()));
    sections.back().sh_name = static_cast<Elf64_Word>(names.size());
    names += name + '\0';
    body += bytes;
  }
  if (!extra_sections_.empty()) {
    sections.push_back(Section(SHT_STRTAB, body.size(), names.size()));
    body += names;
  }

  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_EXEC;
  header.e_machine = EM_X86_64;
  header.e_version = EV_CURRENT;
  header.e_phoff = sizeof header;
  header.e_shoff = body.size();
  header.e_ehsize = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = 2;
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = static_cast<Elf64_Half>(sections.size());
  if (!extra_sections_.empty()) header.e_shstrndx = static_cast<Elf64_Half>(sections.size() - 1);
  std::memcpy(body.data(), &header, sizeof header);

  Elf64_Phdr segments[2] = {};
  segments[0].p_type = PT_LOAD;
  segments[0].p_flags = PF_R | PF_X;
  segments[0].p_offset = kTextOffset;
  segments[0].p_vaddr = kTextAddress;
  segments[0].p_filesz = text_bytes_;
  segments[0].p_memsz = text_bytes_;
  segments[1].p_type = PT_NOTE;
  segments[1].p_offset = kNotesOffset;
  segments[1].p_filesz = notes.size();
  segments[1].p_align = 4;
  std::memcpy(body.data() + header.e_phoff, segments, sizeof segments);
  for (const Elf64_Shdr& section : sections) Append(body, section);
  return body;
}

}  // namespace twofold
