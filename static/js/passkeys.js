// allauth's scripts talk to the authenticator; what goes wrong there is said on the page, not in the console.
export function wirePasskeyProblems(root = document) {
  root.addEventListener("allauth.error", (event) => {
    const problem = root.querySelector("[data-passkey-problem]");
    if (!problem) return;
    event.preventDefault();
    problem.hidden = false;
    problem.scrollIntoView({ block: "nearest" });
  });
}
