# The steps of the Dockerfile without Docker: install, then serve as user 10001 in a read-only file system.
# Needs root and Linux (unshare, setpriv). sh tests/container.sh [PYTHON]
set -eu
python=${1:-python3.11}
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"' EXIT
server=
chmod 755 "$work"

# The build stage: only what .dockerignore lets through.
mkdir "$work/build"
cd "$here"
cp -r pyproject.toml constraints.txt README.md LICENSE restora "$work/build"
cd "$work/build"
"$python" -m venv --copies "$work/restora"
"$work/restora/bin/python" -m pip install --no-cache-dir --quiet --disable-pip-version-check -c constraints.txt ".[web]"
cp "$here/container/healthy.py" "$work/restora/healthy.py"

# The second stage.
install -d -o 10001 -g 10001 "$work/data" "$work/tmp"
export PATH="$work/restora/bin:$PATH" HOME="$work/data" TMPDIR="$work/tmp" PYTHONDONTWRITEBYTECODE=1
unset PYTHONPATH
user="setpriv --reuid 10001 --regid 10001 --clear-groups --no-new-privs --inh-caps=-all"

cd "$work/data"
if $user restora serve --host 0.0.0.0 --port 8765 --folder "$work/data/jobs" 2> "$work/refused"; then exit 1; fi
grep -q "set a token first" "$work/refused"

export RESTORA_TOKEN=secret
# All mounts read-only, but for /data, /tmp and devices.
unshare --mount sh -c "
    mount --bind '$work/data' '$work/data'
    mount --bind '$work/tmp' '$work/tmp'
    mount -o remount,bind,ro /
    touch /forbidden 2> /dev/null && exit 1
    exec $user restora serve --host 0.0.0.0 --folder '$work/data/jobs'
" &
server=$!
for attempt in $(seq 120); do
    if $user python "$work/restora/healthy.py" 2> /dev/null; then break; fi
    test "$attempt" -lt 120
    sleep 1
done
echo "healthy after $attempt s"

status=$(python -c "
import urllib.error, urllib.request
try:
    print(urllib.request.urlopen('http://127.0.0.1:8765/').status)
except urllib.error.HTTPError as error:
    print(error.code)")
test "$status" = 401
python - <<'END'
import io, urllib.request
import numpy, pyvips
noise = numpy.random.default_rng(0).normal(128, 25, (200, 300, 3)).clip(0, 255).astype("uint8")
picture = pyvips.Image.new_from_array(noise).pngsave_buffer()
head = {"Authorization": "Bearer secret"}
with urllib.request.urlopen(urllib.request.Request("http://127.0.0.1:8765/v1/restore", picture, head)) as answer:
    restored = pyvips.Image.new_from_buffer(answer.read(), "")
assert (restored.width, restored.height) == (300, 200) and restored.deviate() < 15, restored.deviate()
with urllib.request.urlopen(urllib.request.Request("http://127.0.0.1:8765/", headers=head)) as answer:
    assert b"Restora" in answer.read()
END
echo "the container works: $(du -sh "$work/restora" | cut -f1)"
