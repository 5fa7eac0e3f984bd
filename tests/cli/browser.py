"""Opens a page in Chromium as its readers would, and says what is wrong with it.

usage: browser.py PAGE [--pictures FOLDER]

In a phone's width and a desktop's, in the light and in the dark, without scripts: that nothing scrolls sideways, that
nothing but the page itself is loaded, that every text stands out from what is behind it (WCAG 2.1 AA), and that headings,
landmarks, tables and pictures have names in the accessibility tree.  Prints what is wrong, one line each, and exits with 1;
with --pictures each view is kept as a PNG.
"""

import base64
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

WIDTHS = {"phone": 375, "desktop": 1280}
THEMES = ["light", "dark"]

# For each text: its colour and what it stands on, as they are computed; what is transparent shows what is behind it.
CONTRASTS = """
(() => {
    const channels = color => color.match(/[\\d.]+/g).map(Number);
    const behind = element => {
        for (; element; element = element.parentElement) {
            const [r, g, b, a = 1] = channels(getComputedStyle(element).backgroundColor);
            if (a > 0) return [r, g, b];
        }
        return [255, 255, 255];
    };
    const luminance = color => {
        const [r, g, b] = color.map(c => c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const low = [];
    for (let node; (node = walker.nextNode());) {
        const element = node.parentElement;
        if (!node.data.trim() || element.closest('svg')) continue;
        const text = luminance(channels(getComputedStyle(element).color).slice(0, 3));
        const ground = luminance(behind(element));
        const ratio = (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
        if (ratio < 4.5) low.push(`${node.data.trim().slice(0, 40)}: ${ratio.toFixed(2)}`);
    }
    for (const mark of document.querySelectorAll('svg rect')) {
        const ground = luminance(behind(mark.closest('svg').parentElement));
        const fill = luminance(channels(getComputedStyle(mark).fill).slice(0, 3));
        const ratio = (Math.max(fill, ground) + 0.05) / (Math.min(fill, ground) + 0.05);
        if (ratio < 3) low.push(`a mark of class ${mark.getAttribute('class')}: ${ratio.toFixed(2)}`);
    }
    return low.slice(0, 5);
})()
"""
# A phone makes the page smaller until all of it fits: what counts is the width that it was given.
SIDEWAYS = """
[...document.querySelectorAll('*')].filter(e => e.getBoundingClientRect().right > WIDTH + 1 && !e.closest('svg'))
    .map(e => e.tagName + ' ' + e.textContent.trim().slice(0, 30)).slice(0, 5)
    .concat(document.documentElement.scrollWidth > WIDTH ? ['the page'] : [])
"""


class Browser:
    """Chromium, spoken to over a pair of pipes, in a profile that is removed afterwards."""

    def __init__(self):
        self.profile = tempfile.mkdtemp(prefix="rollcall-browser-")
        to_browser, self.out = os.pipe()
        self.into, from_browser = os.pipe()
        os.set_inheritable(to_browser, True)
        os.set_inheritable(from_browser, True)
        command = [
            "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
            "--force-color-profile=srgb", "--hide-scrollbars", "--remote-debugging-pipe",
            f"--user-data-dir={self.profile}",
        ]
        # It reads commands from descriptor 3 and answers on 4.
        shell = ["sh", "-c", f'exec "$@" 3<&{to_browser} 4>&{from_browser}', "sh", *command]
        self.process = subprocess.Popen(shell, close_fds=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, env=os.environ | {"TMPDIR": self.profile})
        os.close(to_browser)
        os.close(from_browser)
        self.pending = b""
        self.last = 0
        self.session = None
        self.events = []

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.profile, ignore_errors=True)

    def receive(self):
        while b"\0" not in self.pending:
            piece = os.read(self.into, 1 << 20)
            if not piece:
                sys.exit("the browser ended")
            self.pending += piece
        message, self.pending = self.pending.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **parameters):
        self.last += 1
        request = {"id": self.last, "method": method, "params": parameters}
        if self.session:
            request["sessionId"] = self.session
        os.write(self.out, json.dumps(request).encode() + b"\0")
        while True:
            message = self.receive()
            if message.get("id") == self.last:
                if "error" in message:
                    sys.exit(f"{method}: {message['error']}")
                return message["result"]
            self.events.append(message)

    def wait_for(self, event):
        while not any(message.get("method") == event for message in self.events):
            self.events.append(self.receive())

    def evaluate(self, expression):
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def open(self, url):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ["Page", "Network", "Accessibility", "Log"]:
            self.call(domain + ".enable")
        self.call("Emulation.setScriptExecutionDisabled", value=True)
        self.call("Page.navigate", url=url)
        self.wait_for("Page.loadEventFired")

    def requests(self):
        return [message["params"]["request"]["url"] for message in self.events
                if message.get("method") == "Network.requestWillBeSent"]

    def complaints(self):
        return [message["params"]["entry"]["text"] for message in self.events
                if message.get("method") == "Log.entryAdded"]

    def view(self, width, theme):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 500)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])

    def picture(self, path):
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)["data"]
        pathlib.Path(path).write_bytes(base64.b64decode(shot))

    def tree(self):
        """The accessibility tree, as role and name of what is not ignored."""
        return [(node["role"]["value"], node.get("name", {}).get("value", ""), node)
                for node in self.call("Accessibility.getFullAXTree")["nodes"] if not node["ignored"]]


def faults_of_tree(tree):
    """What those who do not see the page would miss."""
    roles = [role for role, _, _ in tree]
    for role in ["banner", "main", "contentinfo"]:
        if roles.count(role) != 1:
            yield f"{roles.count(role)} landmarks {role}"
    for role, name, _ in tree:
        if role in ["heading", "region", "table", "image", "img", "figure", "columnheader", "rowheader"] and not name.strip():
            yield f"{role} without a name"
    for role in ["heading", "region", "table", "row", "columnheader", "rowheader", "cell"]:
        if role not in roles:
            yield f"there is no {role}"
    levels = [prop["value"]["value"] for role, _, node in tree if role == "heading"
              for prop in node["properties"] if prop["name"] == "level"]
    if levels.count(1) != 1 or levels[0] != 1:
        yield f"the headings have levels {levels}"
    if any(after > before + 1 for before, after in zip(levels, levels[1:])):
        yield f"a heading skips a level: {levels}"


def look(browser, page, pictures):
    url = pathlib.Path(page).resolve().as_uri()
    browser.open(url)
    if browser.evaluate("document.documentElement.lang") != "en":
        yield "the page does not say its language"
    if not browser.evaluate("document.title").strip():
        yield "the page has no title"
    if browser.evaluate("document.querySelectorAll('script,iframe,object,embed,link,form,base').length") != 0:
        yield "the page has elements that it must not have"
    for width_name, width in WIDTHS.items():
        for theme in THEMES:
            where = f"{width_name}, {theme}"
            browser.view(width, theme)
            for opened in [False, True]:
                browser.evaluate(f"document.querySelectorAll('details').forEach(d => d.open = {str(opened).lower()})")
                for wide in browser.evaluate(SIDEWAYS.replace("WIDTH", str(width))):
                    yield f"{where}: wider than the page: {wide}"
                if pictures and not opened:
                    browser.picture(f"{pictures}/{width_name}-{theme}.png")
            for low in browser.evaluate(CONTRASTS):
                yield f"{where}: too little contrast: {low}"
            for fault in faults_of_tree(browser.tree()):
                yield f"{where}: {fault}"
    for other in browser.requests()[1:]:
        yield f"the page asks for {other}"
    for complaint in browser.complaints():
        yield f"the browser complains: {complaint}"


def main():
    page = sys.argv[1]
    pictures = sys.argv[3] if len(sys.argv) > 3 and sys.argv[2] == "--pictures" else None
    browser = Browser()
    try:
        faults = list(look(browser, page, pictures))
    finally:
        browser.close()
    print("\n".join(faults))
    sys.exit(1 if faults else 0)


main()
