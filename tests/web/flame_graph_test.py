#!/usr/bin/env python3
"""The flame graph in a browser: as a file of its own and inside an HTML page.

usage: flame_graph_test.py TWOFOLD SAMPLE_CAPTURE_WRITER

Each test adds a script to the picture that clicks, types and presses keys as a person does, and
reads what the picture then shows. Exits with 77 when there is no Chromium.
"""

import os
import subprocess
import sys
import tempfile
import unittest
import xml.dom.minidom

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import browser  # noqa: E402

TWOFOLD = ""
SAMPLE_WRITER = ""

# Verbs for the scripts of the tests.
TEST_SCRIPT = """
var svg = document.querySelector('svg') || document.documentElement;
var groups = function () { return Array.from(svg.querySelectorAll('.frames > g')); };
var nameOf = function (g) { return g.querySelector('title').textContent.split('\\n')[0]; };
var shown = function () { return groups().filter(function (g) { return g.style.display !== 'none'; }); };
var frame = function (name) { return groups().find(function (g) { return nameOf(g) === name; }); };
var widthOf = function (name) { return Number(frame(name).querySelector('rect').getAttribute('width')); };
var click = function (element) { element.dispatchEvent(new MouseEvent('click', {bubbles: true})); };
var hover = function (element) { element.dispatchEvent(new MouseEvent('mouseover', {bubbles: true})); };
var press = function (key, more) {
  var event = new KeyboardEvent('keydown', Object.assign({key: key, bubbles: true, cancelable: true}, more));
  (document.activeElement || document).dispatchEvent(event);
  return event.defaultPrevented;
};
var input = svg.querySelector('input');
var button = svg.querySelector('button');
var type = function (text) { input.value = text; input.dispatchEvent(new Event('input', {bubbles: true})); };
var matched = function () { return svg.querySelector('.matched').textContent; };
var details = function () { return svg.querySelector('.details text').textContent; };
var hits = function () { return groups().filter(function (g) { return g.classList.contains('hit'); }).map(nameOf); };
var overflowing = function () {
  return shown().filter(function (g) {
    var text = g.querySelector('text'), rect = g.querySelector('rect');
    if (!text.textContent) { return false; }
    return text.getComputedTextLength() > Number(rect.getAttribute('width')) + 0.5;
  }).map(nameOf);
};
var finish = function (value) {
  var out = document.createElementNS('http://www.w3.org/2000/svg', 'text');
  out.textContent = 'RESULT(' + JSON.stringify(value) + ')END';
  svg.appendChild(out);
};
"""


class FlameGraph(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.capture = os.path.join(cls.folder.name, "sample.twofold")
        with open(cls.capture, "wb") as file:
            subprocess.run([SAMPLE_WRITER], stdout=file, check=True)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def picture(self, *options):
        done = subprocess.run([TWOFOLD, "flame", *options, self.capture], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, check=True)
        return done.stdout.decode("utf-8")

    def write(self, name, text):
        path = os.path.join(self.folder.name, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def in_file(self, script, *options, width=1200):
        """Runs a script in a picture that is a file of its own."""
        svg = self.picture(*options)
        end = svg.rindex("</svg>")
        path = self.write("picture.svg", svg[:end] + "<script><![CDATA[" + TEST_SCRIPT + script +
                          "]]></script>" + svg[end:])
        return browser.results(path, width)

    def in_page(self, script, *options):
        """Runs a script in a picture that an HTML page holds, with other things around it."""
        path = self.write("page.html", "<!DOCTYPE html><meta charset=utf-8><title>page</title>"
                          "<p>before</p><input id=other>" + self.picture(*options) +
                          "<script>" + TEST_SCRIPT + script + "</script>")
        return browser.results(path)

    def both(self, script, *options):
        """The result of a script, which must be the same in both."""
        file_result = self.in_file(script, *options)
        self.assertEqual(file_result, self.in_page(script, *options))
        return file_result

    def test_click_zooms_and_hides_what_is_beside(self):
        result = self.both("""
            var before = [widthOf('tar'), frame('gzip').style.display];
            click(frame('tar'));
            var after = [widthOf('tar'), frame('gzip').style.display,
                         frame('all').classList.contains('caller'), button.disabled];
            finish([before, after]);
        """, "--view", "cpu")
        before, after = result
        # tar has 29 of 134 samples: 21.6 % of the 1180 pixels between the margins.
        self.assertAlmostEqual(before[0], 29 / 134 * 1180 - 0.6, delta=0.1)
        self.assertEqual(before[1], "")
        self.assertAlmostEqual(after[0], 1179.4, delta=0.1)
        self.assertEqual(after[1:], ["none", True, False])

    def test_click_on_a_caller_or_reset_or_escape_zooms_out(self):
        result = self.both("""
            var seen = [];
            click(frame('longest_match'));
            seen.push(widthOf('deflate') > 1100, frame('updcrc').style.display);
            click(frame('deflate'));
            seen.push(frame('updcrc').style.display, frame('tar').style.display);
            click(button);
            seen.push(frame('tar').style.display);
            click(frame('gzip'));
            svg.dispatchEvent(new MouseEvent('mouseenter'));
            press('Escape');
            seen.push(frame('tar').style.display, button.disabled);
            finish(seen);
        """, "--view", "cpu")
        self.assertEqual(result, [True, "none", "", "none", "", "", True])

    def test_search_highlights_and_counts_nested_matches_once(self):
        # dump_file and dump_file0 stand on each other twice; all of it is tar's 29 of 134 samples.
        result = self.both("""
            type('dump_file');
            finish([matched(), Array.from(new Set(hits())).sort(), hits().length]);
        """, "--view", "cpu")
        self.assertEqual(result, ["21.6 % matched", ["dump_file", "dump_file0"], 4])

    def test_search_takes_regular_expressions_and_plain_text(self):
        result = self.both("""
            var seen = [];
            type('^(longest_match|updcrc)$'); seen.push(hits().sort(), matched());
            type('LONGEST'); seen.push(hits());
            type('longest'); seen.push(hits());
            type('request const&, resp'); seen.push(hits().length);
            type('operator()('); seen.push(hits().length);
            type('no such thing'); seen.push(matched());
            type(''); seen.push(matched(), hits());
            finish(seen);
        """, "--view", "cpu")
        self.assertEqual(result[0], ["longest_match", "updcrc"])
        self.assertEqual(result[1], "51.5 % matched")  # (52 + 17) of 134
        self.assertEqual(result[2:], [[], ["longest_match"], 1, 1, "no match", "", []])

    def test_search_in_a_zoomed_picture_counts_what_is_shown(self):
        result = self.both("""
            click(frame('gzip'));
            type('deflate');
            var inside = matched();
            type('dump_file');
            finish([inside, matched()]);
        """, "--view", "cpu")
        self.assertEqual(result, ["100.0 % matched of what is shown",
                                  "0 % matched of what is shown"])

    def test_keys_focus_and_clear_the_search(self):
        result = self.in_file("""
            var seen = [];
            seen.push(press('/'), document.activeElement === input);
            type('gzip');
            seen.push(press('Escape'), input.value, document.activeElement === input);
            seen.push(press('f', {ctrlKey: true}), document.activeElement === input);
            seen.push(press('f', {ctrlKey: true}));
            seen.push(press('x'));
            finish(seen);
        """)
        self.assertEqual(result, [True, True, True, "", False, True, True, False, False])

    def test_keys_belong_to_the_page_unless_the_pointer_is_over_the_picture(self):
        result = self.in_page("""
            var seen = [press('/'), press('f', {ctrlKey: true})];
            svg.dispatchEvent(new MouseEvent('mouseenter'));
            document.getElementById('other').focus();
            seen.push(press('/'));
            document.getElementById('other').blur();
            seen.push(press('/'), document.activeElement === input);
            finish(seen);
        """)
        self.assertEqual(result, [False, False, False, True, True])

    def test_arrow_keys_walk_and_enter_zooms(self):
        result = self.in_file("""
            hover(frame('all'));
            var seen = [];
            press('ArrowUp'); seen.push(details());
            press('ArrowUp'); seen.push(details());
            press('ArrowDown'); press('ArrowRight'); seen.push(details());
            press('ArrowLeft'); press('Enter'); seen.push(frame('tar').style.display);
            finish(seen);
        """, "--view", "cpu")
        self.assertEqual(result, ["3.44 s, 64.2 % of all: gzip", "3.44 s, 64.2 % of all: _start",
                                  "200 ms, 3.7 % of all: kworker/u8:2", "none"])

    def test_hovering_tells_name_time_and_share(self):
        result = self.both("""
            hover(frame('tar').querySelector('rect'));
            var all = details();
            click(frame('gzip'));
            hover(frame('longest_match').querySelector('rect'));
            finish([all, details(), frame('tar').querySelector('title').textContent]);
        """, "--view", "cpu")
        self.assertEqual(result[0], "1.16 s, 21.6 % of all: tar")
        self.assertEqual(result[1],
                         "2.08 s, 38.8 % of all, 60.5 % of what is shown: longest_match")
        self.assertEqual(result[2], "tar\n1.16 s, 21.6 %")

    def test_no_text_leaves_its_frame_before_and_after_zooming(self):
        for view in ("cpu", "offcpu", "wakeup", "offwake", "chain"):
            result = self.both("""
                var seen = [overflowing()];
                click(frame('tar')); seen.push(overflowing());
                click(frame('all')); seen.push(overflowing());
                finish(seen);
            """, "--view", view)
            self.assertEqual(result, [[], [], []])

    def test_layout_by_the_script_is_the_still_picture(self):
        script = """
            finish(groups().map(function (g) {
              return [g.querySelector('rect').getAttribute('width'), g.querySelector('text').textContent];
            }));
        """
        laid_out = self.in_page(script, "--view", "offcpu")
        document = xml.dom.minidom.parseString(self.picture("--view", "offcpu").encode())
        still = []
        for group in document.getElementsByTagName("g"):
            if group.hasAttribute("data-s"):
                text = group.getElementsByTagName("text")[0]
                still.append([group.getElementsByTagName("rect")[0].getAttribute("width"),
                              text.firstChild.data if text.firstChild else ""])
        self.assertEqual(laid_out, still)

    def test_a_file_of_its_own_is_as_wide_as_the_window(self):
        for width in (700, 1000, 1500):
            result = self.in_file("finish([svg.getAttribute('width'), widthOf('all')]);",
                                  width=width)
            self.assertEqual(result[0], str(width))
            self.assertAlmostEqual(result[1], width - 20.6, delta=0.1)

    def test_icicle_has_its_root_on_top(self):
        script = """
            var y = function (name) { return Number(frame(name).querySelector('rect').getAttribute('y')); };
            finish(y('all') < y('tar') && y('tar') < y('main'));
        """
        self.assertIs(self.both(script, "--icicle"), True)
        self.assertIs(self.both(script), False)

    def test_hostile_names_stay_text(self):
        script = """
            finish([document.title, groups().some(function (g) {
                      return nameOf(g) === "</text><script>document.title='broken'</" + "script>";
                    }),
                    Array.from(svg.querySelectorAll('*')).filter(function (e) {
                      return Array.from(e.attributes).some(function (a) { return /^on/.test(a.name); });
                    }).length,
                    svg.querySelectorAll('.frames script, .frames a, .frames image').length]);
        """
        title = "<script>document.title='broken'</script>"
        in_file = self.in_file(script, "--view", "cpu", "--title", title)
        self.assertEqual(in_file, [title, True, 0, 0])
        in_page = self.in_page(script, "--view", "cpu", "--title", title)
        self.assertEqual(in_page, ["page", True, 0, 0])


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    if not browser.CHROMIUM:
        print("skipped: there is no chromium; 'apt-get install chromium' brings it")
        sys.exit(77)
    TWOFOLD, SAMPLE_WRITER = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
