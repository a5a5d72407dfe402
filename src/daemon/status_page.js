// Brings the page up to date: fetches it anew and puts in what has changed, so that what somebody has scrolled to,
// opened, selected or focused stays. Without this script the page is as whole, and the link loads it anew.
"use strict";
(() => {
	const EVERY_MS = 2000, AGAIN_MS = 5000, PATIENCE_MS = 5000;
	const live = document.getElementById("live"), notice = document.getElementById("notice");
	let timer = 0, paused = false, asking = null;

	const same = (one, other) => one.nodeName === other.nodeName && (one.id || "") === (other.id || "");

	function takeAttributes(from, to) {
		for (const { name } of [...from.attributes])
			if (!to.hasAttribute(name) && name !== "open")
				from.removeAttribute(name);
		for (const { name, value } of to.attributes)
			if (from.getAttribute(name) !== value)
				from.setAttribute(name, value);
	}

	// Makes the children of `from` those of `to`, and keeps each that is there: by its id, or by its place.
	function take(from, to) {
		let at = from.firstChild;
		for (const wanted of [...to.childNodes]) {
			let found = at && same(at, wanted) ? at : null;
			if (!found && wanted.id) {
				const known = document.getElementById(wanted.id);
				if (known && known.parentNode === from && same(known, wanted))
					found = known;
			}
			if (!found) {
				from.insertBefore(document.importNode(wanted, true), at);
				continue;
			}
			if (found === at)
				at = at.nextSibling;
			else
				from.insertBefore(found, at);
			if (found.nodeType !== Node.ELEMENT_NODE) {
				if (found.data !== wanted.data)
					found.data = wanted.data;
			} else if (!found.isEqualNode(wanted)) {
				takeAttributes(found, wanted);
				take(found, wanted);
			}
		}
		while (at) {
			const next = at.nextSibling;
			at.remove();
			at = next;
		}
	}

	// What is below is no longer how it is, and since when.
	function tell(what) {
		const text = what && `${what} What is shown is as of ${document.getElementById("as-of").textContent}.`;
		if (notice.textContent !== text)
			notice.textContent = text;
		document.body.classList.toggle("stale", Boolean(what));
	}

	async function fetchPage() {
		const patience = new AbortController(), end = setTimeout(() => patience.abort(), PATIENCE_MS);
		try {
			const answer = await fetch(location.href, { cache: "no-store", signal: patience.signal });
			return [answer.status, await answer.text()];
		} catch {
			return [0, ""];
		} finally {
			clearTimeout(end);
		}
	}

	function show(text) {
		const fresh = new DOMParser().parseFromString(text, "text/html");
		const main = fresh.getElementById("live");
		if (fresh.documentElement.dataset.version !== document.documentElement.dataset.version || !main) {
			location.reload(); // another aloqd: its page has a script of its own
			return;
		}
		document.title = fresh.title;
		take(live, main);
		tell("");
	}

	async function refresh() {
		clearTimeout(timer);
		if (asking)
			return;
		const began = performance.now();
		asking = fetchPage();
		const [status, text] = await asking;
		asking = null;
		const answered = status === 200 || status === 404; // a page that is not there any more says so itself
		if (answered)
			show(text);
		else if (status)
			tell(`aloqd answers ${status}; it is asked again every few seconds.`);
		else
			tell("aloqd does not answer; it is asked again every few seconds.");
		// A page that takes long is not asked for all the time.
		const wait = answered ? Math.max(EVERY_MS, 10 * (performance.now() - began)) : AGAIN_MS;
		if (!paused && !document.hidden)
			timer = setTimeout(refresh, wait);
	}

	const button = document.createElement("button");
	const name = () => { button.textContent = paused ? "Refresh by itself" : "Pause"; };
	button.type = "button";
	button.addEventListener("click", () => {
		paused = !paused;
		name();
		if (paused)
			clearTimeout(timer);
		else
			refresh();
	});
	name();
	document.getElementById("controls").append(button);
	document.getElementById("again").addEventListener("click", (event) => {
		event.preventDefault();
		refresh();
	});
	document.addEventListener("visibilitychange", () => {
		clearTimeout(timer);
		if (!document.hidden && !paused)
			refresh();
	});
	timer = setTimeout(refresh, EVERY_MS);
})();
