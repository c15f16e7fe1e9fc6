"""Reads a JSON list of argument lists of `aws`, and prints for each what the AWS CLI complains about.

The CLI checks its arguments and sends nothing (`--generate-cli-skeleton output`). One process checks all of
them where the CLI is a Python package, as Debian's is: it takes most of a second to start.
"""

import contextlib
import io
import json
import re
import subprocess
import sys

CHECK_ONLY = ["--generate-cli-skeleton", "output"]
# What the CLI then makes up as output may fail the checks of its own.
COMPLAINT = re.compile("usage:|Unknown options|Error parsing")


def in_this_process():
    from awscli.clidriver import create_clidriver

    driver = create_clidriver()

    def ask(arguments):
        said = io.StringIO()
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            try:
                driver.main(arguments)
            except SystemExit:
                pass
        return said.getvalue()

    return ask


def in_its_own(arguments):
    return subprocess.run(["aws", *arguments], capture_output=True, text=True).stderr


try:
    ask = in_this_process()
except ImportError:
    ask = in_its_own

complaints = []
for arguments in json.load(sys.stdin):
    said = ask(arguments + CHECK_ONLY)
    complaints.append(said if COMPLAINT.search(said) else "")
json.dump(complaints, sys.stdout)
