// Says that something this person once asked in vain is in the documents by now.
import { gaps } from "./conversations_api.js";
import { el, icon } from "./dom.js";
import { conversationUrl } from "./history_list.js";

export function wireFilledGaps(host, found, onAsk) {
  const waiting = [...found];
  const next = () => {
    const gap = waiting.shift();
    host.hidden = !gap;
    if (gap) host.replaceChildren(...bar(gap));
  };
  const bar = (gap) => [
    icon("check"),
    el("p", {}, el("strong", {}, "Your documents answer this now: "), `“${gap.question}”`, gap.note && el("span", { class: "filled-note" }, gap.note)),
    el(
      "div",
      { class: "filled-actions" },
      el("button", { type: "button", class: "button button-small button-primary", onclick: () => seen(gap, () => onAsk(gap.question)) }, "Ask again"),
      gap.conversation && el("a", { class: "button button-small", href: conversationUrl(gap.conversation) }, "Open the conversation"),
      el("button", { type: "button", class: "icon-button", "aria-label": "Dismiss", title: "Dismiss", onclick: () => seen(gap) }, icon("close")),
    ),
  ];
  const seen = (gap, then = () => {}) => {
    gaps.seen(gap.id).catch(() => null); // it is shown once more next time, which does no harm
    next();
    then();
  };
  next();
}
