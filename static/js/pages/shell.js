import { wireDrawer } from "../drawer.js";
import { nameDays, wireFilter } from "../history_list.js";
import { wireMenus } from "../menus.js";
import { wireThemeToggles } from "../theme.js";

wireThemeToggles();
wireMenus();
wireDrawer(document.querySelector("[data-shell]"));
const history = document.querySelector("[data-history]");
nameDays(history);
wireFilter(history);
