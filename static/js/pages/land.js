// Runs right behind the conversation: the first paint shows its end, as the page's script will.
const scroller = document.querySelector("[data-scroll]");
scroller.scrollTop = scroller.scrollHeight;
