// Keeps the end of a growing answer in view, but only for someone who is already reading there.

const NEAR = 48;

export class Follower {
  constructor(scroller, content, jumpButton) {
    Object.assign(this, { scroller, jumpButton });
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

  toEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.lastTop = this.scroller.scrollTop;
  }

  showButton() {
    this.jumpButton.hidden = this.following || this.distance() < NEAR;
  }

  /** Runs a change above the reader and keeps the line they look at where it is. */
  keepPlace(change) {
    const fromEnd = this.scroller.scrollHeight - this.scroller.scrollTop;
    this.following = false;
    change();
    this.scroller.scrollTop = this.scroller.scrollHeight - fromEnd;
    this.lastTop = this.scroller.scrollTop;
  }
}
