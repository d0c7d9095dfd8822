// Builds small ELF files whose symbols a test states one by one.
#pragma once

#include <elf.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace twofold {

// One segment and one .text section: file offset 0x1000, address 0x401000.
class ElfBuilder {
 public:
  static constexpr uint64_t kTextOffset = 0x1000;
  static constexpr uint64_t kTextAddress = 0x401000;

  explicit ElfBuilder(uint64_t text_bytes) : text_bytes_(text_bytes) {}

  // `offset` from the begin of .text.
  void AddFunction(const std::string& name, uint64_t offset, uint64_t size_bytes,
                   uint8_t binding = STB_GLOBAL, uint8_t type = STT_FUNC);
  void AddDynamicFunction(const std::string& name, uint64_t offset, uint64_t size_bytes,
                          uint8_t binding = STB_GLOBAL);
  // A section that is not loaded.
  void AddSection(const std::string& name, const std::string& bytes) {
    extra_sections_.push_back({name, bytes});
  }
  void SetBuildId(const std::string& bytes) { build_id_ = bytes; }

  // The file's bytes.
  std::string Build() const;

 private:
  struct Table {
    std::vector<Elf64_Sym> symbols{Elf64_Sym{}};
    std::string strings = std::string(1, '\0');
  };
  static void Add(Table& table, const std::string& name, uint64_t offset, uint64_t size_bytes,
                  uint8_t binding, uint8_t type);

  uint64_t text_bytes_;
  std::string build_id_;
  Table symtab_;
  Table dynsym_;
  std::vector<std::pair<std::string, std::string>> extra_sections_;  // names and bytes
};

}  // namespace twofold
