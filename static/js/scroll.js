// Keeps the end of a growing answer in view, but only for someone who is already reading there.

const NEAR = 48;
const SETTLING = 6; // frames

export class Follower {
  constructor(scroller, content, jumpButton) {
    Object.assign(this, { scroller, content, jumpButton });
    this.following = true;
    this.lastTop = 0;
    scroller.addEventListener("scroll", () => this.scrolled(), { passive: true });
    jumpButton.addEventListener("click", () => this.jump());
    new ResizeObserver(() => this.grown()).observe(content);
    new ResizeObserver(() => this.grown()).observe(scroller);
  }

  distance() {
    return this.scroller.scrollHeight - this.scroller.clientHeight - this.scroller.scrollTop;
  }

  scrolled() {
    const movedUp = this.scroller.scrollTop < this.lastTop - 1;
    this.lastTop = this.scroller.scrollTop;
    // Upward is a person's doing: let go at once, or every frame would pull them back down.
    if (movedUp) this.following = this.distance() < 4;
    else if (this.distance() < NEAR) this.following = true;
    this.showButton();
  }

  grown() {
    if (this.following) this.toEnd();
    this.showButton();
  }

  jump() {
    this.following = true;
    this.toEnd();
    this.showButton();
  }

  /** Somebody works further up: stay there until they come back down. */
  hold() {
    this.following = false;
    this.lastTop = this.scroller.scrollTop;
  }

  toEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.lastTop = this.scroller.scrollTop;
  }

  showButton() {
    this.jumpButton.hidden = this.following || this.distance() < NEAR;
  }

  /** Runs a change above the reader and keeps the line they look at where it is. */
  keepPlace(change) {
    this.hold();
    const edge = this.scroller.getBoundingClientRect().top;
    const first = [...this.content.children].find((node) => node.getBoundingClientRect().bottom > edge);
    const seen = first?.querySelector("h2") ?? first; // the first turn of all has less room above its words
    const before = seen?.getBoundingClientRect().top;
    change();
    if (seen) this.bringBack(seen, before, SETTLING);
  }

  // What is new has guessed sizes until it has been near the screen, so once is not enough.
  bringBack(node, top, frames) {
    this.scroller.scrollTop += node.getBoundingClientRect().top - top;
    this.lastTop = this.scroller.scrollTop;
    if (frames > 0) requestAnimationFrame(() => this.bringBack(node, top, frames - 1));
  }
}
