// The page about answers: the providers' states are kept fresh, in the person's own time of day.
const REFRESH = 10_000; // milliseconds

function localTimes(part) {
  for (const time of part.querySelectorAll("[data-clock]")) {
    time.textContent = new Date(time.dateTime).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  }
}

async function refresh() {
  if (document.hidden) return;
  const response = await fetch(location.pathname, { credentials: "same-origin" }).catch(() => null);
  if (!response?.ok) return; // the next look may do
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html").querySelector("[data-states]");
  if (!fresh) return;
  localTimes(fresh);
  const shown = document.querySelector("[data-states]");
  if (shown.innerHTML !== fresh.innerHTML) shown.replaceWith(fresh);
}

localTimes(document);
setInterval(refresh, REFRESH);
