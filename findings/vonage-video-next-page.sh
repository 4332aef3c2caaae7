#!/usr/bin/env bash
# The video package of Vonage's Python SDK, 1.6.1, gives with each page of archives "the required offset value for the next page". That is always 1,
# while Vonage's offset counts archives: 1 is the second newest. So page after page begins there, whoever follows it reads the same ones for
# ever, and never the oldest. `count` is that of all; the offsets of one's own counting work. No report was found.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m pip install --quiet --root-user-action=ignore --target python vonage-video==1.6.1 vonage-http-client==1.5.1 vonage-utils==1.1.4
cat > call.py <<'PY'
from types import SimpleNamespace
from vonage_video import Video
from vonage_video.models import ListArchivesFilter

archives = [{"id": f"archive-{n}", "status": "available"} for n in range(1, 8)]


class Vonage:
    """The SDK's client of HTTP, which answers as Vonage documents `offset` and `count`."""

    video_host = "video.api.vonage.com"
    auth = SimpleNamespace(application_id="app")

    def get(self, host, path, params):
        first = params.get("offset", 0)
        return {"count": len(archives), "items": archives[first : first + params["count"]]}


video = Video(Vonage())
offset = None
for _ in range(4):
    page, count, following = video.list_archives(ListArchivesFilter(offset=offset, page_size=3))
    print(f"offset {offset}: {', '.join(archive.id for archive in page)}; of {count}, the next at {following}")
    offset = following
PY
seen=$(PYTHONPATH=python python3 call.py)
echo "vonage-video 1.6.1, seven archives by three a page:"
echo "$seen"
expected='offset None: archive-1, archive-2, archive-3; of 7, the next at 1
offset 1: archive-2, archive-3, archive-4; of 7, the next at 1
offset 1: archive-2, archive-3, archive-4; of 7, the next at 1
offset 1: archive-2, archive-3, archive-4; of 7, the next at 1'
[ "$seen" = "$expected" ] || { echo "This has changed: it was"; echo "$expected"; exit 1; }
