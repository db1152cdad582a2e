"""Take the README's picture: the clusters page of the demo, in a real browser.

python docs/picture.py
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.error import URLError
from urllib.request import urlopen

from playwright.sync_api import sync_playwright

PICTURE = Path(__file__).with_name("clusters.png")
START_SECONDS = 60


@contextmanager
def demo_server() -> Iterator[str]:
    """Serve the demo from a home folder of its own; yields its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with TemporaryDirectory(prefix="clustertrace-picture-") as home:
        server = subprocess.Popen(
            [sys.executable, "-m", "clustertrace", "demo", "--no-browser", "--port", str(port)],
            env={**os.environ, "HOME": home},
        )
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(url, server)
            yield url
        finally:
            server.terminate()
            server.wait()


def wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    """Return once the receiver answers. Exits with a message if it never does."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urlopen(f"{url}/healthz", timeout=1) as answer:
                json.load(answer)
                return
        except (URLError, OSError):
            time.sleep(0.2)
    sys.exit("The demo did not start, so there is no picture to take.")


def main() -> None:
    """Open the page, wait until it says its sentence, and save what is on screen."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("Install chromium to take the picture (on Debian: apt-get install chromium).")
    with demo_server() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900}, device_scale_factor=1.5)
        page.goto(f"{url}/clusters")
        page.get_by_text("of the 14 failures").first.wait_for(timeout=START_SECONDS * 1000)
        # The page is whole once Streamlit no longer says that it runs.
        page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
        page.wait_for_load_state("networkidle")
        # Widgets whose code is fetched on demand are grey blocks until it is there.
        page.wait_for_function("!document.querySelector('[data-testid=stSkeleton]')")
        page.screenshot(path=PICTURE)
        browser.close()
    print(f"{PICTURE}: {PICTURE.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
