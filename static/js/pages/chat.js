// The chat page: it holds the thread, passes frames to the reducer, and what changed to the views.
import { Composer } from "../composer.js";
import { copyText, newId, pageData, setText } from "../dom.js";
import { asked, askFrame, framesOnConnect, isRunning, received, stopWanted, threadFrom } from "../frames.js";
import { addConversation, conversationUrl } from "../history_list.js";
import { createMarkdown } from "../markdown.js";
import { Follower } from "../scroll.js";
import { Connection, wakeOnReturn } from "../socket.js";
import { SourcesPanel } from "../sources.js";
import { ThreadView } from "../thread_view.js";
import { statusSentence } from "../turn_view.js";

const BANNER_AFTER = 1500; // a blink of the network is not worth a word

const chat = document.querySelector("[data-chat]");
const part = (name) => chat.querySelector(`[data-${name}]`);
const config = pageData("chat-config") ?? {};

let thread = threadFrom(pageData("conversation-data"));
let bannerTimer = 0;

const markdown = createMarkdown(window);
const panel = new SourcesPanel(chat, markdown);
const follower = new Follower(part("scroll"), part("turns"), part("jump"));
const view = new ThreadView({
  list: part("turns"),
  earlierButton: part("earlier"),
  follower,
  actions: {
    markdown,
    onSources: openSources,
    onAgain: (turn) => ask(turn.question.text),
    onCopy: copyFrom,
    onDrawn: () => follower.grown(),
  },
});
const composer = new Composer(part("composer"), {
  maxLength: config.max_question_length ?? 4000,
  onAsk: ask,
  onStop: stop,
});
const connection = new Connection({
  url: socketUrl(config.ws_path ?? "/ws/chat/"),
  onOpen: () => framesOnConnect(thread).forEach((frame) => connection.send(frame)),
  onFrame: hear,
  onState: showConnection,
});

function socketUrl(path) {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`;
}

// -- what the person does ------------------------------------------------------------------------

function ask(text) {
  if (thread.turns.some(isRunning)) return;
  part("welcome")?.remove();
  const result = asked(thread, { clientId: newId(), text, collections: composer.collections });
  thread = result.thread;
  connection.send(askFrame(thread, result.turn)); // when the line is down, onOpen sends it
  connection.wake();
  show(result.turn);
  follower.jump();
  announce("Vena is answering.");
}

function stop() {
  const result = stopWanted(thread);
  if (!result.turn) return;
  thread = result.thread;
  if (result.turn.answer.id) connection.send({ type: "stop", answer: result.turn.answer.id });
  show(result.turn);
}

function openSources(answer, n, opener) {
  if (n) panel.open(answer, n, opener);
  else panel.toggle(answer, opener);
}

async function copyFrom(text, button) {
  const label = button.querySelector("span") ?? button;
  const name = label.textContent;
  const copied = await copyText(text);
  label.textContent = copied ? "Copied" : "Could not copy";
  announce(label.textContent);
  setTimeout(() => (label.textContent = name), 1600);
}

// -- what the server says ------------------------------------------------------------------------

function hear(frame) {
  const isFirst = thread.conversation === null;
  const result = received(thread, frame);
  thread = result.thread;
  if (!result.turn) return;
  if (frame.type === "accepted") accepted(result.turn, isFirst);
  show(result.turn);
  if (!isRunning(result.turn)) announceEnd(result.turn.answer);
}

function accepted(turn, isFirst) {
  if (turn.stopping) connection.send({ type: "stop", answer: turn.answer.id });
  if (!isFirst) return;
  history.replaceState(null, "", conversationUrl(thread.conversation));
  const title = turn.question.text.replace(/\s+/g, " ");
  addConversation(document.querySelector("[data-history]"), { id: thread.conversation, title });
  setText(part("chat-title"), title);
  setText(document.querySelector(".topbar-title"), title);
  document.title = document.title.replace(/^New chat/, () => title.slice(0, 80));
}

function show(turn) {
  view.update(turn);
  if (turn.answer) panel.refresh(turn.answer);
  if (!isRunning(turn)) view.markOpen(panel);
  const running = thread.turns.findLast(isRunning);
  composer.setRunning(Boolean(running), running?.stopping);
}

function showConnection(state) {
  if (state === "lost" && bannerTimer) return; // each failed try says "lost" again; the clock runs from the first
  clearTimeout(bannerTimer);
  bannerTimer = 0;
  if (state === "open") return setText(part("connection"), "");
  if (state === "refused") return setText(part("connection"), "Your session has ended. Reload the page and sign in again.");
  bannerTimer = setTimeout(() => setText(part("connection"), "Connection lost. Reconnecting; nothing you asked is lost."), BANNER_AFTER);
}

// -- for screen readers: the start and the end, never each word ------------------------------------

function announce(sentence) {
  part("announcer").textContent = sentence;
}

function announceEnd(answer) {
  const cited = answer.sources.filter((source) => source.cited).length;
  const sources = cited ? ` ${cited} source${cited === 1 ? "" : "s"}.` : "";
  announce(statusSentence(answer) || `Answer finished.${sources}`);
}

// -- start -----------------------------------------------------------------------------------------

panel.onChange = () => view.markOpen(panel);
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.isComposing || event.defaultPrevented) return;
  if (panel.holdsFocus) panel.close();
  else stop();
});
for (const button of chat.querySelectorAll("[data-suggestion]")) {
  button.addEventListener("click", () => {
    ask(button.dataset.suggestion);
    composer.input.focus();
  });
}

view.show(thread.turns);
composer.setRunning(thread.turns.some(isRunning));
follower.jump();
connection.open();
wakeOnReturn(connection);
