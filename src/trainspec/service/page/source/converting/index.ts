// A document in another form, with its comments, its order and its blank lines where that form can hold them.
import type { Format } from "../store";
import { layoutOf, type Key, type Layout } from "./layout";
import { notesOf, type Note } from "./notes";

/** What is not in the new text. */
export interface Lost {
  comments: number;
  /** Settings: secrets, and what the form cannot say. */
  names: string[];
  documents: number;
  /** Variables that are no settings. */
  foreign: string[];
}

export interface Carried {
  text: string;
  lost: Lost;
}

export interface Source {
  text: string;
  format: Format;
  /** Today's names of the settings that it says, and the lines (from 1) of those that have one. */
  said: Record<string, number | null>;
}

export function losesAnything(lost: Lost): boolean {
  return lost.comments > 0 || lost.names.length > 0 || lost.documents > 1 || lost.foreign.length > 0;
}

/** Lay a text that the service wrote out as the one that it was made from. */
export function carriedOver(source: Source, written: string, format: Format, secrets: readonly string[]): Carried {
  const [from, to] = [layoutOf(source.text, source.format), layoutOf(written, format)];
  if (from === null || to === null) return { text: written, lost: { comments: 0, names: [...secrets], documents: 1, foreign: [] } };
  const { notes, end } = notesOf(from);
  for (const [at, note] of notes.entries()) note.path[0] = today(source.said, note.path[0]!, from.keys[at]!);
  const order = [...new Set(notes.map((one) => one.path[0]!))];
  const there = new Set(to.keys.map((key) => key.path[0]!));
  const names = [...new Set([...secrets, ...Object.keys(source.said).filter((name) => !there.has(name))])];
  const comments = format === "json" ? from.comments.length : 0;
  const lost: Lost = { comments, names, documents: from.documents, foreign: from.foreign };
  if (format === "json") return { text: orderedJson(to, order), lost };
  return { text: rewritten(to, format, order, notes, end), lost };
}

/** The name that a setting has now: the service tells it with the line of the old one. */
function today(said: Source["said"], name: string, key: Key): string {
  if (name in said || key.path.length > 1) return name;
  return Object.entries(said).find(([, line]) => line === key.from + 1)?.[0] ?? name;
}

/** Lines that belong together: a setting with all that it holds. */
interface Unit {
  name: string;
  table: boolean;
  from: number;
  to: number;
}

function units(layout: Layout): Unit[] {
  const starts: Unit[] = [];
  for (const key of layout.keys) {
    const table = /^\s*\[/.test(layout.lines[key.from]!);
    const last = starts[starts.length - 1];
    const inside = key.path.length > 1 && last?.name === key.path[0];
    if (!inside) starts.push({ name: key.path[0]!, table, from: key.from, to: layout.lines.length });
  }
  starts.forEach((one, at) => (one.to = starts[at + 1]?.from ?? one.to));
  return starts;
}

function sorted(layout: Layout, order: readonly string[]): Unit[] {
  const place = (one: Unit) => (order.indexOf(one.name) + 1 || order.length + 1) + (one.table ? order.length + 2 : 0);
  return units(layout).sort((a, b) => place(a) - place(b));
}

function rewritten(layout: Layout, format: Format, order: readonly string[], notes: Note[], end: string[]): string {
  const { byKey, rest } = placed(layout, notes);
  const made: string[] = [];
  const all = sorted(layout, order);
  for (const unit of all) {
    for (let line = unit.from; line < unit.to; line++) {
      const text = layout.lines[line]!;
      const keys = layout.keys.filter((key) => key.from === line);
      const indent = /^\s*/.exec(text)![0];
      const above = keys.flatMap((key) => byKey.get(key)?.above ?? []);
      const beside = keys.flatMap((key) => byKey.get(key)?.beside ?? []);
      const fits = format !== "env" && keys.some((key) => key.to === line + 1 || layout.keys.some((one) => one.from === line + 1));
      for (const one of fits ? above : [...above, ...beside]) {
        if (one !== "") made.push(indent + one);
        else if (indent === "") made.push("");
      }
      made.push(fits && beside.length > 0 ? `${text}  ${beside.join(" ")}` : text);
    }
    // Where a table begins, a blank line does, too.
    while (made.at(-1) === "") made.pop();
    const next = all[all.indexOf(unit) + 1];
    if (next?.table && format === "toml") made.push("");
  }
  made.push(...rest, ...end);
  return tidied(made);
}

/** Notes by the keys of the new text. What is about a key that is not there goes to the one after it. */
function placed(layout: Layout, notes: readonly Note[]): { byKey: Map<Key, Note>; rest: string[] } {
  const byPath = new Map(layout.keys.map((key) => [key.path.join("\0"), key]));
  const byKey = new Map<Key, Note>();
  let waiting: string[] = [];
  for (const note of notes) {
    let key: Key | undefined;
    for (let long = note.path.length; long > 0 && key === undefined; long--) key = byPath.get(note.path.slice(0, long).join("\0"));
    if (key === undefined) {
      waiting.push(...note.above, ...note.beside);
      continue;
    }
    const exact = key.path.length === note.path.length;
    const there = byKey.get(key) ?? { path: key.path, above: [], beside: [] };
    // Beside a part of a value there is no place any more: it goes above the whole.
    there.above.push(...waiting, ...note.above, ...(exact ? [] : note.beside));
    if (exact) there.beside.push(...note.beside);
    byKey.set(key, there);
    waiting = [];
  }
  return { byKey, rest: waiting };
}

function tidied(lines: readonly string[]): string {
  const kept = lines.filter((line, at) => line !== "" || (at > 0 && lines[at - 1] !== ""));
  while (kept[0] === "") kept.shift();
  while (kept.at(-1) === "") kept.pop();
  return kept.length === 0 ? "" : `${kept.join("\n")}\n`;
}

function orderedJson(layout: Layout, order: readonly string[]): string {
  const all = sorted(layout, order);
  if (all.length === 0) return `${layout.lines.join("\n")}\n`;
  const first = Math.min(...all.map((one) => one.from));
  const parts = all.map(({ from, to }) => {
    const lines = layout.lines.slice(from, to).filter((line) => line !== "}");
    return lines.join("\n").replace(/,$/, "");
  });
  return `${[...layout.lines.slice(0, first), parts.join(",\n"), "}"].join("\n")}\n`;
}
