"""The status page in a browser: what somebody sees of a daemon that relays, has faults, and goes away."""

import contextlib
import re
import urllib.error
import urllib.request

import pytest

from harness.aloqd import Aloqd, aloqctl
from harness.browser import CHROMIUM, DRIVER, Browser
from harness.cluster import free_port
from harness.config import relay
from harness.waiting import eventually, holds_for
from harness.workload import CREATED, EPOCH_MS, Load, Record, fill, small_record

pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER),
                                reason="there is no browser: install chromium and chromium-driver")

HOSTILE = "<img/src=x/onerror=alert(1)>"
NOBODY = f"127.0.0.1:1,{HOSTILE}:1"  # no broker is there, and what librdkafka says of it names it
CONTRAST_AA = 4.5

# The least contrast of all text that is shown, with where it is.
LEAST_CONTRAST = """
const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
const light = (colour) => {
  const [red, green, blue] = channels(colour).map((one) => one / 255).map(
      (one) => one <= 0.03928 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};
const ground = (element) => {
  for (; element; element = element.parentElement) {
    const colour = getComputedStyle(element).backgroundColor;
    if (channels(colour)[3] !== 0) return colour;
  }
};
let least = [21, ""];
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (texts.nextNode()) {
  const text = texts.currentNode.data.trim(), at = texts.currentNode.parentElement;
  if (!text || !at.checkVisibility() || at.closest("script")) continue;
  const [one, other] = [light(getComputedStyle(at).color), light(ground(at))];
  const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
  if (contrast < least[0]) least = [contrast, text];
}
return least;
"""


@pytest.fixture(scope="module", name="browser")
def browser_fixture(no_thread_outlives_the_tests):
    with contextlib.closing(Browser()) as made:
        yield made


def pipelines_of(kafka, name):
    """One of each kind, as settings, on topics of their own."""
    source, narrow, compacted = name("in"), name("narrow"), name("compacted")
    kafka.create_topic(source, 3)
    kafka.create_topic(name("out"), 3)
    kafka.create_topic(narrow, 1)
    kafka.create_topic(compacted, 3)
    kafka.alter_topic(compacted, cleanup_policy="compact")
    fill(kafka.brokers, source, [*map(small_record, range(30)), Record(None, b"no key", (), CREATED, EPOCH_MS)], 3)

    def pipeline(target, **settings):
        made = relay(kafka, source, target, group=f"{name('g')}-{len(all_of_them)}", from_start="earliest", **settings)
        return made["pipelines"]["relay"]

    all_of_them = {}
    all_of_them["orders"] = pipeline(name("out"))
    all_of_them["payments"] = pipeline(compacted)  # takes no record without a key
    all_of_them["audit"] = pipeline(narrow)  # has too few partitions
    all_of_them["paused"] = pipeline(name("out"))
    all_of_them["archive"] = pipeline(name("out"), enabled=False)
    all_of_them["far-away"] = pipeline(name("out"))
    all_of_them["far-away"]["from"]["cluster"] = "nowhere"
    return all_of_them


class Scene:
    """A daemon that has pipelines in all states, and its address."""

    def __init__(self, kafka):
        self.kafka = kafka
        self.source = "status-page.in"
        self.url = f"http://127.0.0.1:{free_port()}"
        clusters = {"source": {"brokers": kafka.brokers}, "target": {"brokers": kafka.brokers}, "nowhere": {"brokers": NOBODY}}
        self.daemon = Aloqd({"aloqd": {"http": self.url[7:], "instance": "relay-1"}, "clusters": clusters,
                             "pipelines": pipelines_of(kafka, lambda what: f"status-page.{what}")})

    def await_states(self, **states):
        def found():
            return {p["name"]: p["state"] for p in self.daemon.status().get("pipelines", [])}
        eventually(lambda: states.items() <= found().items(), 60, lambda: f"{states}; it says {found()}")


@pytest.fixture(scope="module", name="scene")
def scene_fixture(kafka):
    scene = Scene(kafka)
    try:
        scene.daemon.start()
        assert aloqctl(scene.daemon, "pause", "paused").returncode == 0
        scene.await_states(orders="running", payments="blocked", audit="failed", paused="paused", archive="stopped")
        scene.await_states(**{"far-away": "backing_off"})
        yield scene
    finally:
        scene.daemon.dispose()


def row(browser, pipeline):
    """What its row says, by class."""
    return browser.run("return Object.fromEntries([...document.getElementById(arguments[0]).cells]"
                       ".map((cell) => [cell.className || 'name', cell.innerText]));", f"p-{pipeline}")


def check_page(browser, scene):
    """Nothing came from elsewhere, nothing was refused by the policy, and nothing went wrong."""
    browser.look_at_logs()
    assert browser.complaints == []
    strangers = [url for url in browser.requests if not url.startswith((scene.url, "data:image/svg+xml"))]
    assert browser.requests and not strangers, strangers
    assert browser.run("const ids = [...document.querySelectorAll('[id]')].map((one) => one.id);"
                       "return ids.length - new Set(ids).size;") == 0
    assert browser.run("return [...document.querySelectorAll('th:not([scope])')].length;") == 0


def test_states_reasons_and_partitions_one_click_away(scene, browser):
    browser.go(f"{scene.url}/")
    states = {"orders": "running", "payments": "blocked", "audit": "failed", "paused": "paused", "archive": "stopped",
              "far-away": "backing_off"}
    assert {name: row(browser, name)["is"].split()[0] for name in states} == states
    assert len({browser.style(f".state.{state}", "backgroundColor") for state in states.values()}) >= 5
    urgent = {text.split()[1]: text for text in browser.texts(".urgent li")}
    assert set(urgent) == {"payments", "audit", "far-away"}, urgent
    assert browser.run("return document.title") == "3 need attention - aloqd relay-1"
    blocked = scene.daemon.pipeline("payments")
    assert blocked["reason"] and blocked["reason"][:100] in urgent["payments"], (blocked["reason"], urgent)
    assert re.search(r"\d+s ago, \d\d:\d\d:\d\d UTC", row(browser, "payments")["words"])
    assert HOSTILE in urgent["far-away"] and browser.run("return document.images.length") == 0, urgent

    browser.click("#p-payments a")
    eventually(lambda: browser.run("return location.pathname") == "/pipelines/payments", 10, "its page")
    stuck = next(p for p in scene.daemon.pipeline("payments")["partitions"] if p["state"] == "blocked")
    assert f"{scene.source} [{stuck['partition']}]" in browser.texts(".partitions tbody th")
    found = browser.run("return document.querySelector('.part.blocked').closest('tr').innerText")
    assert f"person: {stuck['waits_for_words']}" in found and stuck["error"][:100] in found, found
    assert str(stuck["blocked_at"]) in found and "aloqctl unblock payments" in browser.text(), browser.text()
    assert len(browser.texts(".partitions tr[id^=p-]")) == 3
    check_page(browser, scene)


def number(text):
    """As it is shown: with narrow spaces, and a dash where it is unknown."""
    return int(text.replace("\u202f", "").replace("\u2013", "0"))


def test_the_script_brings_numbers_up_to_date_and_leaves_the_rest(scene, browser):
    browser.resize(1000, 400)
    browser.go(f"{scene.url}/pipelines/orders")
    browser.run("""window.kept = document.querySelector("tr[id^=p-]");
document.querySelector("summary").click();
document.querySelector(".back a").focus();
getSelection().selectAllChildren(document.querySelector("h2"));
scrollTo(0, 150);""")

    def figures():
        titles, numbers = browser.texts("dt"), browser.texts("dd")
        return dict(zip(titles, numbers))

    acked = number(figures()["acknowledged"])
    with Load(scene.kafka.brokers, scene.source, 3, 200, first=100):
        eventually(lambda: number(figures()["acknowledged"]) > acked + 100, 20, lambda: f"more are relayed: {figures()}")
        eventually(lambda: number(figures()["Records/s, last 10 s"]) > 50, 20, lambda: f"the rate: {figures()}")
        assert scene.daemon.pipeline("orders")["records_per_s"] > 50, "the API has it, too"
    assert browser.run("""return [scrollY, document.querySelector("details").open, document.activeElement.innerText,
String(getSelection()), window.kept && window.kept.isConnected];""") == [150, True, "All pipelines", "orders", True]
    browser.click("button")
    assert browser.text("button") == "Refresh by itself"
    at = browser.text("#as-of")
    eventually(lambda: browser.click("#again") or browser.text("#as-of") != at, 10, "it is refreshed when it is asked for")
    assert browser.run("return Boolean(window.kept)"), "without another page"
    check_page(browser, scene)
    browser.resize(1280, 900)


def test_without_script_the_page_is_as_whole(scene, browser):
    browser.go(f"{scene.url}/")
    rows = browser.texts("table.all tbody tr th")
    browser.allow_scripts(False)
    try:
        browser.go(f"{scene.url}/")
        assert browser.texts("table.all tbody tr th") == rows and len(rows) == 6
        assert browser.texts("button") == [], "what only a script can do is not shown"
        assert row(browser, "orders")["rate"].isdigit() and row(browser, "payments")["words"]
        at = browser.text("#as-of")
        eventually(lambda: browser.click("#again") or browser.text("#as-of") not in ("", at), 10, "the link loads it anew")
        browser.go(f"{scene.url}/pipelines/orders")
        assert len(browser.texts(".partitions tbody tr")) == 3
        browser.click("summary")
        assert "dead-lettered" in browser.text("details")
    finally:
        browser.allow_scripts(True)
    check_page(browser, scene)


def test_light_dark_phone_and_paper(scene, browser):
    grounds = set()
    for scheme in ("light", "dark"):
        browser.prefer(scheme)
        for path in ("/", "/pipelines/payments", "/pipelines/audit", "/pipelines/nobody"):
            browser.go(scene.url + path)
            contrast, text = browser.run(LEAST_CONTRAST)
            assert contrast >= CONTRAST_AA, (scheme, path, contrast, text)
        grounds.add(browser.style("body", "backgroundColor"))
    assert len(grounds) == 2, grounds
    browser.prefer("light")
    browser.look_at_logs()
    assert all("404" in complaint for complaint in browser.complaints), browser.complaints
    browser.complaints.clear()
    for width in (360, 700, 1024, 1280):
        browser.resize(width, 740)
        for path in ("/", "/pipelines/payments"):
            browser.go(scene.url + path)
            assert browser.run("return document.documentElement.scrollWidth") <= width, (width, path)
    browser.go(f"{scene.url}/")
    browser.devtools("Emulation.setEmulatedMedia", media="print")
    assert browser.style("#controls", "display") == "none" and browser.style("body", "color") == "rgb(0, 0, 0)"
    browser.devtools("Emulation.setEmulatedMedia", media="")
    check_page(browser, scene)


def ask(url, method="GET"):
    """(status, headers, body)"""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=10) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def test_what_a_browser_is_told_and_what_it_is_not_let_do(scene, browser):
    for path in ("/", "/pipelines/orders", "/pipelines/orders/1"):
        status, headers, body = ask(scene.url + path)
        assert status == 200 and headers["Content-Type"] == "text/html; charset=utf-8" and body.endswith("</html>\n")
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert (headers["X-Content-Type-Options"], headers["Cache-Control"]) == ("nosniff", "no-store")
        status, headers, body = ask(scene.url + path, "HEAD")
        assert status == 200 and int(headers["Content-Length"]) > 5000 and body == ""
        assert ask(scene.url + path, "POST")[0] == 405
        assert scene.daemon.get(path)[0] == 200, "the control socket has it, too"
    for path in ("/pipelines/", "/pipelines/orders/2", "/pipelines/nobody", "/pipelines/orders%2F1%2F1", "//"):
        assert ask(scene.url + path)[0] == 404, path
    browser.go(f"{scene.url}/pipelines/nobody")
    at = browser.text("#as-of")
    eventually(lambda: browser.text("#as-of") != at, 10, "what may come yet is asked for again")
    assert "There is no pipeline of this name" in browser.text("#live") and browser.text("#notice") == ""
    browser.go(f"{scene.url}/")
    browser.run("""const script = document.createElement("script"), style = document.createElement("style");
script.textContent = "window.taken = 1"; style.textContent = "h1 { display: none }";
document.body.append(script, style);
const image = new Image(); image.src = "http://127.0.0.1:9/x"; document.body.append(image);""")
    assert browser.run("return window.taken === undefined") and browser.style("h1", "display") == "block"

    def refused():
        browser.look_at_logs()
        return len([complaint for complaint in browser.complaints if "Content Security Policy" in complaint]) >= 3

    eventually(refused, 10, lambda: f"script, style and image are refused; {browser.complaints}")
    browser.complaints.clear()
    browser.requests.clear()


def test_200_pipelines(scene, browser, aloqd):
    names = [f"pipeline-{number:03}" for number in range(200)]
    pipelines = {}
    for number, name in enumerate(names):
        pipelines[name] = {"from": {"cluster": "nowhere", "topics": [f"in-{number}"]},
                           "to": {"cluster": "nowhere", "topic": f"out-{number}"}, "enabled": number % 20 == 0}
    url = f"http://127.0.0.1:{free_port()}"
    daemon = aloqd({"aloqd": {"http": url[7:]}, "clusters": {"nowhere": {"brokers": NOBODY}}, "pipelines": pipelines}).start()
    eventually(lambda: ask(f"{url}/")[2].count("state backing_off") >= 20, 30, "ten back off")
    assert len(ask(f"{url}/")[2]) < 300_000
    browser.go(f"{url}/")
    assert browser.texts("table.all tbody th a") == names
    assert len(browser.texts(".urgent li")) == 10 and "190 stopped" in browser.text(".sums")
    at = browser.text("#as-of")
    browser.run("window.kept = document.getElementById('p-pipeline-199'); window.kept.scrollIntoView();")
    place = browser.run("return scrollY")
    eventually(lambda: browser.text("#as-of") != at, 10, "it refreshes itself")
    assert place > 1000 and browser.run("return [scrollY, window.kept.isConnected]") == [place, True]
    browser.look_at_logs()
    assert browser.complaints == []
    browser.requests.clear()
    daemon.kill()


def test_a_daemon_that_is_gone_is_told_and_one_that_is_back(scene, browser):
    browser.go(f"{scene.url}/")
    assert browser.text("#notice") == ""
    scene.daemon.freeze()  # as good as gone: it takes the connection, and says nothing
    notice = eventually(lambda: browser.text("#notice"), 20, "it says so")
    at = browser.text("#as-of")
    assert "aloqd does not answer" in notice and at in notice and re.fullmatch(r"[-\d]{10} [:\d]{8} UTC", at), notice
    assert row(browser, "payments")["is"].startswith("blocked"), "what was known is still there"
    scene.daemon.kill()
    holds_for(lambda: browser.text("#notice") == notice, 1, lambda: browser.text("#notice"))
    scene.daemon.start()
    eventually(lambda: browser.text("#notice") == "" and browser.text("#as-of") != at, 20, "it goes on by itself")
