/* global SwaggerUIBundle, SwaggerUIStandalonePreset */
// Starts Swagger UI from a file of its own: the content security policy allows no script inside the page.
import { csrfToken } from "../http.js";
import { currentTheme, wireThemeToggles } from "../theme.js";

wireThemeToggles();
followTheme();

const host = document.getElementById("swagger-ui");

window.ui = SwaggerUIBundle({
  url: host.dataset.schemaUrl,
  domNode: host,
  deepLinking: true,
  validatorUrl: null, // the default would send our schema to a server of theirs
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
  layout: "BaseLayout",
  requestInterceptor(request) {
    request.headers["X-CSRFToken"] = csrfToken();
    return request;
  },
});

// Swagger UI has a dark dress of its own, worn by a class on <html>.
function followTheme() {
  const root = document.documentElement;
  const dress = () => root.classList.toggle("dark-mode", currentTheme() === "dark");
  new MutationObserver(dress).observe(root, { attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", dress);
  dress();
}
