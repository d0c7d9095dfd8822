#include "format/records/recording.h"

#include "format/base/utf8.h"

namespace twofold::records {
namespace {

flatbuffers::Offset<flatbuffers::String> PackText(flatbuffers::FlatBufferBuilder& builder,
                                                  const std::string& text) {
  if (text.empty()) return 0;
  return builder.CreateString(IsUtf8(text) ? text : EscapeNonUtf8(text));
}

flatbuffers::Offset<wire::Host> PackHost(flatbuffers::FlatBufferBuilder& builder,
                                         const Host& host) {
  auto hostname = PackText(builder, host.hostname);
  auto release = PackText(builder, host.kernel_release);
  auto version = PackText(builder, host.kernel_version);
  auto machine = PackText(builder, host.machine);
  auto distribution = PackText(builder, host.distribution);
  auto cpu_model = PackText(builder, host.cpu_model);
  auto build_id = PackText(builder, host.kernel_build_id);
  return wire::CreateHost(builder, hostname, release, version, machine, distribution, cpu_model,
                          host.cpus_online, host.memory_bytes, host.page_bytes, build_id);
}

flatbuffers::Offset<wire::Settings> PackSettings(flatbuffers::FlatBufferBuilder& builder,
                                                 const Settings& settings) {
  auto recorder_version = PackText(builder, settings.recorder_version);
  std::vector<flatbuffers::Offset<flatbuffers::String>> names;
  for (const std::string& source : settings.sources) {
    names.push_back(builder.CreateString(EscapeNonUtf8(source)));
  }
  auto sources = builder.CreateVector(names);
  auto scope = PackText(builder, settings.scope);
  auto pids = builder.CreateVector(settings.pids);
  auto command = PackText(builder, settings.command);
  auto method = PackText(builder, settings.user_stack_method);
  flatbuffers::Offset<Column<uint32_t>> tids;
  if (!settings.tids.empty()) tids = builder.CreateVector(settings.tids);
  auto cgroup = PackText(builder, settings.cgroup);
  auto comm = PackText(builder, settings.comm);
  auto leak_scope = PackText(builder, settings.leak_scope);
  return wire::CreateSettings(builder, recorder_version, sources, settings.frequency_hz,
                              settings.interval_ns, settings.memory_bytes, settings.max_frames,
                              scope, pids, command, method, tids, cgroup, comm, settings.wakers,
                              settings.quantum_ns, settings.min_block_ns, settings.max_block_ns,
                              settings.max_overhead_permyriad, settings.arguments ? 1 : 0,
                              leak_scope, settings.leak_sample_bytes, settings.leak_age_ns);
}

// Unpacks strings and notes whether all of them were UTF-8.
class TextReader {
 public:
  std::string Get(const flatbuffers::String* text) {
    if (text == nullptr) return {};
    if (!IsUtf8(text->string_view())) valid_ = false;
    return text->str();
  }
  bool valid() const { return valid_; }

 private:
  bool valid_ = true;
};

Host UnpackHost(const wire::Host& table, TextReader& text) {
  Host host;
  host.hostname = text.Get(table.hostname());
  host.kernel_release = text.Get(table.kernel_release());
  host.kernel_version = text.Get(table.kernel_version());
  host.machine = text.Get(table.machine());
  host.distribution = text.Get(table.distribution());
  host.cpu_model = text.Get(table.cpu_model());
  host.cpus_online = table.cpus_online();
  host.memory_bytes = table.memory_bytes();
  host.page_bytes = table.page_bytes();
  host.kernel_build_id = text.Get(table.kernel_build_id());
  return host;
}

Settings UnpackSettings(const wire::Settings& table, TextReader& text) {
  Settings settings;
  settings.recorder_version = text.Get(table.recorder_version());
  if (table.sources() != nullptr) {
    for (const flatbuffers::String* source : *table.sources()) {
      settings.sources.push_back(text.Get(source));
    }
  }
  settings.frequency_hz = table.frequency_hz();
  settings.interval_ns = table.interval_ns();
  settings.memory_bytes = table.memory_bytes();
  settings.max_frames = table.max_frames();
  settings.scope = text.Get(table.scope());
  if (table.pids() != nullptr) settings.pids.assign(table.pids()->begin(), table.pids()->end());
  settings.command = text.Get(table.command());
  settings.user_stack_method = text.Get(table.user_stack_method());
  if (table.tids() != nullptr) settings.tids.assign(table.tids()->begin(), table.tids()->end());
  settings.cgroup = text.Get(table.cgroup());
  settings.comm = text.Get(table.comm());
  settings.wakers = table.wakers();
  settings.quantum_ns = table.quantum_ns();
  settings.min_block_ns = table.min_block_ns();
  settings.max_block_ns = table.max_block_ns();
  settings.max_overhead_permyriad = table.max_overhead_permyriad();
  settings.arguments = table.arguments() != 0;
  settings.leak_scope = text.Get(table.leak_scope());
  settings.leak_sample_bytes = table.leak_sample_bytes();
  settings.leak_age_ns = table.leak_age_ns();
  return settings;
}

}  // namespace

void PackRecording(const Recording& recording, flatbuffers::FlatBufferBuilder& builder) {
  auto host = PackHost(builder, recording.host);
  auto settings = PackSettings(builder, recording.settings);
  builder.Finish(wire::CreateRecording(builder, host, settings, recording.start_realtime_ns,
                                       recording.start_monotonic_ns, recording.start_boottime_ns));
}

MaybeFault UnpackRecording(std::span<const uint8_t> payload, Recording& recording) {
  if (!IsFlatBuffer<wire::Recording>(payload)) return MalformedFlatBuffer();
  const auto* table = RootOf<wire::Recording>(payload);
  if (table->host() == nullptr || table->settings() == nullptr) {
    return Fault{"it lacks the host or the settings"};
  }
  // Elements of a vector of strings may share one string: many of them would multiply it.
  const auto* sources = table->settings()->sources();
  if (sources != nullptr && sources->size() > container::kMaxSources) {
    return Fault{"it names too many sources"};
  }
  TextReader text;
  recording.host = UnpackHost(*table->host(), text);
  recording.settings = UnpackSettings(*table->settings(), text);
  recording.start_realtime_ns = table->start_realtime_ns();
  recording.start_monotonic_ns = table->start_monotonic_ns();
  recording.start_boottime_ns = table->start_boottime_ns();
  if (!text.valid()) return Fault{"one of its strings is not UTF-8"};
  return std::nullopt;
}

MaybeFault CheckRecording(const Recording& recording) {
  if (recording.settings.sources.size() > container::kMaxSources) {
    return Fault{"it names too many sources"};
  }
  TWOFOLD_RETURN_IF_FAULT(CheckTime(recording.start_realtime_ns, "its real time"));
  uint64_t limit = container::kMaxTimeNs;
  if (recording.start_monotonic_ns > limit || recording.start_boottime_ns > limit) {
    return Fault{"its clocks are out of range"};
  }
  const Settings& settings = recording.settings;
  if (settings.quantum_ns > limit || settings.min_block_ns > limit ||
      settings.max_block_ns > limit) {
    return Fault{"its quantum or its limits of blocks are out of range"};
  }
  if (settings.leak_age_ns > limit || settings.leak_sample_bytes > container::kMaxSum) {
    return Fault{"its settings of memory are out of range"};
  }
  return std::nullopt;
}

}  // namespace twofold::records
