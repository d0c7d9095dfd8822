#include "recorder/names/kernel_symbols.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <memory>
#include <sstream>
#include <utility>

#include "format/base/unique_fd.h"
#include "recorder/base/small_file.h"

namespace twofold {
namespace {

constexpr uint64_t kMaxReachBytes = uint64_t{256} * 1024;
constexpr size_t kMaxModules = 65535;
// A hostile file in place of kallsyms must not exhaust memory; real ones stay below 30 MiB.
constexpr uint64_t kMaxFileBytes = 256ULL << 20;
constexpr size_t kChunkBytes = size_t{64} * 1024;
constexpr size_t kMaxModuleListBytes = size_t{1} << 20;
constexpr size_t kMaxPrograms = 65536;
constexpr std::string_view kProgramModule = "bpf";

bool ParseHex(std::string_view digits, uint64_t& value) {
  if (digits.empty() || digits.size() > 16) return false;
  value = 0;
  for (const char c : digits) {
    uint64_t digit = 0;
    if (c >= '0' && c <= '9') {
      digit = uint64_t(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      digit = uint64_t(c - 'a') + 10;
    } else {
      return false;
    }
    value = value << 4 | digit;
  }
  return true;
}

// Names of the loaded modules and where they lie; empty when there are none.
std::string ReadModuleList(const std::string& path) {
  std::string list;
  std::istringstream lines(
      ReadSmallFile(AT_FDCWD, path.c_str(), kMaxModuleListBytes).value_or(std::string()));
  std::string name, size, uses, users, state, address, rest;
  // The number of uses changes all the time.
  while (lines >> name >> size >> uses >> users >> state >> address) {
    list.append(name).append(" ").append(address).append("\n");
    std::getline(lines, rest);
  }
  return list;
}

}  // namespace

// Takes the file in chunks and fills the tables line by line: "ADDRESS TYPE NAME[\t[MODULE]]".
class KallsymsParser {
 public:
  explicit KallsymsParser(KernelSymbols& out) : out_(out) { out_.modules_.emplace_back(); }

  void Add(std::string_view chunk) {
    while (!chunk.empty()) {
      const size_t end = chunk.find('\n');
      if (end == std::string_view::npos) {
        // A line that long is none of kallsyms; what remains of it will not parse either.
        if (rest_.size() < kChunkBytes) rest_ += chunk;
        return;
      }
      if (rest_.empty()) {
        AddLine(chunk.substr(0, end));
      } else {
        rest_ += chunk.substr(0, end);
        AddLine(rest_);
        rest_.clear();
      }
      chunk.remove_prefix(end + 1);
    }
  }

  void Finish() {
    if (!rest_.empty()) AddLine(rest_);
  }

  bool saw_text() const { return saw_text_; }
  bool saw_address() const { return saw_address_; }

 private:
  void AddLine(std::string_view line) {
    const size_t space = line.find(' ');
    uint64_t address = 0;
    if (space == std::string_view::npos || !ParseHex(line.substr(0, space), address)) return;
    if (line.size() < space + 4 || line[space + 2] != ' ') return;
    const char type = line[space + 1];
    std::string_view name = line.substr(space + 3);
    std::string_view module;
    if (const size_t tab = name.find('\t'); tab != std::string_view::npos) {
      module = name.substr(tab + 1);
      name = name.substr(0, tab);
      if (module.size() < 3 || module.front() != '[' || module.back() != ']') return;
      module = module.substr(1, module.size() - 2);
    }
    if (name.empty() || name.find('\0') != std::string_view::npos) return;
    if (module.empty()) NoteBounds(name, address);

    KernelSymbols::Rank rank = KernelSymbols::Rank::kMarker;
    if (type == 'T') {
      rank = KernelSymbols::Rank::kGlobal;
    } else if (type == 't') {
      rank = KernelSymbols::Rank::kLocal;
    } else if (type == 'w' || type == 'W') {
      rank = KernelSymbols::Rank::kWeak;
    } else if (type == 'a' || type == 'A') {
      return;  // absolute values are no addresses
    }
    const bool is_text = rank != KernelSymbols::Rank::kMarker;
    if (is_text) saw_text_ = true;
    if (address == 0) return;
    if (is_text) {
      saw_address_ = true;
      if (name.front() == '$' || name.starts_with("__pfx_") || name.starts_with("__cfi_")) return;
    }

    KernelSymbols::Symbol symbol{address, 0, 0, rank};
    if (is_text) {
      if (out_.text_.size() + name.size() + 1 > UINT32_MAX) return;
      symbol.name = uint32_t(out_.text_.size());
      symbol.module = ModuleIndex(module);
      out_.text_.append(name);
      out_.text_.push_back('\0');
      ++out_.symbol_count_;
    }
    out_.symbols_.push_back(symbol);
  }

  // The types of these differ between architectures.
  void NoteBounds(std::string_view name, uint64_t address) {
    if (name.front() != '_') return;
    if (name == "_stext") out_.text_range_.start = address;
    if (name == "_etext") out_.text_range_.end = address;
    if (name == "_sinittext") out_.init_text_range_.start = address;
    if (name == "_einittext") out_.init_text_range_.end = address;
  }

  // Symbols of one module follow each other.
  uint16_t ModuleIndex(std::string_view module) {
    if (module.empty()) return 0;
    if (out_.modules_.back() == module) return uint16_t(out_.modules_.size() - 1);
    const auto known = std::find(out_.modules_.begin() + 1, out_.modules_.end(), module);
    if (known != out_.modules_.end()) {
      return uint16_t(known - out_.modules_.begin());
    }
    if (out_.modules_.size() > kMaxModules) return uint16_t(kMaxModules);
    out_.modules_.emplace_back(module);
    return uint16_t(out_.modules_.size() - 1);
  }

  KernelSymbols& out_;
  std::string rest_;  // the beginning of a line whose end is in the next chunk
  bool saw_text_ = false;
  bool saw_address_ = false;
};

bool KernelSymbols::Before(const Symbol& a, const Symbol& b) const {
  if (a.address != b.address) return a.address < b.address;
  if (a.rank != b.rank) return a.rank < b.rank;
  if (a.rank == Rank::kMarker) return false;
  const std::string_view name_a = NameOf(a);
  const std::string_view name_b = NameOf(b);
  if (name_a.size() != name_b.size()) return name_a.size() < name_b.size();
  if (name_a != name_b) return name_a < name_b;
  return a.module < b.module;
}

void KernelSymbols::Sort() {
  std::sort(symbols_.begin(), symbols_.end(),
            [this](const Symbol& a, const Symbol& b) { return Before(a, b); });
  // Of a run of data only its beginning matters; data at the address of a function says nothing.
  size_t kept = 0;
  for (size_t i = 0; i < symbols_.size(); ++i) {
    if (symbols_[i].rank == Rank::kMarker && kept > 0) {
      const Symbol& last = symbols_[kept - 1];
      if (last.rank == Rank::kMarker || last.address == symbols_[i].address) continue;
    }
    symbols_[kept++] = symbols_[i];
  }
  symbols_.resize(kept);
  symbols_.shrink_to_fit();
  text_.shrink_to_fit();
}

Result<KernelSymbols> KernelSymbols::Load(const std::string& path,
                                          const std::string& modules_path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) {
    return Error{"cannot read the kernel's symbols: " + ErrnoText(errno), path,
                 "Run as root, on a kernel with CONFIG_KALLSYMS"};
  }
  KernelSymbols table;
  table.path_ = path;
  table.modules_path_ = modules_path;
  // Before the symbols: a module that comes in between is noticed the next time.
  table.module_list_ = ReadModuleList(modules_path);
  KallsymsParser parser(table);
  const auto buffer = std::make_unique<char[]>(kChunkBytes);
  uint64_t total_bytes = 0;
  while (true) {
    const ssize_t got = read(fd.get(), buffer.get(), kChunkBytes);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      return Error{"cannot read the kernel's symbols: " + ErrnoText(errno), path,
                   "Run as root, on a kernel with CONFIG_KALLSYMS"};
    }
    if (got == 0) break;
    total_bytes += uint64_t(got);
    if (total_bytes > kMaxFileBytes) {
      return Error{"the file is too large for a list of kernel symbols", path,
                   "Use the kernel's own /proc/kallsyms"};
    }
    parser.Add(std::string_view(buffer.get(), size_t(got)));
  }
  parser.Finish();
  if (!parser.saw_text()) {
    return Error{"the file lists no kernel functions", path,
                 "Use a kernel with CONFIG_KALLSYMS, or mount /proc"};
  }
  if (!parser.saw_address()) {
    return Error{"the kernel hides the addresses of its symbols", path,
                 "Run as root (CAP_SYSLOG), and set kernel.kptr_restrict to 1 or 0: "
                 "sysctl -w kernel.kptr_restrict=1"};
  }
  table.Sort();
  return table;
}

std::optional<KernelSymbols::Hit> KernelSymbols::Find(uint64_t address) const {
  if (const auto next = programs_.upper_bound(address); next != programs_.begin()) {
    const auto& [start, program] = *std::prev(next);
    if (address < program.end) return Hit{program.name, kProgramModule, address - start};
  }
  const auto after = std::upper_bound(
      symbols_.begin(), symbols_.end(), address,
      [](uint64_t wanted, const Symbol& symbol) { return wanted < symbol.address; });
  if (after == symbols_.begin()) return std::nullopt;
  auto found = after - 1;
  while (found != symbols_.begin() && (found - 1)->address == found->address) --found;
  if (found->rank == Rank::kMarker) return std::nullopt;

  const uint64_t offset = address - found->address;
  const bool bounds_known = text_range_.start < text_range_.end;
  if (found->module == 0 && bounds_known) {
    const bool in_text = text_range_.Contains(address) && text_range_.Contains(found->address);
    const bool in_init =
        init_text_range_.Contains(address) && init_text_range_.Contains(found->address);
    if (!in_text && !in_init) return std::nullopt;
  } else if (offset >= kMaxReachBytes) {
    return std::nullopt;
  }
  return Hit{NameOf(*found), modules_[found->module], offset};
}

std::optional<uint64_t> KernelSymbols::AddressOf(std::string_view name) const {
  for (const Symbol& symbol : symbols_) {
    if (symbol.rank != Rank::kMarker && name == NameOf(symbol)) return symbol.address;
  }
  return std::nullopt;
}

void KernelSymbols::AddProgram(uint64_t address, uint64_t size_bytes, std::string name) {
  if (size_bytes == 0 || address > UINT64_MAX - size_bytes) return;
  const uint64_t end = address + size_bytes;
  auto at = programs_.lower_bound(address);
  if (at != programs_.begin() && std::prev(at)->second.end > address) --at;
  while (at != programs_.end() && at->first < end) at = programs_.erase(at);
  if (programs_.size() >= kMaxPrograms) return;
  programs_.emplace(address, Program{end, std::move(name), false});
}

void KernelSymbols::RemoveProgram(uint64_t address) {
  if (const auto program = programs_.find(address); program != programs_.end()) {
    program->second.is_gone = true;
  }
}

bool KernelSymbols::FollowModules() {
  if (ReadModuleList(modules_path_) == module_list_) return false;
  Reload();
  return true;
}

void KernelSymbols::Reload() {
  Result<KernelSymbols> fresh = Load(path_, modules_path_);
  if (!fresh) return;
  fresh->programs_ = std::move(programs_);
  std::erase_if(fresh->programs_, [](const auto& program) { return program.second.is_gone; });
  *this = std::move(fresh).value();
}

size_t KernelSymbols::memory_bytes() const {
  return symbols_.capacity() * sizeof(Symbol) + text_.capacity();
}

}  // namespace twofold
