#!/usr/bin/env bash
# Makes the environment $VENV with jaxpad and its EXTRAS; returns at once if it is
# there already. Running it again repairs whatever an interruption left.
#
#   [VENV=.venv] [PYTHON=python3.12] scripts/setup.sh EXTRAS
set -euo pipefail
cd "$(dirname "$0")/.."

extras=$1
venv=${VENV:-.venv}
stamp=$venv/.jaxpad-installed       # what was installed last
unfinished=$venv/.jaxpad-unfinished # there while an installation is under way
log=$venv/install.log

say() { printf 'jaxpad: %s\n' "$*" >&2; }
fail() { say "$@"; exit 1; }

# Of two makes at once, the second waits for the first. (macOS has no flock.)
if command -v flock >/dev/null; then
  exec 9<.
  flock 9 || true
fi

# The same file for a Python and for every environment made from it.
standard_library() {
  "$1" -c 'import os; print(os.path.realpath(os.__file__))'
}

# Prints why the environment cannot be kept, or nothing; $1 is the Python asked for.
reason_to_remake() {
  local python=$venv/bin/python
  if [[ -e $unfinished ]]; then
    echo "its installation was interrupted"
  elif ! bash scripts/find_python.sh "$python" >/dev/null 2>&1; then
    echo "its Python does not run, or is not one that jaxpad supports"
  elif ! "$python" -c 'import pip' 2>/dev/null; then
    echo "it has no pip"
  elif [[ -n $1 && $(standard_library "$python") != "$(standard_library "$1")" ]]; then
    echo "it was made with another Python than PYTHON=$PYTHON"
  fi
}

base=''
if [[ -n ${PYTHON:-} ]]; then
  base=$(bash scripts/find_python.sh "$PYTHON")
fi

if [[ -d $venv ]]; then
  # What is deleted below must be an environment, whatever VENV was set to.
  [[ -e $venv/pyvenv.cfg || -e $unfinished || -z $(ls -A "$venv") ]] ||
    fail "VENV=$venv is a folder, but not a virtual environment; choose another name."
  reason=$(reason_to_remake "$base")
  if [[ -n $reason ]]; then
    say "making $venv anew: $reason."
    rm -rf -- "$venv"
  fi
fi

if [[ ! -d $venv ]]; then
  base=${base:-$(bash scripts/find_python.sh)}
  say "making $venv with $("$base" --version) ($base)"
  mkdir -p -- "$venv"
  touch "$unfinished"
  "$base" -m venv "$venv" || fail "could not make $venv; the reason is above."
fi

# The editable installation knows the checkout by its path, so a moved one is new.
wanted="$(cat pyproject.toml constraints.txt | cksum) $PWD $extras"
# Extras are listed so that "train" is the beginning of "train,dev,docs".
if [[ ! -e $unfinished && -e $stamp && $(<"$stamp") == "$wanted"* ]]; then
  exit
fi

say "installing jaxpad[$extras] into $venv (a few minutes the first time) ..."
touch "$unfinished"
rm -f "$stamp"
trap 'say "interrupted; run make again to start over."; exit 130' INT
if ! "$venv/bin/python" -m pip install --no-input --disable-pip-version-check \
  --constraint constraints.txt --editable ".[$extras]" >"$log" 2>&1; then
  # pip downloads everything before it installs anything, so a failed download
  # leaves the environment as it was.
  rm -f "$unfinished"
  grep -E 'ERROR:|Retrying' "$log" | tail -n 6 >&2 || tail -n 6 "$log" >&2
  say "installing jaxpad[$extras] failed; the reason is above, all of it in $log."
  say "Most often the network or a proxy is in the way (pip reads HTTPS_PROXY and"
  fail "PIP_INDEX_URL). Then run make again: finished downloads are kept."
fi
printf '%s' "$wanted" >"$stamp"
rm -f "$unfinished"
