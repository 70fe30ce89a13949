"""The health check of the container: exit status 0 if the server answers and runs jobs."""

import os
import urllib.request

ADDRESS = "http://127.0.0.1:8765/readyz"

token = os.environ.get("RESTORA_TOKEN", "")
headers = {"Authorization": f"Bearer {token}"} if token else {}
with urllib.request.urlopen(urllib.request.Request(ADDRESS, headers=headers), timeout=5) as answer:
    raise SystemExit(answer.status != 200)
