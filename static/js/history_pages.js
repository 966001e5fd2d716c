// More conversations when the side bar is scrolled to its end.
import { conversations } from "./conversations_api.js";
import { appendConversations } from "./history_list.js";

const BEGUN_WITH = 60; // what the page came with; fewer than that are all there are

export function wireHistoryPages(history) {
  const end = history.querySelector("[data-history-end]");
  if (history.querySelectorAll("li").length < BEGUN_WITH) return;
  let next = null;
  let isLoading = false;

  const load = async () => {
    if (isLoading) return;
    isLoading = true;
    try {
      // The first pages repeat what is there already.
      for (let added = 0; !added; ) {
        const page = await (next ? conversations.page(next) : conversations.list());
        added = appendConversations(history, page.results);
        next = page.next;
        if (!next) return watcher.disconnect();
      }
    } catch {
      watcher.disconnect(); // scrolling on must not ask again and again; the search still finds them
    } finally {
      isLoading = false;
    }
    // Still in sight after that: an observer speaks only when something changes.
    watcher.unobserve(end);
    watcher.observe(end);
  };

  const watcher = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && load(), { root: history, rootMargin: "200px" });
  watcher.observe(end);
}
