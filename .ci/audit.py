"""Ask whether any pinned dependency has a known vulnerability: ``python .ci/audit.py LOCK [pip-audit's options]``.

pip-audit asks OSV's database (https://osv.dev), which takes a network. Where there is none, that is said and is no
failure: offline nobody can know more. Exit code 1 for findings, and for whatever else stops the audit.
"""

import json
import subprocess
import sys
from pathlib import Path

_ASK = ["--require-hashes", "--disable-pip", "--vulnerability-service", "osv", "--progress-spinner", "off"]
#: How pip-audit ends when the database can't be reached.
_UNREACHABLE = ("ConnectionError", "ConnectTimeout", "ReadTimeout", "Could not connect", "ServiceError", "ProxyError")


def main(lock: str, *options: str) -> int:
    command = [str(Path(sys.executable).parent / "pip-audit"), "--requirement", lock, *_ASK, "--format", "json"]
    done = subprocess.run([*command, "--timeout", "15", *options], capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    try:
        audited = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        return _not_audited(done.stderr)
    found = [(one["name"], one["version"], vuln) for one in audited for vuln in one.get("vulns", ())]
    for name, version, vuln in found:
        fixed = ", ".join(vuln.get("fix_versions") or ["none yet"])
        sys.stdout.write(f"{name} {version}: {vuln['id']}; mended in {fixed}\n")
    sys.stdout.write(f"{len(audited)} pinned dependencies audited, {len(found)} known vulnerabilities\n")
    return 1 if found else 0


def _not_audited(said: str) -> int:
    last = (said.strip().splitlines() or ["pip-audit said nothing"])[-1]
    if any(sign in said for sign in _UNREACHABLE):
        sys.stdout.write("NOT AUDITED: OSV's database can't be reached from here; with a network this is checked.\n")
        return 0
    sys.stdout.write(f"pip-audit failed: {last}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
