"""Runs the tests below a folder by unittest, and prints what ran in the form of `go test -json`, so that one command counts it all.

python.py FOLDER: it is the working directory, and the suite is named after it.
"""

import json
import os
import sys
import time
import unittest


class Reporter(unittest.TestResult):
    def __init__(self, suite):
        super().__init__()
        self.suite = suite

    def say(self, action, test=None, **more):
        name = {} if test is None else {"Test": test.id().replace(" ", "_")}
        print(json.dumps({"Action": action, "Package": self.suite, **name, **more}), flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.say("pass", test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.say("skip", test)

    def _fail(self, test, error):
        self.say("output", test, Output=self._exc_info_to_string(error, test))
        self.say("fail", test)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self._fail(test, error)

    def addError(self, test, error):
        super().addError(test, error)
        self._fail(test, error)

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            self._fail(subtest, error)


suite, began = sys.argv[1], time.monotonic()
os.chdir(suite)
sys.path.insert(0, os.getcwd())
reporter = Reporter(suite)
unittest.defaultTestLoader.discover("tests", top_level_dir=".").run(reporter)
reporter.say("pass" if reporter.wasSuccessful() else "fail", Elapsed=time.monotonic() - began)
sys.exit(not reporter.wasSuccessful())
