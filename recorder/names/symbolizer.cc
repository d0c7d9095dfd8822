// How an address becomes a frame.
//
// A kernel address is looked up in kallsyms, and that is all. A user address takes three steps.
// Which mapping of the process image held it when the code ran: where several did, one after the
// other, the frame says that it is not known which. What the mapping shows: a file, whose offset
// the address has, or code that was made at run time. What that calls the place: the symbol table
// of the file, which the name reader's process parses, or the names that the runtime wrote down.
//
// A name is a statement about a moment. Files are overwritten, runtimes move code, processes map
// one thing over another; so whoever keeps a stack keeps how long its names hold (NameValidity),
// and asks again when something has changed. What does not change is remembered: a frame by module
// and offset, so that a thousand stacks through one function cost one look-up.
#include "recorder/names/symbolizer.h"

#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "format/base/elf_notes.h"
#include "recorder/base/clocks.h"
#include "recorder/host/host_facts.h"
#include "recorder/names/runtime_names.h"
#include "recorder/names/symbol_tables.h"

namespace twofold {
namespace {

constexpr uint64_t kReloadPauseNs = 1'000'000'000;
// About 10 MiB; what is dropped is found again when it is needed.
constexpr size_t kMaxCachedFrames = 200'000;
constexpr size_t kMaxCachedModules = 4096;
// Processes of 32 bits have a vDSO of their own, below this address.
constexpr uint64_t kEndOf32Bits = 1ULL << 32;

constexpr std::string_view kUnmapped = "[unmapped address]";
constexpr std::string_view kGone = "[process gone before its mappings were read]";
constexpr std::string_view kKernelUnknown = "[kernel address without symbol]";

// A frame's cache key: an address or offset, and how its name is looked up.
uint64_t CacheKey(uint64_t address, bool is_return_address) {
  return address * 2 + (is_return_address ? 1 : 0);
}

// What is told instead of a function where one of several files was mapped and nobody knows which.
std::string ReplacedText(const std::vector<const Mapping*>& mappings) {
  constexpr size_t kMaxNames = 4;
  std::set<std::string> names;
  bool has_others = false;
  for (const Mapping* mapping : mappings) {
    has_others = has_others || mapping == nullptr;
    if (mapping == nullptr) continue;
    const std::string& path = mapping->path();
    names.insert(path.empty() ? "[no file]" : path.substr(path.rfind('/') + 1));
  }
  std::vector<std::string> told(names.begin(), names.end());
  if (told.size() > kMaxNames) told.resize(kMaxNames);
  if (has_others || told.size() < names.size()) told.push_back("[others]");
  std::string text = "[module replaced: " + told.front();
  for (size_t i = 1; i < told.size(); ++i) {
    text += (i + 1 == told.size() ? " or " : ", ") + told[i];
  }
  return text + "]";
}

}  // namespace

struct Symbolizer::State {
  // What is known of one mapped file.
  struct UserModule {
    std::shared_ptr<const MappedFile> file;  // holds on to the pointer that is the key
    std::shared_ptr<SymbolTables::Source> source;
    ModuleId id;
    std::unordered_map<uint64_t, FrameId> frames;
  };

  State(DefinitionsBuilder& definitions_in, KernelSymbols& kernel_symbols_in, NameReader& reader_in)
      : definitions(definitions_in),
        kernel_symbols(kernel_symbols_in),
        reader(reader_in),
        kernel_build_id(ReadKernelBuildId()),
        last_reload_ns(MonotonicNowNs()),
        tables(reader_in),
        runtime_names(reader_in) {}

  ModuleId KernelModule(std::string_view module);
  ModuleId InternModule(ModuleKind kind, std::string_view path, std::string_view build_id);
  UserModule& FindModule(const ProcessImage& image, const Mapping& mapping);
  FrameId FileFrame(const ProcessImage& image, const Mapping& mapping, uint64_t address,
                    bool is_return_address, NameValidity& validity);
  FrameId RuntimeFrame(const ProcessImage& image, const Mapping& mapping, uint64_t address,
                       bool is_return_address, NameValidity& validity);
  void NoteBeginning(FrameId frame, std::string_view name);

  DefinitionsBuilder& definitions;
  KernelSymbols& kernel_symbols;
  NameReader& reader;
  std::string kernel_build_id;
  uint64_t last_reload_ns;
  std::unordered_map<uint64_t, FrameId> kernel_frames;
  std::unordered_map<std::string, ModuleId> kernel_modules;
  std::unordered_map<const MappedFile*, UserModule> user_modules;
  size_t user_frames = 0;  // in all modules
  SymbolTables tables;
  RuntimeNames runtime_names;
  ModuleId runtime_module;
  uint64_t overwritings = 0;
  std::vector<Beginning> beginnings;  // by frame id
};

void Symbolizer::State::NoteBeginning(FrameId frame, std::string_view name) {
  if (frame.value >= beginnings.size()) beginnings.resize(frame.value + 1, Beginning::kUnnamed);
  beginnings[frame.value] = BeginningOf(name);
}

Symbolizer::Symbolizer(DefinitionsBuilder& definitions, KernelSymbols& kernel_symbols,
                       NameReader& reader)
    : state_(std::make_unique<State>(definitions, kernel_symbols, reader)) {}
Symbolizer::~Symbolizer() = default;

ModuleId Symbolizer::State::InternModule(ModuleKind kind, std::string_view path,
                                         std::string_view build_id) {
  Module module;
  module.kind = kind;
  module.path = definitions.InternString(path);
  module.build_id = definitions.InternString(build_id);
  return definitions.InternModule(module);
}

ModuleId Symbolizer::State::KernelModule(std::string_view module) {
  const auto [entry, is_new] = kernel_modules.try_emplace(std::string(module));
  if (!is_new) return entry->second;
  if (module.empty()) {
    entry->second = InternModule(ModuleKind::kKernel, "[kernel]", kernel_build_id);
  } else {
    const std::string notes = "/sys/module/" + std::string(module) + "/notes/.note.gnu.build-id";
    entry->second =
        InternModule(ModuleKind::kKernelModule, module, ReadBuildIdOfNotesFile(notes.c_str()));
  }
  return entry->second;
}

FrameId Symbolizer::KernelFrame(uint64_t address, bool is_return_address) {
  State& state = *state_;
  const uint64_t key = CacheKey(address, is_return_address);
  if (const auto known = state.kernel_frames.find(key); known != state.kernel_frames.end()) {
    return known->second;
  }
  const uint64_t wanted = is_return_address ? address - 1 : address;
  std::optional<KernelSymbols::Hit> hit = state.kernel_symbols.Find(wanted);
  if (!hit && MonotonicNowNs() - state.last_reload_ns >= kReloadPauseNs) {
    state.kernel_symbols.Reload();
    state.kernel_frames.clear();  // a module that went may have given its place to another
    state.last_reload_ns = MonotonicNowNs();
    hit = state.kernel_symbols.Find(wanted);
  }
  if (!hit) return state.definitions.InternSpecialFrame(kKernelUnknown);
  Frame frame;
  frame.module = state.KernelModule(hit->module);
  frame.symbol = state.definitions.InternString(hit->name);
  frame.offset = hit->offset + (address - wanted);
  const FrameId id = state.definitions.InternFrame(frame);
  if (state.kernel_frames.size() >= kMaxCachedFrames) state.kernel_frames.clear();
  state.kernel_frames.emplace(key, id);
  return id;
}

Symbolizer::State::UserModule& Symbolizer::State::FindModule(const ProcessImage& image,
                                                             const Mapping& mapping) {
  const auto known = user_modules.find(mapping.file.get());
  const bool has_symbols =
      mapping.kind() == ModuleKind::kUserFile || mapping.kind() == ModuleKind::kVdso;
  if (known != user_modules.end()) {
    UserModule& module = known->second;
    if (!has_symbols || module.source->was_read) return module;
    // Perhaps this process can show the file that others could not.
    module.source = tables.Get(image, mapping);
    module.id = InternModule(mapping.kind(), mapping.path(), module.source->build_id);
    return module;
  }
  if (user_modules.size() >= kMaxCachedModules) {
    user_modules.clear();
    user_frames = 0;
    tables.Clear();
  }
  UserModule& module = user_modules[mapping.file.get()];
  module.file = mapping.file;
  std::string_view build_id;
  if (has_symbols) {
    module.source = tables.Get(image, mapping);
    build_id = module.source->build_id;
  }
  module.id = InternModule(mapping.kind(), mapping.path(), build_id);
  return module;
}

FrameId Symbolizer::State::FileFrame(const ProcessImage& image, const Mapping& mapping,
                                     uint64_t address, bool is_return_address,
                                     NameValidity& validity) {
  const bool is_file = mapping.kind() == ModuleKind::kUserFile;
  Frame frame;
  frame.offset = address - mapping.start + (is_file ? mapping.file_offset : 0);
  UserModule& module = FindModule(image, mapping);
  const uint64_t key = CacheKey(frame.offset, is_return_address);
  if (const auto cached = module.frames.find(key); cached != module.frames.end()) {
    return cached->second;
  }
  frame.module = module.id;
  bool is_final = true;
  const bool is_foreign_vdso = mapping.kind() == ModuleKind::kVdso && mapping.start < kEndOf32Bits;
  if (module.source != nullptr && !is_foreign_vdso) {
    is_final = module.source->was_read;
    validity.this_interval_only |= SymbolTables::MayBeReadLater(*module.source);
    const auto name =
        tables.NameAt(*module.source, image, mapping, frame.offset - (is_return_address ? 1 : 0));
    if (name) {
      frame.symbol = definitions.InternString(*name);
      NoteBeginning(definitions.InternFrame(frame), *name);
    }
  }
  const FrameId id = definitions.InternFrame(frame);
  if (!is_final) return id;
  if (user_frames >= kMaxCachedFrames) {
    for (auto& [file, other] : user_modules) other.frames.clear();
    user_frames = 0;
  }
  module.frames.emplace(key, id);
  ++user_frames;
  return id;
}

FrameId Symbolizer::State::RuntimeFrame(const ProcessImage& image, const Mapping& mapping,
                                        uint64_t address, bool is_return_address,
                                        NameValidity& validity) {
  validity.runtime_code = true;
  const uint64_t wanted = is_return_address ? address - 1 : address;
  const std::optional<CodeEntry> entry = runtime_names.Find(image, wanted);
  if (!entry) {
    const FrameId id = FileFrame(image, mapping, address, is_return_address, validity);
    const UserModule& module = FindModule(image, mapping);
    if (module.source == nullptr || !module.source->was_read) runtime_names.CountUnnamed(image);
    return id;
  }
  if (runtime_module == ModuleId()) {
    runtime_module = InternModule(ModuleKind::kRuntime, "[jit]", "");
  }
  Frame frame;
  frame.module = runtime_module;
  frame.symbol = definitions.InternString(entry->name);
  frame.offset = address - entry->start;
  const FrameId id = definitions.InternFrame(frame);
  NoteBeginning(id, entry->name);
  return id;
}

FrameId Symbolizer::UserFrame(const ProcessImage& image, uint64_t address, bool is_return_address,
                              const TimeRange& when, NameValidity& validity) {
  const std::vector<const Mapping*> mappings =
      image.FindMappings(is_return_address ? address - 1 : address, when);
  if (mappings.empty()) {
    return state_->definitions.InternSpecialFrame(image.mappings_known ? kUnmapped : kGone);
  }
  if (mappings.size() > 1) {
    validity.this_interval_only = true;
    return state_->definitions.InternSpecialFrame(ReplacedText(mappings));
  }
  const Mapping& mapping = *mappings.front();
  if (RuntimeNames::MayHoldCode(mapping)) {
    return state_->RuntimeFrame(image, mapping, address, is_return_address, validity);
  }
  return state_->FileFrame(image, mapping, address, is_return_address, validity);
}

FrameId Symbolizer::UserFrame(const ProcessImage& image, uint64_t address, bool is_return_address) {
  NameValidity unused;
  return UserFrame(image, address, is_return_address, TimeRange(), unused);
}

Beginning Symbolizer::BeginningOfFrame(FrameId frame) const {
  return frame.value < state_->beginnings.size() ? state_->beginnings[frame.value]
                                                 : Beginning::kUnnamed;
}

void Symbolizer::ApplyProgram(const SidebandEvent& event) {
  if (event.kind == SidebandEvent::Kind::kBpfProgramGone) {
    state_->kernel_symbols.RemoveProgram(event.address);
    return;
  }
  state_->kernel_symbols.AddProgram(event.address, event.size_bytes, event.text);
  state_->kernel_frames.clear();
}

void Symbolizer::FollowModules() {
  if (state_->kernel_symbols.FollowModules()) state_->kernel_frames.clear();
}

void Symbolizer::BeginInterval(uint64_t from_ns) {
  if (!state_->tables.BeginInterval(from_ns)) return;
  ++state_->overwritings;
  for (auto& [file, module] : state_->user_modules) module.frames.clear();
  state_->user_frames = 0;
}

uint64_t Symbolizer::overwritings() const { return state_->overwritings; }

uint64_t Symbolizer::VersionOfRuntimeNames(const ProcessImage& image) {
  return state_->runtime_names.Version(image);
}

bool Symbolizer::TellsOfRuntimeCode(std::string_view mapping_text) {
  Mapping mapping;
  mapping.file = std::make_shared<const MappedFile>(ClassifyMappingText(mapping_text));
  return RuntimeNames::MayHoldCode(mapping) || RuntimeNames::IsJitDump(mapping);
}

void Symbolizer::PrepareRuntimeNames(const ProcessImage& image) {
  state_->runtime_names.Prepare(image);
}

void Symbolizer::PrepareModules(const ProcessImage& image) {
  for (const Mapping& mapping : image.mappings) state_->tables.Prepare(image, mapping);
}

uint64_t Symbolizer::TakeProcessesWithoutRuntimeNames() {
  return state_->runtime_names.TakeUnnamedProcesses();
}

uint64_t Symbolizer::TakeUnusableRuntimeFiles() {
  return state_->runtime_names.TakeUnusableFiles();
}

uint64_t Symbolizer::TakeUnreadableModules() { return state_->tables.TakeUnreadable(); }

uint64_t Symbolizer::TakeGivenUpFiles() { return state_->reader.TakeGivenUp(); }

void Symbolizer::ReleaseMemory() {
  state_->reader.EndInterval();
  state_->runtime_names.EndInterval();
}

}  // namespace twofold
