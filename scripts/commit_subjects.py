"""Check that the first line of a commit's message has at most 72 characters.

`python scripts/commit_subjects.py` looks at all commits since the rule began; with a file (as
git's commit-msg hook gives it) at the message in that file.
"""

import subprocess
import sys
from pathlib import Path

LIMIT = 72
RULE_BEGAN = "63b6fc72a8145738f0c62ed93f2a265cef027296"
"""The last commit before the rule."""


def git(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run git in this checkout."""
    command = ["git", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def recent_subjects() -> list[str]:
    """Return the subjects of the commits since the rule began.

    A shallow clone does not know when that was: then only that of the last commit.
    """
    is_known = git("cat-file", "-e", f"{RULE_BEGAN}^{{commit}}").returncode == 0
    if is_known:
        commits = [f"{RULE_BEGAN}..HEAD"]
    else:
        commits = ["-1", "HEAD"]
    # merges are written by git itself
    return git("log", "--no-merges", "--format=%s", *commits).stdout.splitlines()


def subject_of(message: str) -> str:
    """Return the first line of a commit's message."""
    return message.partition("\n")[0]


def main(files: list[str]) -> int:
    """Name every subject that is too long; return the exit code."""
    if files:
        subjects = [subject_of(Path(name).read_text("utf-8")) for name in files]
    else:
        subjects = recent_subjects()
    too_long = [subject for subject in subjects if len(subject) > LIMIT]
    for subject in too_long:
        print(f"{len(subject)} characters, at most {LIMIT}: {subject}", file=sys.stderr)
    return min(len(too_long), 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
