// One sentence above the conversation while the line is down.
import { setText } from "./dom.js";

const AFTER = 1500; // a blink of the network is not worth a word

const LOST = "Connection lost. Reconnecting; nothing you asked is lost.";
const OFFLINE = "You are offline. Vena goes on as soon as you are back; nothing you asked is lost.";
const REFUSED = "Your session has ended. Reload the page and sign in again.";

/** Why the server listens no more. Of a session that ended it says what suits programs. */
export function whyRefused(lastWord) {
  return lastWord && lastWord.code !== "not_signed_in" ? lastWord.detail : REFUSED;
}

/** Takes the states of a Connection: "open", "lost", "refused" with the server's last word. */
export function connectionBanner(node) {
  let timer = 0;
  return (state, lastWord) => {
    if (state === "lost" && timer) return; // each failed try says "lost" again; the clock runs from the first
    clearTimeout(timer);
    timer = 0;
    if (state === "open") return setText(node, "");
    if (state === "refused") return setText(node, whyRefused(lastWord));
    timer = setTimeout(() => setText(node, navigator.onLine ? LOST : OFFLINE), AFTER);
  };
}
