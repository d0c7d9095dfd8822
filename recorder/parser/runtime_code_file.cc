#include "recorder/parser/runtime_code_file.h"

#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <memory>

#include "format/base/input_file.h"

namespace twofold {
namespace {

constexpr size_t kChunkBytes = size_t{64} * 1024;
constexpr size_t kTailBytes = 64;
constexpr size_t kMaxWritten = size_t{64} * 1024;
constexpr size_t kMaxEntriesBytes = 2 << 20;
constexpr size_t kNodeBytes = 48;  // of a hash map, about

// Of the jitdump specification.
constexpr uint32_t kDumpMagic = 0x4A695444;  // "JiTD", as a number of the host's
constexpr uint32_t kDumpVersion = 1;
constexpr uint32_t kMaxDumpHeaderBytes = 4096;

struct DumpHeader {
  uint32_t magic;
  uint32_t version;
  uint32_t total_size;
  uint32_t elf_machine;
  uint32_t pad;
  uint32_t pid;
  uint64_t timestamp;
  uint64_t flags;
};
static_assert(sizeof(DumpHeader) == 40);

enum : uint32_t { kCodeLoad = 0, kCodeMove = 1, kCodeClose = 3 };

struct RecordHeader {
  uint32_t id;
  uint32_t total_size;
  uint64_t timestamp;
};
static_assert(sizeof(RecordHeader) == 16);

struct CodeLoad {  // the name, with its zero, and the code follow
  RecordHeader header;
  uint32_t pid;
  uint32_t tid;
  uint64_t vma;
  uint64_t code_addr;
  uint64_t code_size;
  uint64_t code_index;
};
static_assert(sizeof(CodeLoad) == 56);

struct CodeMove {
  RecordHeader header;
  uint32_t pid;
  uint32_t tid;
  uint64_t vma;
  uint64_t old_code_addr;
  uint64_t new_code_addr;
  uint64_t code_size;
  uint64_t code_index;
};
static_assert(sizeof(CodeMove) == 64);

template <typename Record>
Record Load(std::span<const uint8_t> bytes) {
  Record record;
  std::memcpy(&record, bytes.data(), sizeof record);
  return record;
}

bool IsBlank(char c) { return c == ' ' || c == '\t'; }

std::string_view TakeWord(std::string_view& text) {
  while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
  size_t length = 0;
  while (length < text.size() && !IsBlank(text[length])) ++length;
  const std::string_view word = text.substr(0, length);
  text.remove_prefix(length);
  return word;
}

bool ParseHex(std::string_view text, uint64_t& value) {
  if (text.starts_with("0x") || text.starts_with("0X")) text.remove_prefix(2);
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
}

bool IsRange(uint64_t start, uint64_t size_bytes) {
  return size_bytes > 0 && size_bytes <= UINT32_MAX && start <= UINT64_MAX - size_bytes;
}

// Names longer than that end in dots, between two characters of UTF-8.
std::string CutName(std::string_view name) {
  constexpr std::string_view kDots = "...";
  if (name.size() <= RuntimeCodeFile::kMaxNameBytes) return std::string(name);
  size_t length = RuntimeCodeFile::kMaxNameBytes - kDots.size();
  while (length > 0 && (uint8_t(name[length]) & 0xc0) == 0x80) --length;
  return std::string(name.substr(0, length)) + std::string(kDots);
}

struct Line {
  uint64_t start = 0;
  uint64_t size_bytes = 0;
  std::string_view name;
};

std::optional<Line> ParseLine(std::string_view text) {
  Line line;
  if (!ParseHex(TakeWord(text), line.start) || !ParseHex(TakeWord(text), line.size_bytes) ||
      !IsRange(line.start, line.size_bytes)) {
    return std::nullopt;
  }
  while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
  while (!text.empty() && (IsBlank(text.back()) || text.back() == '\r')) text.remove_suffix(1);
  line.name = text.substr(0, text.find('\0'));
  if (line.name.empty()) return std::nullopt;
  return line;
}

std::string_view Text(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

std::optional<CodeEntry> ParsePerfMapLine(std::string_view line) {
  const std::optional<Line> parsed = ParseLine(line);
  if (!parsed) return std::nullopt;
  return CodeEntry{parsed->start, parsed->size_bytes, CutName(parsed->name)};
}

RuntimeCodeFile::RuntimeCodeFile(UniqueFd fd, Format format) : fd_(std::move(fd)), format_(format) {
  struct stat status {};
  if (fstat(fd_.get(), &status) != 0) return;
  device_ = status.st_dev;
  inode_ = status.st_ino;
}

size_t RuntimeCodeFile::memory_bytes() const {
  return ranges_.memory_bytes() + position_of_index_.size() * kNodeBytes + entries_bytes_;
}

void RuntimeCodeFile::Drop() {
  read_to_ = 0;
  tail_.clear();
  in_long_line_ = false;
  hopeless_ = false;
  written_ = std::vector<CodeRange>();
  ranges_.Clear();
  position_of_index_ = decltype(position_of_index_)();
  entries_ = decltype(entries_)();
  entries_bytes_ = 0;
  ++changes_;
}

// Whether something else than growth happened to the file. One that is written again from its
// beginning (a JVM does so at each request) seldom has the same bytes at the same place.
bool RuntimeCodeFile::WasRewritten(uint64_t size_bytes, int64_t modified_ns) const {
  if (size_bytes < size_bytes_ || size_bytes < read_to_) return true;
  if (modified_ns == modified_ns_) return false;
  if (size_bytes == size_bytes_) return true;
  std::string now(tail_.size(), '\0');
  const auto got = ReadAt(fd_.get(), read_to_ - tail_.size(),
                          {reinterpret_cast<uint8_t*>(now.data()), now.size()});
  return !got || *got != now.size() || now != tail_;
}

void RuntimeCodeFile::RememberTail() {
  tail_.resize(std::min<uint64_t>(kTailBytes, read_to_));
  const auto got = ReadAt(fd_.get(), read_to_ - tail_.size(),
                          {reinterpret_cast<uint8_t*>(tail_.data()), tail_.size()});
  if (!got || *got != tail_.size()) tail_.clear();
}

uint64_t RuntimeCodeFile::Refresh(uint64_t max_bytes) {
  struct stat status {};
  if (fstat(fd_.get(), &status) != 0 || status.st_size < 0) return 0;
  const uint64_t size_bytes = uint64_t(status.st_size);
  const int64_t modified_ns = status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec;
  if ((read_to_ > 0 || hopeless_) && WasRewritten(size_bytes, modified_ns)) Drop();
  size_bytes_ = size_bytes;
  modified_ns_ = modified_ns;
  if (size_bytes > kMaxFileBytes) damaged_ = true;
  const uint64_t readable_bytes = std::min(size_bytes, kMaxFileBytes);

  const auto chunk = std::make_unique<uint8_t[]>(kChunkBytes);
  uint64_t spent_bytes = 0;
  const uint64_t before = read_to_;
  while (!hopeless_ && read_to_ < readable_bytes && spent_bytes < max_bytes) {
    const size_t wanted = std::min<uint64_t>(kChunkBytes, readable_bytes - read_to_);
    const auto got = ReadAt(fd_.get(), read_to_, {chunk.get(), wanted});
    if (!got || *got == 0) break;
    spent_bytes += *got;
    const std::span<const uint8_t> bytes(chunk.get(), *got);
    uint64_t used = format_ == Format::kPerfMap ? ReadPerfMap(bytes) : ReadJitDump(bytes);
    // The rest of a record that is skipped may be beyond what has been written of it.
    if (used == 0 || used > readable_bytes - read_to_) break;
    read_to_ += used;
    if (written_.size() >= kMaxWritten) Flush();
  }
  Flush();
  if (read_to_ != before) RememberTail();
  return spent_bytes;
}

void RuntimeCodeFile::Flush() {
  if (written_.empty()) return;
  ranges_.Overlay(written_);
  ++changes_;
  if (ranges_.size() <= kMaxRanges && position_of_index_.size() <= kMaxRanges) return;
  const uint64_t read_to = read_to_;
  Drop();
  read_to_ = read_to;
  hopeless_ = true;
  damaged_ = true;
}

void RuntimeCodeFile::Add(uint64_t start, uint64_t size_bytes, uint64_t position) {
  written_.push_back({start, uint32_t(size_bytes), uint32_t(position)});
}

// Takes in the whole lines of a chunk that begins at read_to_ and returns their length; a line that
// fills the chunk is passed over.
uint64_t RuntimeCodeFile::ReadPerfMap(std::span<const uint8_t> bytes) {
  const std::string_view text = Text(bytes);
  size_t at = 0;
  while (true) {
    const size_t newline = text.find('\n', at);
    if (newline == std::string_view::npos) break;
    const std::string_view line = text.substr(at, newline - at);
    if (in_long_line_) {
      in_long_line_ = false;
    } else if (const std::optional<Line> entry = ParseLine(line)) {
      Add(entry->start, entry->size_bytes, read_to_ + at);
    } else if (!line.empty()) {
      damaged_ = true;
    }
    at = newline + 1;
  }
  if (at == 0 && text.size() == kChunkBytes) {
    in_long_line_ = true;
    damaged_ = true;
    return text.size();
  }
  return at;
}

// The same for records. What lies behind a record's name is not needed: the returned length may be
// larger than the chunk.
uint64_t RuntimeCodeFile::ReadJitDump(std::span<const uint8_t> bytes) {
  uint64_t at = 0;
  if (read_to_ == 0) {
    if (bytes.size() < sizeof(DumpHeader)) return 0;
    const auto header = Load<DumpHeader>(bytes);
    if (header.magic != kDumpMagic || header.version != kDumpVersion ||
        header.total_size < sizeof(DumpHeader) || header.total_size > kMaxDumpHeaderBytes) {
      hopeless_ = true;
      damaged_ = true;
      return 0;
    }
    at = header.total_size;
  }
  const uint64_t left_bytes = std::min(size_bytes_, kMaxFileBytes) - read_to_;
  while (at <= bytes.size() && bytes.size() - at >= sizeof(RecordHeader)) {
    const std::span<const uint8_t> rest = bytes.subspan(at);
    const auto header = Load<RecordHeader>(rest);
    const bool is_load = header.id == kCodeLoad;
    const bool is_move = header.id == kCodeMove;
    const size_t least = is_load   ? sizeof(CodeLoad) + 1
                         : is_move ? sizeof(CodeMove)
                                   : sizeof(RecordHeader);
    if (header.total_size < least || header.id == kCodeClose) {
      damaged_ = damaged_ || header.id != kCodeClose;
      hopeless_ = true;
      break;
    }
    if (header.total_size > left_bytes - at || rest.size() < least) break;  // not whole yet
    if (is_load) {
      const auto load = Load<CodeLoad>(rest);
      if (IsRange(load.code_addr, load.code_size)) {
        Add(load.code_addr, load.code_size, read_to_ + at);
        position_of_index_[load.code_index] = uint32_t(read_to_ + at);
      } else {
        damaged_ = true;
      }
    } else if (is_move) {
      const auto move = Load<CodeMove>(rest);
      const auto entry = position_of_index_.find(move.code_index);
      if (entry != position_of_index_.end() && IsRange(move.new_code_addr, move.code_size)) {
        Add(move.new_code_addr, move.code_size, entry->second);
      } else {
        damaged_ = true;
      }
    }
    at += header.total_size;
    if (written_.size() >= kMaxWritten) break;
  }
  return at;
}

std::optional<CodeEntry> RuntimeCodeFile::ReadDumpEntry(uint32_t position) const {
  uint8_t bytes[sizeof(CodeLoad) + kMaxNameBytes + 1];
  const auto got = ReadAt(fd_.get(), position, bytes);
  if (!got || *got <= sizeof(CodeLoad)) return std::nullopt;
  const auto load = Load<CodeLoad>(bytes);
  if (load.header.id != kCodeLoad || load.header.total_size <= sizeof(CodeLoad)) {
    return std::nullopt;
  }
  const size_t size = std::min<size_t>(*got, load.header.total_size);
  std::string_view name = Text({bytes + sizeof(CodeLoad), bytes + size});
  name = name.substr(0, name.find('\0'));
  if (name.empty()) return std::nullopt;
  return CodeEntry{load.code_addr, load.code_size, CutName(name)};
}

std::optional<CodeEntry> RuntimeCodeFile::ReadEntry(uint32_t position) const {
  if (format_ == Format::kJitDump) return ReadDumpEntry(position);
  uint8_t bytes[kMaxNameBytes + 128];
  const auto got = ReadAt(fd_.get(), position, bytes);
  if (!got) return std::nullopt;
  const std::string_view text = Text({bytes, *got});
  return ParsePerfMapLine(text.substr(0, text.find('\n')));
}

std::optional<CodeEntry> RuntimeCodeFile::Find(uint64_t address) {
  const std::optional<CodeRange> range = ranges_.Find(address);
  if (!range) return std::nullopt;
  const auto known = entries_.find(range->position);
  std::optional<CodeEntry> entry;
  if (known != entries_.end()) {
    entry = known->second;
  } else {
    entry = ReadEntry(range->position);
    if (!entry) return std::nullopt;
    if (entries_bytes_ >= kMaxEntriesBytes) {
      entries_.clear();
      entries_bytes_ = 0;
    }
    entries_bytes_ += entry->name.size() + sizeof(CodeEntry) + kNodeBytes;
    entries_.emplace(range->position, *entry);
  }
  if (address >= entry->start && address - entry->start < entry->size_bytes) return entry;
  // Something else is written there by now, or the function was moved.
  if (format_ == Format::kPerfMap) return std::nullopt;
  entry->start = range->start;
  return entry;
}

}  // namespace twofold
