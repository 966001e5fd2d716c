// The list of turns. Long conversations start with their last screens; the rest is drawn when asked for.
import { TurnView } from "./turn_view.js";

const SHOWN = 20; // turns, and as many more at each asking
const AT_ONCE = 2; // turns that the script draws before anything else can happen

const soon = window.requestIdleCallback ?? ((work) => setTimeout(work, 16)); // Safari has none

export class ThreadView {
  /** `onEarlier()` is asked when what this page knows is shown and the server has more. */
  constructor({ list, earlierButton, follower, actions, onEarlier }) {
    Object.assign(this, { list, earlierButton, follower, actions });
    this.views = new Map();
    this.hidden = 0; // turns above the first one drawn
    earlierButton.addEventListener("click", () => (this.hidden ? this.reveal() : onEarlier()));
  }

  /** A conversation, or another branch of it: its last turns. */
  show(thread) {
    this.hidden = Math.max(0, thread.turns.length - SHOWN);
    this.draw(thread);
  }

  /**
   * The page as it came: the server has drawn its turns already. The last ones are taken over at once, the others one by
   * one while nothing else happens, so that the box can be typed in from the start.
   */
  takeOver(thread) {
    const stored = [...this.list.querySelectorAll(":scope > [data-stored]")];
    if (stored.length !== thread.turns.length) return this.show(thread);
    this.thread = thread;
    this.hidden = 0;
    this.offerEarlier();
    for (let n = 0; n < AT_ONCE && stored.length; n += 1) this.replaceLast(stored);
    const goOn = () => this.replaceLast(stored) && soon(goOn);
    soon(goOn);
  }

  // A branch may have been drawn meanwhile: then the server's turns are gone from the page, and there is nothing to do.
  replaceLast(stored) {
    const node = stored.pop();
    if (!node?.isConnected) return false;
    node.replaceWith(this.viewOf(this.thread.turns[stored.length]).element);
    return true;
  }

  /** Every turn in its place; what is not in the thread any more goes. */
  draw(thread) {
    this.thread = thread;
    const turns = thread.turns.slice(this.hidden);
    const kept = new Set(turns.map((turn) => turn.key));
    for (const [key, view] of this.views) if (!kept.has(key)) this.drop(key, view);
    for (const stored of this.list.querySelectorAll(":scope > [data-stored]")) stored.remove();
    turns.forEach((turn, index) => this.put(turn, index));
    this.offerEarlier();
  }

  put(turn, index) {
    const view = this.viewOf(turn);
    const there = this.list.children[index];
    if (there !== view.element) this.list.insertBefore(view.element, there ?? null);
  }

  viewOf(turn) {
    const found = this.views.get(turn.key);
    if (found) {
      found.update(turn);
      return found;
    }
    const fresh = new TurnView(turn, this.actions);
    this.views.set(turn.key, fresh);
    return fresh;
  }

  drop(key, view) {
    view.element.remove();
    this.views.delete(key);
  }

  /** A turn that changed; where it stands did not. */
  update(turn, thread) {
    this.thread = thread;
    this.views.get(turn.key)?.update(turn);
  }

  reveal() {
    this.hidden = Math.max(0, this.hidden - SHOWN);
    this.drawAbove(this.thread);
  }

  /** Turns that came from the server above the others. */
  drawAbove(thread) {
    this.follower.keepPlace(() => this.draw(thread));
  }

  offerEarlier() {
    const { hasEarlier, turns } = this.thread;
    this.earlierButton.hidden = !this.hidden && !hasEarlier;
    if (turns.length) this.earlierButton.textContent = this.hidden && !hasEarlier ? `Show earlier (${this.hidden})` : "Show earlier";
  }

  markOpen(panel) {
    for (const view of this.views.values()) {
      const answer = view.turn.answer;
      if (answer) view.markOpen(panel.isOpenFor(answer), panel.active);
    }
  }
}
