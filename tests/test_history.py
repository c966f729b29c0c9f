"""R47: no key, token or password was ever committed, on whatever branch, and taken out again."""

import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

PATTERNS = {
    "private key": rb"-----BEGIN (?:[A-Z]+ )*(PRIVATE KEY)-----",
    "AWS key": rb"\b((?:AKIA|ASIA)[0-9A-Z]{16})\b",
    "Aliyun key": rb"\b(LTAI[0-9A-Za-z]{20})\b",
    "Tencent Cloud key": rb"\b(AKID[0-9A-Za-z]{32})\b",
    "Google key": rb"\b(AIza[\w-]{35})\b",
    "GitHub token": rb"\b(gh[pousr]_[0-9A-Za-z]{36}|github_pat_\w{60,})",
    "Slack token": rb"\b(xox[abeprs]-[\w-]{10,}|hooks\.slack\.com/services/T\w+/B\w+/\w{20,})",
    "group robot": rb"(?:robot/send\?access_token=|webhook/send\?key=|bot/v2/hook/)([0-9a-f-]{32,})",
    "our API key": rb"\b(as_[sp]k_[\w-]{43})",
    "our webhook secret": rb"\b(whsec_[\w+/]{32,})",
    "our key ring": rb"[\w.-]:([\w+/]{43}=)",
    "database password": rb"\bpostgres(?:ql)?(?:\+\w+)?://[^\s:/@]+:([^\s:/@$<{\x80-\xff]{6,})@",
}
SEARCHES = [(kind, re.compile(pattern)) for kind, pattern in PATTERNS.items()]
# What is no secret, and why.
ALLOWED = {
    b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw": "the example of the Standard Webhooks specification",
    b"password": "stands for one in examples of addresses",
}
# In parts, so that no line of this file is what it looks for.
PLANTED = {
    "private key": ["-----BEGIN ", "RSA PRIVATE KEY-----"],
    "AWS key": ["AK", "IA" + "Q2" * 8],
    "Aliyun key": ["LT", "AI" + "5t" * 10],
    "Tencent Cloud key": ["AK", "ID" + "z8" * 16],
    "Google key": ["AI", "za" + "Sy_-0" * 7],
    "GitHub token": ["gh", "p_" + "a1B" * 12],
    "Slack token": ["xo", "xb-123456789012-abcdef"],
    "group robot": ["https://oapi.dingtalk.com/robot/send?access", "_token=" + "0f" * 32],
    "our API key": ["as_", "sk_" + "-_aZ9" * 8 + "abc"],
    "our webhook secret": ["whs", "ec_" + "+/aZ9" * 8 + "abc="],
    "our key ring": ["2026", ":" + "+/aZ9" * 8 + "abc="],
    "database password": ["DATABASE_URL=postgresql+asyncpg:", "//aftersales:Tr0ub4dor&3@db1:5432/aftersales"],
}


def found(lines: Iterable[bytes]) -> Iterator[str]:
    """Yield what kind of secret stands in which commit and file; never the secret itself, which would be in the log."""
    commit = file = "?"
    for line in lines:
        if line.startswith(b"commit "):
            commit = line[7:19].decode("ascii", "replace")
        elif line.startswith(b"+++ "):
            file = line[4:].strip().decode("utf-8", "replace")
        for kind, pattern in SEARCHES:
            if (match := pattern.search(line)) and match[1] not in ALLOWED:
                yield f"{kind}: commit {commit}, {file}"


def test_R47_no_secret_is_in_the_history(project: Path) -> None:
    git = shutil.which("git")
    if git is None or not (project / ".git").exists():
        pytest.skip("no git history here")
    command = [
        git, "log", "--all", "--patch", "--cc", "--text", "--unified=0", "--no-color", "--no-ext-diff", "--no-textconv",
    ]  # fmt: skip
    with subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE) as log:
        assert log.stdout is not None
        secrets = sorted(set(found(log.stdout)))
    assert log.returncode == 0
    assert secrets == [], "revoke them: what was pushed is known"


@pytest.mark.parametrize("kind", PATTERNS)
def test_a_planted_secret_is_found(kind: str) -> None:
    diff = ["commit 0123456789abcdef", "+++ b/app/x.py", "+key = '" + "".join(PLANTED[kind]) + "'"]
    assert f"{kind}: commit 0123456789ab, b/app/x.py" in set(found(line.encode() for line in diff))


@pytest.mark.parametrize("line", [
    "Authorization: Bearer as_sk_…", "as_sk_example", 'SECRET = "whsec_" + os.urandom(32)', "postgres://u:p@db/x",
    "postgresql://aftersales:${POSTGRES_PASSWORD}@db/x", "postgresql://用户:密码@db/x", "sha256:" + "0f" * 32,
    "postgresql://user:password@db1:5432,db2:5432/x", *[line for lines in PLANTED.values() for line in lines],
])  # fmt: skip
def test_what_only_speaks_of_secrets_is_none(line: str) -> None:
    assert list(found([line.encode()])) == []
