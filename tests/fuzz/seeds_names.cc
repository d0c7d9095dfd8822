// Inputs that fuzz_names.cc starts from: a small library with every kind of symbol table, and maps
// of code made at run time.
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>

#include "format/base/check.h"
#include "tests/fuzz/seeds.h"
#include "tests/recorder/elf_builder.h"

namespace twofold::testing {
namespace {

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  TWOFOLD_CHECK(file.good());
  return {std::istreambuf_iterator<char>(file), {}};
}

template <typename Number>
void Append(std::string& bytes, Number number) {
  bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
}

// As tools/perf/Documentation/jitdump-specification.txt has it: a function, and its move.
std::string JitDump() {
  constexpr uint32_t kMagic = 0x4A695444;
  std::string bytes;
  for (const uint32_t word : {kMagic, 1U, 40U, 62U, 0U, 4242U}) Append(bytes, word);
  for (const uint64_t word : {0, 0}) Append(bytes, word);
  const std::string name("made\0", 5);
  const std::string code(16, '\x90');
  for (const uint32_t word : {0U, uint32_t(56 + name.size() + code.size())}) {
    Append(bytes, word);
  }
  Append(bytes, uint64_t{0});
  for (const uint32_t word : {4242U, 4242U}) Append(bytes, word);
  for (const uint64_t word : {0x1000, 0x1000, 16, 1}) Append(bytes, word);
  bytes += name + code;
  for (const uint32_t word : {1U, 64U}) Append(bytes, word);
  Append(bytes, uint64_t{0});
  for (const uint32_t word : {4242U, 4242U}) Append(bytes, word);
  for (const uint64_t word : {0x2000, 0x1000, 0x2000, 16, 1}) Append(bytes, word);
  return bytes;
}

}  // namespace

std::vector<std::string> FuzzSeeds() {
  ElfBuilder builder(256);
  builder.AddFunction("first", 0, 64);
  builder.AddFunction("second", 64, 0);
  builder.SetBuildId("an id");
  return {std::string(1, '\0') + builder.Build(),
          std::string(1, '\0') + ReadFile(TWOFOLD_NAMES_DIR "/names_small.so.both"),
          "\1"
          "1000 100 first\n1080 10 inside\n0x2000 0x20 Lorg/Second;::run\n",
          "\2" + JitDump()};
}

}  // namespace twofold::testing
