// The list of turns. Long conversations start with their last screens; the rest is drawn when asked for.
import { TurnView } from "./turn_view.js";

const FIRST = 15; // turns, that is some thirty messages

export class ThreadView {
  constructor({ list, earlierButton, follower, actions }) {
    Object.assign(this, { list, earlierButton, follower, actions });
    this.views = new Map();
    this.waiting = []; // turns above the first one drawn
    earlierButton.addEventListener("click", () => this.showEarlier());
  }

  show(turns) {
    this.waiting = turns.slice(0, -FIRST);
    for (const turn of turns.slice(-FIRST)) this.update(turn);
    this.offerEarlier();
  }

  /** Draws a turn that is new, or changed. Turns still waiting above are not running, so they never change. */
  update(turn) {
    const view = this.views.get(turn.key);
    if (view) return view.update(turn);
    const fresh = new TurnView(turn, this.actions);
    this.views.set(turn.key, fresh);
    this.list.append(fresh.element);
  }

  showEarlier() {
    const turns = this.waiting.slice(-FIRST);
    this.waiting = this.waiting.slice(0, -FIRST);
    const views = turns.map((turn) => {
      const view = new TurnView(turn, this.actions);
      this.views.set(turn.key, view);
      return view;
    });
    this.follower.keepPlace(() => {
      this.list.prepend(...views.map((view) => view.element));
      this.offerEarlier();
    });
  }

  offerEarlier() {
    this.earlierButton.hidden = this.waiting.length === 0;
    this.earlierButton.textContent = `Show earlier (${this.waiting.length})`;
  }

  markOpen(panel) {
    for (const view of this.views.values()) {
      const answer = view.turn.answer;
      if (answer) view.markOpen(panel.isOpenFor(answer), panel.active);
    }
  }
}
