// --record exec: executed programs, one by one, and attempts that failed.
#pragma once

#include <vector>

#include "recorder/cli/note.h"
#include "recorder/cli/options.h"
#include "recorder/sources/exec/exec_events.h"
#include "recorder/sources/source.h"
#include "recorder/tracer/bpf_link.h"

namespace twofold {

class ExecSource : public Source {
 public:
  // Both are borrowed.
  ExecSource(const Options& options, const Notes& notes);

  void DeclareOptions(OptionSet& table) override;
  void Check(const KernelBtf* types, std::vector<Finding>& findings) const override;
  std::vector<MapNeed> Maps() const override { return {}; }
  bool HasEvents() const override { return true; }
  std::vector<bpf_program*> Programs(const twofold_bpf& skeleton) const override;
  void Prepare(twofold_bpf& skeleton, const MapSizes& sizes) override;
  Result<void> Open(Tracer& tracer) override;
  Result<void> AttachBeforeWindow() override;
  void Detach() override { links_.clear(); }
  Result<void> Read(const IntervalEnd&) override { return {}; }
  Result<void> FinishReading(const IntervalEnd& end, std::vector<Loss>& losses) override;
  void AddEvent(const void* event, size_t bytes) override { events_.Add(event, bytes); }
  bool with_arguments() const { return with_arguments_; }
  void Describe(Settings& settings) const override;
  void BuildRows(CaptureBuilder& builder, Interval& interval) override;

 private:
  const Options& options_;
  const Notes& notes_;
  bool with_arguments_ = false;
  twofold_bpf* skeleton_ = nullptr;
  std::vector<BpfLink> links_;
  ExecEvents events_;
  std::vector<ExecReading> execs_;  // of the interval that was read last
};

}  // namespace twofold
