// Runs before the first paint, so that nobody's dark room is lit by a white page.
import { applyStoredTheme } from "../theme.js";

applyStoredTheme();
