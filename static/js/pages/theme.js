// Runs before the first paint, so that nobody's dark room is lit by a white page, and what needs a script is there.
import { applyStoredTheme } from "../theme.js";

applyStoredTheme();
document.documentElement.dataset.script = "";
