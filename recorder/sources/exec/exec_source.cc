#include "recorder/sources/exec/exec_source.h"

#include <cerrno>
#include <utility>

#include "bpf/abi/losses_abi.h"
#include "recorder/cli/option_values.h"
#include "recorder/host/kernel_features.h"
#include "recorder/tracer/programs.h"

namespace twofold {

static_assert(uint8_t(LossSource::kExec) == TWOFOLD_SOURCE_EXEC);

ExecSource::ExecSource(const Options& options, const Notes& notes)
    : Source({.name = "exec",
              .help = "executed programs",
              .subject = "executed programs",
              .is_plural = true}),
      options_(options),
      notes_(notes) {}

void ExecSource::DeclareOptions(OptionSet& table) {
  table.Add({.name = "args",
             .help = "executed programs with their arguments, which may hold\n"
                     "secrets; without it no argument leaves the kernel",
             .group = size_t(HelpGroup::kWhich),
             .set = SetTo(with_arguments_)});
  table.AddCheck([this](const Arguments&) -> Result<void> {
    if (!with_arguments_ || IsAskedFor(options_)) return {};
    return UsageError("--args", "executed programs are not recorded, so there are no arguments",
                      "Record them: --record cpu,offcpu,exec --args");
  });
}

void ExecSource::Check(const KernelBtf*, std::vector<Finding>& findings) const {
  findings.push_back(AllOf("executions that fail",
                           {TrySystemCallEnd("execve"), TrySystemCallEnd("execveat")},
                           "sys_exit_execve, sys_exit_execveat"));
}

std::vector<bpf_program*> ExecSource::Programs(const twofold_bpf& skeleton) const {
  return {skeleton.progs.execve_failed, skeleton.progs.execveat_failed};
}

void ExecSource::Prepare(twofold_bpf& skeleton, const MapSizes&) {
  skeleton.rodata->record_exec = is_recorded();
  skeleton.rodata->record_arguments = with_arguments_;
}

Result<void> ExecSource::Open(Tracer& tracer) {
  skeleton_ = &tracer.skeleton();
  return {};
}

// Programs that are executed are told by the tracer's program for scope; those that could not be,
// by their own.
Result<void> ExecSource::AttachBeforeWindow() {
  for (const bpf_program* program : Programs(*skeleton_)) {
    BpfLink link(bpf_program__attach(program));
    if (link == nullptr) {
      notes_.Print(
          "attempts to execute a program that fail are not recorded, because " +
          TracerError("the tracepoints at the ends of execve and execveat cannot be had", errno)
              .what +
          ".");
      break;
    }
    links_.push_back(std::move(link));
  }
  return {};
}

Result<void> ExecSource::FinishReading(const IntervalEnd& end, std::vector<Loss>& losses) {
  execs_ = events_.Take(end.boundary_ns, losses);
  return {};
}

void ExecSource::Describe(Settings& settings) const { settings.arguments = with_arguments_; }

void ExecSource::BuildRows(CaptureBuilder& builder, Interval& interval) {
  std::vector<ExecRow>& rows = interval.execs.emplace();
  DefinitionsBuilder& definitions = builder.definitions();
  for (const ExecReading& exec : execs_) {
    // Between the attaching of the programs and the window's start.
    if (exec.time_ns < builder.start_ns()) continue;
    rows.push_back({.thread = builder.threads().ThreadOf(exec.thread),
                    .time_ns = exec.time_ns - builder.start_ns(),
                    .error = exec.error,
                    .parent_pid = Pid(exec.parent_tgid),
                    .parent_name = definitions.InternString(exec.parent_name),
                    .file = definitions.InternString(exec.file),
                    .arguments = definitions.InternString(exec.arguments),
                    .arguments_cut = exec.arguments_cut});
  }
}

}  // namespace twofold
