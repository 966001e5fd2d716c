// Bundles the front end into static/dist/ under stable names; Django's static files storage adds the hashes.
import { cp, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { dirname, join } from "node:path";
import * as esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "dist");

// One classic script a page: `defer` keeps the order, and nothing is fetched that the page does not need.
const PAGES = [
  "theme", "land", "shell", "public", "chat", "documents", "document", "try", "quality", "models", "answers", "gaps",
  "shared", "apidocs", "branding",
];

// Fonts are imported here and not in static/css, so that collectstatic never meets a path into node_modules.
const STYLES = `
@import "@fontsource-variable/schibsted-grotesk/wght.css";
@import "@fontsource-variable/literata/wght.css";
@import "@fontsource-variable/literata/wght-italic.css";
@import "@fontsource-variable/jetbrains-mono/wght.css";
@import "./css/app.css";
`;

const shared = { bundle: true, minify: true, legalComments: "none", logLevel: "info" };
const target = ["chrome111", "firefox114", "safari16.4"];

const builds = [
  {
    ...shared,
    target,
    format: "iife",
    entryPoints: PAGES.map((page) => ({ in: join(here, "js/pages", `${page}.js`), out: page })),
    outdir: dist,
  },
  // Modules: the first is imported when a PDF is opened, the second is a worker.
  {
    ...shared,
    target,
    format: "esm",
    entryPoints: ["pdf_view", "pdf_worker"].map((page) => ({ in: join(here, "js/pages", `${page}.js`), out: page })),
    outdir: dist,
  },
  {
    ...shared,
    target,
    stdin: { contents: STYLES, resolveDir: here, loader: "css", sourcefile: "app.css" },
    outfile: join(dist, "app.css"),
    loader: { ".woff2": "file" },
    assetNames: "fonts/[name]",
  },
];

// What pdf.js reads at run time: tables of East Asian fonts, the fonts every PDF may name, decoders without wasm.
const PDFJS = join(here, "../node_modules/pdfjs-dist");
const isNeeded = (path) => !/\.wasm$|quickjs|qcms/i.test(path);

await rm(dist, { recursive: true, force: true });
for (const folder of ["cmaps", "standard_fonts", "wasm"]) {
  await cp(join(PDFJS, folder), join(dist, "pdfjs", folder), { recursive: true, filter: isNeeded });
}
if (process.argv.includes("--watch")) {
  for (const options of builds) await (await esbuild.context(options)).watch();
} else {
  await Promise.all(builds.map((options) => esbuild.build(options)));
}
