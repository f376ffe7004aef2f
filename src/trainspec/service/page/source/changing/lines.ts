// TOML and dotenv, where a setting is a line, or a few: the lines are found and changed, the rest is not looked at.
type Path = readonly string[];

export interface Entry {
  path: string[];
  from: number;
  /** The line after its last. */
  to: number;
}

export const PREFIX = "TRAINSPEC_";

export function inLines(text: string, format: "toml" | "env", path: Path, value: unknown): string | null {
  const lines = text.replace(/\n$/, "").split("\n");
  if (lines.length === 1 && lines[0] === "") lines.length = 0;
  const wanted = format === "env" ? [variable(path)] : [...path];
  const { entries, tables } = format === "env" ? { entries: variables(lines), tables: [] } : tomlLines(lines);
  const same = entries.find((one) => one.path.join("\0") === wanted.join("\0"));
  // TOML and variables have no null; what is not there is unset.
  const gone = value === undefined || (value === null && format === "toml");
  if (same !== undefined) {
    const line = lines[same.from]!;
    const head = line.slice(0, line.indexOf("=") + 1);
    const comment = same.to === same.from + 1 ? trailing(line.slice(head.length)) : "";
    const space = format === "toml" ? " " : "";
    const said = format === "toml" ? tomlValue(value) : envValue(value);
    lines.splice(same.from, same.to - same.from, ...(gone ? [] : [`${head}${space}${said}${comment}`]));
  } else if (!gone) {
    const inside = entries.some((one) => one.path.length < wanted.length && one.path.every((key, at) => key === wanted[at]));
    const table = tables.find((one) => one.path.join("\0") === wanted.slice(0, -1).join("\0"));
    // A key of an inline table stands among others in one line.
    if (format === "toml" && inside && table === undefined) return null;
    if (format === "env") lines.push(`${wanted[0]}=${envValue(value)}`);
    else if (table !== undefined && wanted.length > 1) lines.splice(table.to, 0, `${tomlKey(wanted.slice(-1))} = ${tomlValue(value)}`);
    else lines.splice(firstTable(lines, tables), 0, `${tomlKey(wanted)} = ${tomlValue(value)}`);
  }
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

export function variable(path: Path): string {
  return PREFIX + path.join("__").toUpperCase();
}

export function variables(lines: readonly string[]): Entry[] {
  const found: Entry[] = [];
  for (let at = 0; at < lines.length; at++) {
    const match = /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*)$/.exec(lines[at]!);
    if (!match) continue;
    const from = at;
    const quote = /^['"]/.exec(match[2]!)?.[0];
    if (quote !== undefined && !closed(match[2]!.slice(1), quote)) {
      while (at + 1 < lines.length && !closed(lines[++at]!, quote));
    }
    found.push({ path: [match[1]!.toUpperCase()], from, to: at + 1 });
  }
  return found;
}

function closed(text: string, quote: string): boolean {
  return new RegExp(`(?:^|[^\\\\])(?:\\\\\\\\)*${quote}`).test(text);
}

export function tomlLines(lines: readonly string[]): { entries: Entry[]; tables: Entry[] } {
  const entries: Entry[] = [];
  const tables: Entry[] = [];
  let inside: string[] = [];
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]!;
    const table = /^\s*\[\s*([^[\]]+?)\s*\]/.exec(line);
    if (table) {
      inside = keys(table[1]!);
      tables.push({ path: inside, from: at, to: at + 1 });
      continue;
    }
    const match = /^\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=(.*)$/.exec(line);
    if (!match) continue;
    const from = at;
    let value = match[2]!;
    while (at + 1 < lines.length && open(value)) value += `\n${lines[++at]!}`;
    entries.push({ path: [...inside, ...keys(match[1]!)], from, to: at + 1 });
    const last = tables[tables.length - 1];
    if (last) last.to = at + 1;
  }
  return { entries, tables };
}

function keys(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"|'([^']*)'|([\w-]+)/g)].map((one) => one[1] ?? one[2] ?? one[3]!);
}

/** Whether a value goes on in the next line: a list, or a text in three quotes. */
function open(value: string): boolean {
  for (const quotes of ['"""', "'''"]) {
    if (value.trimStart().startsWith(quotes)) return value.trim().length < 6 || !value.trimEnd().endsWith(quotes);
  }
  const bare = value.replace(/"(?:\\.|[^"\\])*"|'[^']*'/g, "").replace(/#.*$/gm, "");
  return (bare.match(/[[{]/g) ?? []).length > (bare.match(/[\]}]/g) ?? []).length;
}

/** The comment behind a value, with the blanks before it. */
function trailing(value: string): string {
  return /\s+#[^'"]*$/.exec(value)?.[0] ?? "";
}

/** The line before the first table and the comments that belong to it. */
function firstTable(lines: readonly string[], tables: readonly Entry[]): number {
  let at = tables[0]?.from ?? lines.length;
  while (tables.length > 0 && at > 0 && /^\s*(#.*)?$/.test(lines[at - 1]!)) at--;
  return at;
}

function tomlKey(path: Path): string {
  return path.map((key) => (/^[\w-]+$/.test(key) ? key : JSON.stringify(key))).join(".");
}

function tomlValue(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(tomlValue).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const pairs = Object.entries(value).filter(([, inner]) => inner !== null);
    return `{${pairs.map(([key, inner]) => `${tomlKey([key])} = ${tomlValue(inner)}`).join(", ")}}`;
  }
  return typeof value === "string" ? JSON.stringify(value) : exact(value);
}

function envValue(value: unknown): string {
  const text = typeof value === "string" ? value : value === null ? "null" : typeof value === "object" ? JSON.stringify(value) : exact(value);
  if (/^[\w./:@%+,=-]*$/.test(text)) return text;
  return `'${text.replace(/\\/g, "\\\\").replace(/'/g, "\\'")}'`;
}

/** A number as both read it: with a point or an exponent where it is none of the whole ones. */
function exact(value: unknown): string {
  return String(value).replace(/^(-?\d+)e/, "$1.0e");
}
