// A source: something that can be recorded. It is one word of --record, programs of its own, rows
// of its own. All of it is in its folder; the list of all sources is sources.cc.
//
// The tracer runs its programs (TracedSource), the session asks the rest. Order of calls:
// DeclareOptions; Probe; the tracer's calls up to Attach; Begin; Describe; for each interval the
// tracer's reading, then BuildRows. A source that cannot be had, whenever that is found, costs
// itself alone: it is left out with a note, and only where nothing else is recorded is that an
// error.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "format/base/ids.h"
#include "format/base/options.h"
#include "format/base/result.h"
#include "format/capture.h"
#include "recorder/capture/capture_builder.h"
#include "recorder/cli/options.h"
#include "recorder/cost/restraint.h"
#include "recorder/host/kernel_btf.h"
#include "recorder/names/name_reader.h"
#include "recorder/sources/finding.h"
#include "recorder/tracer/traced_source.h"

namespace twofold {

class Source : public TracedSource {
 public:
  // How people speak of it.
  struct Words {
    std::string_view name;     // of --record, and in a capture's settings
    std::string_view help;     // what is recorded, in a few words
    std::string_view subject;  // begins a sentence: what is recorded
    bool is_plural = false;
    bool by_default = false;  // recorded without --record
    // Where nothing else is recorded.
    std::string_view remedy = "Record other sources (twofold-record --check tells what works here)";
  };
  const Words& words() const { return words_; }

  bool IsAskedFor(const Options& options) const {
    return std::find(options.sources.begin(), options.sources.end(), words_.name) !=
           options.sources.end();
  }

  // Adds options of its own to those of the command line, which are set when the table is.
  virtual void DeclareOptions(OptionSet& table) { static_cast<void>(table); }

  // Whether it needs threads' states, which take the scheduler's tracepoints.
  virtual bool NeedsStates() const { return false; }

  // Whether this host can have it. Error: why not; `what` ends a sentence that begins with
  // "because".
  virtual Result<void> Probe() { return {}; }

  // What of the host it needs, and whether that is there, for --check. `types` may be nullptr: the
  // kernel tells none.
  virtual void Check(const KernelBtf* types, std::vector<Finding>& findings) const {
    static_cast<void>(types);
    static_cast<void>(findings);
  }

  // The programs are attached. `reader` is borrowed. Error: as Probe's.
  virtual Result<void> Begin(NameReader& reader) {
    static_cast<void>(reader);
    return {};
  }

  // Settings of its own; its name is in `sources` by then.
  virtual void Describe(Settings& settings) const { static_cast<void>(settings); }

  // A process has mapped something.
  virtual void FollowMappings(Pid pid) { static_cast<void>(pid); }

  // Adds what was read for the interval.
  virtual void BuildRows(CaptureBuilder& builder, Interval& interval) = 0;

  // What it can do without, where recording costs too much.
  virtual std::vector<Lever> Levers() const { return {}; }
  // One of them from now on.
  virtual void SetDetail(DetailKind detail, uint64_t value) {
    static_cast<void>(detail);
    static_cast<void>(value);
  }
  // Lowers what it costs, where it can do so by itself. Returns what is left for Restraint to
  // judge.
  virtual Restraint::Spent Restrain(const Restraint::Spent& spent, uint64_t elapsed_ns,
                                    uint32_t cpus) {
    static_cast<void>(elapsed_ns);
    static_cast<void>(cpus);
    return spent;
  }

 protected:
  // `words` hold texts that stay.
  explicit Source(const Words& words) : words_(words) {}

 private:
  const Words words_;
};

}  // namespace twofold
