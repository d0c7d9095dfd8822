"""The output "speedscope" against the JSON schema that speedscope itself publishes, in its npm package.

usage: speedscope_schema_test.py TWOFOLD WEB_SAMPLE_CAPTURE TESTDATA CACHE

The package is fetched into CACHE once. Without npm, its registry or jsonschema the test is skipped.
"""

import glob
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest

SKIPPED = 77
PACKAGE = "speedscope@1.25.0"


def skip(reason):
    print(reason)
    sys.exit(SKIPPED)


def schema_of(cache):
    os.makedirs(cache, exist_ok=True)
    archive = os.path.join(cache, PACKAGE.replace("@", "-") + ".tgz")
    if not os.path.exists(archive):
        if shutil.which("npm") is None:
            skip("there is no npm, which fetches the schema")
        done = subprocess.run(["npm", "pack", "--silent", "--pack-destination", cache, PACKAGE],
                              check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, encoding="utf-8", cwd=cache)
        if done.returncode != 0 or not os.path.exists(archive):
            skip(f"npm could not fetch {PACKAGE}: {done.stdout.strip()}")
    with tarfile.open(archive) as files:
        names = [name for name in files.getnames()
                 if os.path.basename(name).startswith("file-format-schema")]
        if len(names) != 1:
            raise ValueError(f"{PACKAGE} has {len(names)} schemas: {names}")
        return json.load(files.extractfile(names[0]))


class Speedscope(unittest.TestCase):
    twofold = ""
    captures = []
    validator = None

    def export(self, capture, *options):
        text = subprocess.run([self.twofold, "export", "--format", "speedscope", *options, capture],
                              check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        return json.loads(text)

    def check(self, profile):
        errors = [f"{list(e.absolute_path)}: {e.message[:200]}"
                  for e in self.validator.iter_errors(profile)]
        self.assertEqual(errors[:5], [])

    def test_the_schema_tells_right_from_wrong(self):
        profile = self.export(self.captures[0])
        self.check(profile)
        for spoil in (lambda p: p.pop("shared"),
                      lambda p: p["shared"]["frames"].append({"file": "x.c"}),
                      lambda p: p["shared"]["frames"].append({"name": "f", "line": "7"}),
                      lambda p: p["profiles"][0].update(unit="microsecond"),
                      lambda p: p["profiles"][0].update(weights="none")):
            wrong = json.loads(json.dumps(profile))
            spoil(wrong)
            self.assertFalse(self.validator.is_valid(wrong))

    def test_every_view_and_form_is_valid(self):
        for capture in self.captures:
            for options in ((), ("--view", "offcpu"), ("--annotate",), ("--root", "none")):
                done = subprocess.run([self.twofold, "export", "--format", "speedscope", *options,
                                       capture], check=False, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE)
                if done.returncode != 0 and b"did not record" in done.stderr:
                    continue
                self.assertEqual(done.returncode, 0, done.stderr)
                self.check(json.loads(done.stdout))


if __name__ == "__main__":
    try:
        import jsonschema
    except ImportError:
        skip("there is no python3-jsonschema: tools/setup --test installs it")
    Speedscope.twofold, maker, testdata, cache_dir = sys.argv[1:]
    schema = schema_of(cache_dir)
    validator_class = jsonschema.validators.validator_for(schema)
    validator_class.check_schema(schema)
    Speedscope.validator = validator_class(schema)
    folder = tempfile.mkdtemp()
    try:
        path = os.path.join(folder, "sample.twofold")
        with open(path, "wb") as file:
            subprocess.run([maker], check=True, stdout=file)
        Speedscope.captures = [path, *sorted(glob.glob(os.path.join(testdata, "*/capture.twofold")))]
        unittest.main(argv=sys.argv[:1])
    finally:
        shutil.rmtree(folder)
