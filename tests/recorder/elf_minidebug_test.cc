// Compressed symbols that are hostile: what they may cost, and that they cost their own names only.
#include "recorder/parser/elf_minidebug.h"

#include <gtest/gtest.h>
#include <lzma.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "recorder/parser/elf_symbols.h"
#include "tests/recorder/elf_builder.h"
#include "tests/recorder/temporary_file.h"

namespace twofold {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

// An xz stream; `repeats` times the same text, with a dictionary of this size.
std::string Compress(const std::string& text, size_t repeats = 1,
                     uint32_t dictionary_bytes = 1 << 20) {
  lzma_options_lzma options;
  EXPECT_EQ(lzma_lzma_preset(&options, 1), 0);
  options.dict_size = dictionary_bytes;
  lzma_filter filters[] = {{LZMA_FILTER_LZMA2, &options}, {LZMA_VLI_UNKNOWN, nullptr}};
  lzma_stream stream = LZMA_STREAM_INIT;
  EXPECT_EQ(lzma_stream_encoder(&stream, filters, LZMA_CHECK_CRC64), LZMA_OK);
  std::string out;
  std::string buffer(kMiB, '\0');
  const auto run = [&](lzma_action action) {
    while (true) {
      stream.next_out = reinterpret_cast<uint8_t*>(buffer.data());
      stream.avail_out = buffer.size();
      const lzma_ret state = lzma_code(&stream, action);
      out.append(buffer, 0, buffer.size() - stream.avail_out);
      if (state == LZMA_STREAM_END) return;
      ASSERT_EQ(state, LZMA_OK);
      if (action == LZMA_RUN && stream.avail_in == 0) return;
    }
  };
  for (size_t i = 0; i < repeats; ++i) {
    stream.next_in = reinterpret_cast<const uint8_t*>(text.data());
    stream.avail_in = text.size();
    run(LZMA_RUN);
  }
  run(LZMA_FINISH);
  lzma_end(&stream);
  return out;
}

// The plain bytes; "(refused)" when there are none.
std::string Decompress(const std::string& bytes) {
  const UniqueFd in = MemoryFile(bytes);
  const UniqueFd plain = DecompressXz(in.get(), 0, bytes.size());
  if (!plain) return "(refused)";
  struct stat status {};
  EXPECT_EQ(fstat(plain.get(), &status), 0);
  std::string text(size_t(status.st_size), '\0');
  EXPECT_EQ(pread(plain.get(), text.data(), text.size(), 0), status.st_size);
  return text;
}

long PeakKiB() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

// A file with a dynamic function, and with compressed data.
ElfSymbols ReadWithDebugData(const std::string& data) {
  ElfBuilder builder(0x100);
  builder.AddDynamicFunction("dynamic", 0x00, 0x10);
  builder.AddSection(".gnu_debugdata", data);
  Result<ElfSymbols> symbols = ElfSymbols::Read(MemoryFile(builder.Build()), "test");
  EXPECT_TRUE(symbols.has_value());
  return std::move(symbols).value();
}

std::string NameAt(const ElfSymbols& symbols, uint64_t offset) {
  return symbols.FindByAddress(ElfBuilder::kTextAddress + offset).value_or("(none)");
}

TEST(DecompressXz, GivesBackWhatWasCompressed) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += std::to_string(i);
  EXPECT_EQ(Decompress(Compress(text)), text);
  EXPECT_EQ(Decompress(Compress("")), "");
  // What follows a stream is not looked at.
  EXPECT_EQ(Decompress(Compress("first") + "padding"), "first");
}

TEST(DecompressXz, ARangeInsideOfAFileIsEnough) {
  const std::string packed = Compress("symbols");
  const UniqueFd file = MemoryFile("before" + packed + "behind");
  EXPECT_TRUE(DecompressXz(file.get(), 6, packed.size()));
  EXPECT_FALSE(DecompressXz(file.get(), 5, packed.size()));
  EXPECT_FALSE(DecompressXz(file.get(), 6, packed.size() - 1));
  EXPECT_FALSE(DecompressXz(file.get(), 1000, packed.size()));
  EXPECT_FALSE(DecompressXz(file.get(), UINT64_MAX, UINT64_MAX));
}

TEST(DecompressXz, ABombIsRefused) {
  const std::string zeros(kMiB, '\0');
  const std::string just_fits = Compress(zeros, 64);
  EXPECT_EQ(Decompress(just_fits).size(), 64 * kMiB);
  const std::string bomb = Compress(zeros, 65);
  EXPECT_LT(bomb.size(), 32u * 1024);
  EXPECT_EQ(Decompress(bomb), "(refused)");
  EXPECT_EQ(Decompress(Compress(zeros, 130)), "(refused)");
}

// The dictionary is memory that the stream asks for, whatever it holds.
TEST(DecompressXz, AHugeDictionaryIsRefused) {
  EXPECT_EQ(Decompress(Compress("x", 1, 64 << 20)), "x");  // as of xz -9
  std::string packed = Compress("x", 1, 64 << 20);
  // The size is one byte in the header of the block, which a checksum covers: let liblzma write it.
  lzma_options_lzma options;
  ASSERT_EQ(lzma_lzma_preset(&options, 1), 0);
  for (const uint32_t dictionary_bytes : {96U << 20, 512U << 20, 1536U << 20}) {
    options.dict_size = dictionary_bytes;
    uint8_t header[LZMA_BLOCK_HEADER_SIZE_MAX];
    lzma_filter filters[] = {{LZMA_FILTER_LZMA2, &options}, {LZMA_VLI_UNKNOWN, nullptr}};
    lzma_block block{};
    block.check = LZMA_CHECK_CRC64;
    block.compressed_size = LZMA_VLI_UNKNOWN;
    block.uncompressed_size = LZMA_VLI_UNKNOWN;
    block.filters = filters;
    ASSERT_EQ(lzma_block_header_size(&block), LZMA_OK);
    ASSERT_EQ(lzma_block_header_encode(&block, header), LZMA_OK);
    std::string hostile = packed;
    hostile.replace(LZMA_STREAM_HEADER_SIZE, block.header_size,
                    reinterpret_cast<const char*>(header), block.header_size);
    const long before = PeakKiB();
    EXPECT_EQ(Decompress(hostile), "(refused)");
    EXPECT_LT(PeakKiB() - before, 16 * 1024);
  }
}

TEST(DecompressXz, EveryPrefixAndFlippedBitIsSurvived) {
  const std::string text(5000, 'x');
  const std::string packed = Compress(text);
  for (size_t length = 0; length < packed.size(); ++length) {
    EXPECT_EQ(Decompress(packed.substr(0, length)), "(refused)") << length;
  }
  for (size_t at = 0; at < packed.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = packed;
      damaged[at] = char(damaged[at] ^ (1 << bit));
      const std::string plain = Decompress(damaged);
      EXPECT_TRUE(plain == "(refused)" || plain == text) << at;
    }
  }
}

TEST(ElfMinidebug, NamesWhatDynsymLacks) {
  ElfBuilder inner(0x100);
  inner.AddFunction("hidden", 0x20, 0x10, STB_LOCAL);
  inner.AddFunction("local_alias", 0x00, 0x10, STB_LOCAL);
  const ElfSymbols symbols = ReadWithDebugData(Compress(inner.Build()));
  EXPECT_EQ(symbols.size(), 3u);
  EXPECT_EQ(NameAt(symbols, 0x28), "hidden");
  EXPECT_EQ(NameAt(symbols, 0x08), "dynamic");
}

TEST(ElfMinidebug, OnlyTheNamesOfTheInnerFileStayInMemory) {
  ElfBuilder inner(8 * kMiB);
  inner.AddFunction("hidden", 0x20, 0x10, STB_LOCAL);
  const ElfSymbols symbols = ReadWithDebugData(Compress(inner.Build()));
  EXPECT_EQ(NameAt(symbols, 0x28), "hidden");
  EXPECT_LT(symbols.memory_bytes(), 4096u);
  EXPECT_GT(symbols.memory_bytes(), symbols.size() * 16);
}

TEST(ElfMinidebug, WhatCannotBeReadCostsItsNamesOnly) {
  const std::string zeros(kMiB, '\0');
  ElfBuilder nested(0x100);
  nested.AddFunction("too_deep", 0x20, 0x10);
  ElfBuilder inner(0x100);
  inner.AddSection(".gnu_debugdata", Compress(nested.Build()));
  for (const std::string& data :
       {std::string(), std::string("not xz at all"), Compress("not an ELF file"),
        Compress(zeros, 65), Compress(inner.Build())}) {
    const ElfSymbols symbols = ReadWithDebugData(data);
    EXPECT_EQ(symbols.size(), 1u);
    EXPECT_EQ(NameAt(symbols, 0x08), "dynamic");
    EXPECT_EQ(NameAt(symbols, 0x28), "(none)");
  }
}

TEST(ElfMinidebug, IsNotLookedAtWhereThereIsASymtab) {
  ElfBuilder inner(0x100);
  inner.AddFunction("hidden", 0x20, 0x10);
  ElfBuilder builder(0x100);
  builder.AddFunction("from_symtab", 0x00, 0x10);
  builder.AddSection(".gnu_debugdata", Compress(inner.Build()));
  Result<ElfSymbols> symbols = ElfSymbols::Read(MemoryFile(builder.Build()), "test");
  ASSERT_TRUE(symbols.has_value());
  EXPECT_TRUE(symbols->has_symtab());
  EXPECT_EQ(NameAt(*symbols, 0x28), "(none)");
}

}  // namespace
}  // namespace twofold
