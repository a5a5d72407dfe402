"""A headless Chromium, driven over the WebDriver protocol by its own driver."""

import base64
import json
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request

from .cluster import free_port
from .waiting import eventually

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")

# No network of its own, and nothing kept from one test to the next.
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
         "--hide-scrollbars"]


class Browser:
    """One browser with one tab. What it asks the network for, and what its console says, is kept."""

    def __init__(self, width=1280, height=900):
        self.profile = tempfile.mkdtemp(prefix="aloqd-browser-")
        self.port = free_port()
        self.driver = subprocess.Popen([DRIVER, f"--port={self.port}"], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.requests, self.complaints = [], []
        self.session = ""
        try:
            eventually(self._is_ready, 30, "chromedriver answers")
            self._open(width, height)
        except BaseException:
            self.close()
            raise

    def _open(self, width, height):
        options = {"binary": CHROMIUM, "args": [*FLAGS, f"--user-data-dir={self.profile}",
                                                f"--window-size={width},{height}", "about:blank"]}
        made = self._ask("POST", "/session", capabilities={"alwaysMatch": {
            "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}})
        self.session = f"/session/{made['sessionId']}"
        self.go("about:blank")
        self.look_at_logs()  # of the tab that it opens for itself
        self.requests, self.complaints = [], []

    def _is_ready(self):
        try:
            return self._ask("GET", "/status")["ready"]
        except OSError:
            return False

    def _ask(self, method, path, **arguments):
        body = json.dumps(arguments).encode() if method == "POST" else None
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body, method=method,
                                         headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.read().decode()}") from None

    def close(self):
        """No process and no file is left."""
        try:
            if self.session:
                self._ask("DELETE", self.session)
        finally:
            self.driver.terminate()
            self.driver.wait(30)
            shutil.rmtree(self.profile, ignore_errors=True)

    # ---- the page ----

    def go(self, url):
        self._ask("POST", f"{self.session}/url", url=url)
        return self

    def run(self, script, *arguments):
        """The result of a script's `return`."""
        return self._ask("POST", f"{self.session}/execute/sync", script=script, args=list(arguments))

    def text(self, selector="body"):
        """What somebody reads there; "" where there is nothing."""
        return self.run("const found = document.querySelector(arguments[0]); return found ? found.innerText : '';", selector)

    def texts(self, selector):
        return self.run("return [...document.querySelectorAll(arguments[0])].map((one) => one.innerText);", selector)

    def click(self, selector):
        self.run("document.querySelector(arguments[0]).click();", selector)

    def style(self, selector, name):
        return self.run("return getComputedStyle(document.querySelector(arguments[0]))[arguments[1]];", selector, name)

    def screenshot(self, path, whole=True):
        done = self.devtools("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(done["data"]))

    # ---- the browser ----

    def devtools(self, command, **parameters):
        return self._ask("POST", f"{self.session}/goog/cdp/execute", cmd=command, params=parameters)

    def prefer(self, scheme):
        """dark or light."""
        self.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def resize(self, width, height):
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)

    def allow_scripts(self, allowed):
        """For the pages from now on. The scripts of run() work anyway."""
        self.devtools("Emulation.setScriptExecutionDisabled", value=not allowed)

    def look_at_logs(self):
        """Fills `requests` (URLs) and `complaints` with what has come since the last look."""
        for entry in self._ask("POST", f"{self.session}/se/log", type="performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self.requests.append(message["params"]["request"]["url"])
        self.complaints += [entry["message"] for entry in self._ask("POST", f"{self.session}/se/log", type="browser")]
