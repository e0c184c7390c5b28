#!/usr/bin/env python3
"""Every #include points down, and a third-party library stays behind the folder that owns it."""
import pathlib
import re
import sys

# Folder -> the folders of ours that it may include. docs and README draw the same arrows.
MAY_INCLUDE = {
    "base": set(),
    "proto": {"base"},
    "hwaccel": {"base"},
    "template": {"base", "proto"},
    "catalog": {"base", "proto", "template"},
    "pipeline": {"base", "proto", "template", "hwaccel"},
    "daemon": {"base", "proto"},
    "coordinator": {"base", "proto", "catalog"},
    "ctl": {"base", "proto", "template", "catalog", "pipeline", "hwaccel"},
}

# Library headers -> the only folders whose sources may see them.
CONFINED = {
    r"lib(av\w+|swscale|swresample)/": {"hwaccel", "pipeline"},
    r"x264\.h": {"hwaccel"},
    r"(pango|cairo|fontconfig|hwy|ebur128|espeak-ng|flite)\b": {"pipeline"},
    r"grpc(pp)?/": {"proto", "daemon", "coordinator", "ctl"},
    r"sqlite3\.h|soci\b": {"daemon", "coordinator"},
    r"zip\.h|expat\.h": {"catalog"},
    r"curl/": {"base", "daemon", "coordinator", "ctl"},
    r"boost/": {"coordinator"},
    r"CLI/": {"ctl", "daemon", "coordinator", "pipeline"},
    r"prometheus/": {"base", "daemon", "coordinator"},
    r"systemd/": {"daemon", "coordinator"},
}

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)


def faults(folder, path, text):
    for header in INCLUDE.findall(text):
        target = header.split("/")[0]
        if target in MAY_INCLUDE and target != folder and target not in MAY_INCLUDE[folder]:
            yield f"{path}: includes {header}; {folder}/ may include {sorted(MAY_INCLUDE[folder])}"
        for pattern, owners in CONFINED.items():
            if re.match(pattern, header) and folder not in owners:
                yield f"{path}: includes {header}, which belongs to {sorted(owners)}"


def main(root):
    found, files = [], 0
    for folder in MAY_INCLUDE:
        for path in sorted((root / folder).glob("*")):
            if path.suffix in (".h", ".cc"):
                files += 1
                found += faults(folder, path.relative_to(root), path.read_text())
    print("\n".join(found) or f"{files} files, every arrow points down")
    return 1 if found or not files else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
