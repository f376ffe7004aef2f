// The page as files that the service sends: ../static/index.html, and what it names, each by a hash of its content and
// packed, as browsers take it.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "..", "static");

const result = await build({
  absWorkingDir: here,
  entryPoints: { page: "source/main.tsx" },
  outdir: out,
  entryNames: "[name]-[hash]",
  bundle: true,
  minify: true,
  write: false,
  metafile: true,
  format: "esm",
  target: ["es2022"],
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
});

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const names = {};
for (const file of result.outputFiles) {
  const name = file.path.slice(out.length + 1);
  names[name.endsWith(".css") ? "style" : "script"] = name;
  pack(name, file.contents);
}
const icon = readFileSync(join(here, "icon.svg"));
names.icon = `icon-${createHash("sha256").update(icon).digest("hex").slice(0, 8)}.svg`;
pack(names.icon, icon);
const page = readFileSync(join(here, "index.html"), "utf8").replace(/\{(icon|style|script)\}/g, (_, what) => names[what]);
writeFileSync(join(out, "index.html"), page);
pack("licenses.txt", licenses(Object.keys(result.metafile.inputs)));

function pack(name, content) {
  writeFileSync(join(out, `${name}.gz`), gzipSync(content, { level: 9 }));
}

// The licence of each package of which something is in the script.
function licenses(inputs) {
  const packages = new Set();
  for (const input of inputs) {
    const found = /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (found) packages.add(found[1]);
  }
  const parts = [...packages].sort().map((name) => {
    const folder = join(here, "node_modules", name);
    const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    if (!file) throw new Error(`${name} has no file with its licence`);
    return `${name} ${version} (${license})\n\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
  });
  return `The script of this page holds parts of these packages.\n\n${parts.join(`\n${"-".repeat(80)}\n\n`)}`;
}
