#!/usr/bin/env bash
# Prints the path of the newest Python that jaxpad supports, or says what it tried.
#
#   scripts/find_python.sh               the newest of 3.13, 3.12 and 3.11
#   scripts/find_python.sh python3.11    that version, wherever it is kept
#   scripts/find_python.sh path/to/python
set -euo pipefail

pyenv=${PYENV_ROOT:-${HOME:-}/.pyenv}/versions
uv=${UV_PYTHON_INSTALL_DIR:-${XDG_DATA_HOME:-${HOME:-}/.local/share}/uv/python}

# A virtual environment answers with the Python it was made from: that one stays
# when the environment is deleted.
probe='
import sys
if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    sys.exit("is Python %d.%d" % sys.version_info[:2])
if sys.implementation.name != "cpython" or "t" in getattr(sys, "abiflags", ""):
    sys.exit("is not the usual build of CPython")
try:
    import ensurepip, venv
except ImportError as error:
    sys.exit("cannot make environments: " + str(error))
print(sys._base_executable)'

newest_first() { sort --version-sort --reverse; }

# All places where Python $1 (as in 3.12) may be. A command on PATH need not run:
# pyenv puts a python3.12 there even when no 3.12 is selected.
places() {
  type -aP "python$1" || true
  compgen -G "$pyenv/$1.*/bin/python" | newest_first || true
  compgen -G "$uv/cpython-$1.*/bin/python$1" | newest_first || true
}

candidates() {
  case "${1:-}" in
    '') places 3.13; places 3.12; places 3.11; type -aP python3 python || true ;;
    */*) echo "$1" ;;
    python[0-9].[0-9]*) places "${1#python}" ;;
    [0-9].[0-9]*) places "$1" ;;
    *) type -aP "$1" || true ;;
  esac
}

tried=''
while IFS= read -r python; do
  if answer=$("$python" -c "$probe" 2>&1 </dev/null); then
    echo "$answer"
    exit
  fi
  answer=${answer%%$'\n'*}
  tried+="  $python: ${answer:-does not run}"$'\n'
done < <(candidates "${1:-}")

cat >&2 <<END
jaxpad: no suitable Python found${1:+ for PYTHON=$1}. Needed is CPython 3.11, 3.12 or
3.13 that can make virtual environments (Debian, Ubuntu: package python3-venv).
Tried:
${tried:-  nothing: no such command on PATH, none kept by pyenv or uv
}
Install one (python.org, your system's packages, pyenv or uv), or name the one
you have: make PYTHON=/path/to/python3.13 ...
END
exit 1
