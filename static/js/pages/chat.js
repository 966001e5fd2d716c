// The chat page: it holds the thread, passes frames to the reducer, and what changed to the views.
import { statusSentence } from "../answer_words.js";
import { wireChatFiles } from "../chat_files.js";
import { Composer } from "../composer.js";
import { connectionBanner, whyRefused } from "../connection_banner.js";
import { answers, conversations } from "../conversations_api.js";
import { copyText, newId, pageData, setText } from "../dom.js";
import { Drafts } from "../drafts.js";
import { wireFilledGaps } from "../filled_gaps.js";
import { drawFollowUps, fetchFollowUps, lastAnswer } from "../follow_ups.js";
import { answerChanged, asked, askFrame, cutOff, edited, framesOnConnect, received, regenerated, stopWanted } from "../frames.js";
import { addConversation, conversationUrl, showTitle } from "../history_list.js";
import { createMarkdown } from "../markdown.js";
import { Follower } from "../scroll.js";
import { isComposing } from "../shortcuts.js";
import { Connection, wakeOnReturn } from "../socket.js";
import { SourcesPanel } from "../sources.js";
import { drawSupport } from "../support_marks.js";
import { isRunning, oldestMessage, threadFrom, turnOf, withEarlier } from "../thread.js";
import { ThreadView } from "../thread_view.js";
import { toast } from "../toasts.js";

const EARLIER_MESSAGES = 40;

const chat = document.querySelector("[data-chat]");
const part = (name) => chat.querySelector(`[data-${name}]`);
const config = pageData("chat-config") ?? {};
const maxLength = config.max_question_length ?? 4000;

let thread = threadFrom(pageData("conversation-data"));
let followUpsDrawn = null;

const markdown = createMarkdown(window);
const drafts = new Drafts(config.person);
const panel = new SourcesPanel(chat, markdown);
const follower = new Follower(part("scroll"), part("turns"), part("jump"));
const view = new ThreadView({
  list: part("turns"),
  earlierButton: part("earlier"),
  follower,
  onEarlier: showEarlier,
  actions: {
    markdown,
    maxLength,
    onSources: openSources,
    onAgain: tryAgain,
    onEdit: (turn, text) => branch((clientId) => edited(thread, turn, { clientId, text })),
    onSwitch: switchBranch,
    onCopy: copyFrom,
    onRate: rate,
    onGap: reportGap,
    onDrawn: () => follower.grown(),
    onEnded: drawSupport,
    onHold: () => follower.hold(),
  },
});
const composer = new Composer(part("composer"), {
  maxLength,
  onAsk: ask,
  onStop: stop,
  onTyped: (text) => drafts.write(thread.conversation, text),
  onEditLast: editLast,
});
const connection = new Connection({
  url: socketUrl(config.ws_path ?? "/ws/chat/"),
  onOpen: tellWhatIsOpen,
  onFrame: hear,
  onState: standing,
});
const showStanding = connectionBanner(part("connection"));
let refused = ""; // why the server listens to us no more

function socketUrl(path) {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`;
}

// -- what the person asks ------------------------------------------------------------------------

function ask(text) {
  if (mayNot()) {
    if (!composer.text) composer.keep(text);
    return;
  }
  part("welcome")?.remove();
  begin(asked(thread, { clientId: newId(), text, collections: composer.collections }));
}

/** A question that was never accepted has no answers to stand beside: it is asked anew in its own place. */
function tryAgain(turn) {
  if (turn.question.id) return branch((clientId) => regenerated(thread, turn, clientId));
  if (mayNot()) return;
  thread = { ...thread, turns: thread.turns.filter((item) => item !== turn) };
  view.draw(thread);
  ask(turn.question.text);
}

function branch(change) {
  if (mayNot()) return;
  panel.close();
  begin(change(newId()));
}

/** Whether nothing can be asked now; then it is said why. */
function mayNot() {
  const why = refused || (thread.turns.some(isRunning) ? "One answer at a time: wait for this one, or stop it." : "");
  if (why) toast(why);
  return Boolean(why);
}

function standing(state, lastWord) {
  showStanding(state, lastWord);
  if (state !== "refused") return;
  refused = whyRefused(lastWord);
  const running = new Set(thread.turns.filter(isRunning).map((turn) => turn.key));
  thread = cutOff(thread, refused);
  for (const turn of thread.turns) if (running.has(turn.key)) show(turn);
}

function begin({ thread: next, turn }) {
  thread = next;
  connection.send(askFrame(thread, turn)); // when the line is down, onOpen sends it
  connection.wake();
  view.draw(thread);
  show(turn);
  follower.jump();
  if (!chat.contains(document.activeElement) || document.activeElement === document.body) composer.input.focus();
  announce("Vena is answering.");
}

function stop() {
  const result = stopWanted(thread);
  if (!result.turn) return;
  thread = result.thread;
  if (result.turn.answer.id) connection.send({ type: "stop", answer: result.turn.answer.id });
  show(result.turn);
}

function editLast() {
  const turn = thread.turns.at(-1);
  if (!turn?.question?.id || isRunning(turn)) return false;
  view.views.get(turn.key)?.question.edit();
  return true;
}

function askAbout(title) {
  const draft = composer.input.value.trim();
  composer.write(draft || `What does “${title}” say about `);
  composer.input.focus();
  composer.input.setSelectionRange(composer.input.value.length, composer.input.value.length);
}

async function switchBranch(id, direction, what) {
  if (mayNot()) return;
  try {
    showAll(threadFrom(await conversations.change(thread.conversation, { leaf: id })));
  } catch (error) {
    return toast(error.message);
  }
  panel.close();
  const turn = turnOf(thread, id);
  if (!turn) return;
  const shown = view.views.get(turn.key);
  shown?.focusArrow(direction, what);
  shown?.element.scrollIntoView({ block: "nearest" });
  const { siblings } = what === "question" ? turn.question : turn.answer;
  announce(`${what === "question" ? "Question" : "Answer"} ${siblings.indexOf(id) + 1} of ${siblings.length}.`);
}

async function showEarlier() {
  try {
    const page = await conversations.earlier(thread.conversation, oldestMessage(thread), EARLIER_MESSAGES);
    thread = withEarlier(thread, page.messages, page.has_more);
    view.drawAbove(thread);
  } catch (error) {
    toast(error.message);
  }
}

// -- what the person does with an answer -----------------------------------------------------------

function openSources(answer, n, opener) {
  if (n) panel.open(answer, n, opener);
  else panel.toggle(answer, opener);
}

async function copyFrom(text, button) {
  const copied = await copyText(text);
  const said = copied ? "Copied" : "Could not copy";
  const label = button.querySelector("span") ?? (button.querySelector("svg") ? null : button);
  if (!label) return toast(`${said}.`);
  const name = label.textContent;
  label.textContent = said;
  announce(said);
  setTimeout(() => (label.textContent = name), 1600);
}

async function rate(answer, feedback, { thank = false } = {}) {
  change(answer.id, { feedback });
  try {
    await answers.rate(answer.id, feedback);
  } catch (error) {
    change(answer.id, { feedback: answer.feedback });
    toast(error.message);
    return false;
  }
  if (thank) toast("Thank you. Whoever looks after the documents can see this.");
  return true;
}

async function reportGap(answer) {
  if (answer.gapReported) return;
  try {
    await answers.reportGap(answer.id);
  } catch (error) {
    return toast(error.message);
  }
  change(answer.id, { gapReported: true });
  toast("Reported as a knowledge gap. You will be told here when it is filled.");
}

function change(answerId, fields) {
  const result = answerChanged(thread, answerId, fields);
  thread = result.thread;
  if (result.turn) show(result.turn);
}

// -- what the server says ------------------------------------------------------------------------

function hear(frame) {
  const isFirst = thread.conversation === null;
  const result = received(thread, frame);
  thread = result.thread;
  if (result.problem) return takenBack(result.problem);
  if (!result.turn) return;
  if (frame.type === "accepted") accepted(result.turn, isFirst);
  show(result.turn);
  if (!isRunning(result.turn)) ended(result.turn.answer);
}

function takenBack(problem) {
  showAll(thread);
  toast(problem);
}

function accepted(turn, isFirst) {
  if (turn.stopping) connection.send({ type: "stop", answer: turn.answer.id });
  if (!isFirst) return;
  drafts.write(null, "");
  drafts.write(thread.conversation, composer.input.value);
  history.replaceState(null, "", conversationUrl(thread.conversation));
  const title = turn.question.text.replace(/\s+/g, " ");
  addConversation(document.querySelector("[data-history]"), { id: thread.conversation, title });
  showTitle(thread.conversation, title);
}

async function ended(answer) {
  announceEnd(answer);
  const found = await fetchFollowUps(answer);
  if (!found) return;
  if (found.title) showTitle(thread.conversation, found.title);
  if (found.suggestions.length) change(answer.id, { suggestions: found.suggestions });
}

function tellWhatIsOpen() {
  for (const frame of framesOnConnect(thread)) connection.send(frame);
}

function show(turn) {
  view.update(turn, thread);
  if (turn.answer) panel.refresh(turn.answer);
  if (!isRunning(turn)) view.markOpen(panel);
  const running = thread.turns.findLast(isRunning);
  composer.setRunning(Boolean(running), running?.stopping);
  showFollowUps();
}

function showAll(next) {
  thread = next;
  view.show(thread);
  view.markOpen(panel);
  composer.setRunning(thread.turns.some(isRunning));
  showFollowUps();
  tellWhatIsOpen();
}

function showFollowUps() {
  const found = lastAnswer(thread)?.suggestions;
  if (found === followUpsDrawn) return;
  followUpsDrawn = found;
  drawFollowUps(part("follow-ups"), thread, (question) => {
    ask(question);
    composer.input.focus();
  });
  follower.grown();
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
  if (event.key !== "Escape" || isComposing(event) || event.defaultPrevented || document.querySelector("dialog[open]")) return;
  if (panel.holdsFocus) panel.close();
  else stop();
});
for (const button of chat.querySelectorAll("[data-suggestion]")) {
  button.addEventListener("click", () => {
    ask(button.dataset.suggestion);
    composer.input.focus();
  });
}
if (config.upload && config.collections.length) wireChatFiles({ ...config.upload, collections: config.collections }, { onAskAbout: askAbout, announce });
wireFilledGaps(part("filled"), pageData("filled-gaps") ?? [], ask);

view.takeOver(thread);
showFollowUps();
// What somebody typed before this script had come stays.
composer.write(composer.input.value.trim() ? composer.input.value : drafts.read(thread.conversation));
composer.setRunning(thread.turns.some(isRunning));
follower.jump();
connection.open();
wakeOnReturn(connection);
