"""tools/check_includes: each rule finds its violation, and nothing else is one."""

import os
import subprocess
import tempfile
import unittest

SOURCE = os.environ.get("TWOFOLD_SOURCE_DIR",
                        os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))


class CheckIncludes(unittest.TestCase):
    def violations(self, files):
        with tempfile.TemporaryDirectory() as tree:
            for path, text in files.items():
                os.makedirs(os.path.dirname(os.path.join(tree, path)), exist_ok=True)
                with open(os.path.join(tree, path), "w", encoding="utf-8") as file:
                    file.write(text)
            done = subprocess.run([os.path.join(SOURCE, "tools/check_includes"), tree], text=True,
                                  stdout=subprocess.PIPE, check=False)
            lines = done.stdout.splitlines()
            self.assertEqual(done.returncode, 1 if lines else 0)
            return [line.split(": ")[0] for line in lines]

    def test_what_the_design_allows(self):
        self.assertEqual(self.violations({
            "format/a.h": '#include <vector>\n#include "format/b.h"\n',
            "format/b.h": "",
            "format/c.cc": '#include <flatbuffers/flatbuffers.h>\n'
                           '#include "schemas/capture_generated.h"\n',
            "bpf/x.bpf.c": '#include <bpf/bpf_helpers.h>\n#include "x_abi.h"\n',
            "bpf/x_abi.h": "",
            "recorder/r.cc": '#include <bpf/libbpf.h>\n#include "bpf/x_abi.h"\n'
                             '#include "bpf/x.skel.h"\n#include "format/a.h"\n',
            "analyzer/a.cc": '#include <sqlite3.h>\n#include "format/a.h"\n'
                             '#include <libiberty/demangle.h>\n'
                             '#include <boost/math/special_functions/digamma.hpp>\n',
            "tests/live/l.cc": '#include "format/a.h"\n#include "tests/live/helpers.h"\n',
            "tests/live/helpers.h": "",
        }), [])

    def test_recorder_sees_no_analyzer(self):
        self.assertEqual(self.violations({"recorder/r.cc": '\n#include "analyzer/a.h"\n'}),
                         ["recorder/r.cc:2"])

    def test_recorder_sees_no_sqlite(self):
        self.assertEqual(self.violations({"recorder/r.cc": "#include <sqlite3.h>\n"}),
                         ["recorder/r.cc:1"])

    def test_analyzer_sees_no_recorder_and_no_bpf(self):
        self.assertEqual(self.violations({
            "analyzer/a.cc": '#include "recorder/r.h"\n',
            "analyzer/b.cc": '#include "bpf/x_abi.h"\n',
            "analyzer/c.cc": "#include <bpf/libbpf.h>\n",
            "bpf/x_abi.h": "",
        }), ["analyzer/a.cc:1", "analyzer/b.cc:1", "analyzer/c.cc:1"])

    def test_flatbuffers_stays_in_format_through_headers_too(self):
        self.assertEqual(self.violations({
            "format/wire.h": "#include <flatbuffers/flatbuffers.h>\n",
            "format/deeper.h": '#include "format/wire.h"\n',
            "recorder/r.cc": '#include "format/deeper.h"\n',
            "analyzer/a.cc": "#include <flatbuffers/flatbuffers.h>\n",
            "analyzer/b.cc": '#include "schemas/capture_generated.h"\n',
        }), ["analyzer/b.cc:1", "analyzer/a.cc:1", "analyzer/b.cc:1", "recorder/r.cc:1"])

    def test_bpf_and_format_stand_alone(self):
        self.assertEqual(self.violations({
            "bpf/x.bpf.c": '#include "format/a.h"\n',
            "format/a.h": '#include "recorder/r.h"\n',
            "format/b.h": "#include <boost/any.hpp>\n",
        }), ["bpf/x.bpf.c:1", "format/a.h:1", "format/b.h:1"])

    def test_rooms_of_the_recorder_use_those_below(self):
        self.assertEqual(self.violations({
            "recorder/main.cc": '#include "recorder/session/s.h"\n',
            "recorder/session/s.h": '#include "recorder/names/n.h"\n#include "recorder/base/b.h"\n',
            "recorder/names/n.h": '#include "recorder/session/s.h"\n#include "recorder/names/m.h"\n',
            "recorder/names/m.h": '#include "recorder/main.h"\n',
            "recorder/base/b.h": "",
            "recorder/host/h.h": '#include "recorder/parser/p.h"\n',
            "recorder/parser/p.h": "",
            "recorder/main.h": "",
        }), ["recorder/host/h.h:1", "recorder/names/m.h:1", "recorder/names/n.h:1"])

    def test_rooms_of_the_analyzer_use_those_below(self):
        self.assertEqual(self.violations({
            "analyzer/main.cc": '#include "analyzer/commands/c.h"\n',
            "analyzer/commands/c.h": '#include "analyzer/fold/f.h"\n',
            "analyzer/fold/f.h": '#include "analyzer/data/d.h"\n#include "analyzer/names/n.h"\n',
            "analyzer/names/n.h": '#include "analyzer/fold/f.h"\n#include "analyzer/data/d.h"\n',
            "analyzer/data/d.h": '#include "analyzer/names/n.h"\n',
        }), ["analyzer/data/d.h:1", "analyzer/names/n.h:1"])

    def test_libiberty_stays_in_the_analyzer(self):
        self.assertEqual(self.violations({
            "analyzer/a.h": "#include <libiberty/demangle.h>\n",
            "recorder/r.cc": "#include <libiberty/demangle.h>\n",
        }), ["recorder/r.cc:1"])

    def test_libdw_stays_in_the_analyzer(self):
        self.assertEqual(self.violations({
            "analyzer/a.cc": "#include <elfutils/libdw.h>\n#include <dwarf.h>\n",
            "recorder/r.cc": "#include <elfutils/libdw.h>\n",
            "format/f.cc": "#include <dwarf.h>\n",
        }), ["format/f.cc:1", "recorder/r.cc:1"])

    def test_no_way_up(self):
        self.assertEqual(self.violations({"format/base/a.h": '#include "../b.h"\n'}),
                         ["format/base/a.h:1"])


if __name__ == "__main__":
    unittest.main()
