// How a text is laid out: in which lines its keys begin, and which comments it has.
import { isMap, isScalar, Lexer, parseAllDocuments, type Node } from "yaml";
import { PREFIX, tomlLines, variables } from "../changing/lines";
import type { Format } from "../store";

export interface Key {
  path: string[];
  /** The line (from 0) that it begins in, and the one after its last. */
  from: number;
  to: number;
}

export interface Comment {
  line: number;
  text: string;
  /** Whether it has a line of its own. */
  alone: boolean;
}

export interface Layout {
  lines: string[];
  /** In the order of the text; those inside a mapping follow it. */
  keys: Key[];
  comments: Comment[];
  /** How many documents the text is. */
  documents: number;
  /** Variables that are no settings. */
  foreign: string[];
}

/** Null for a text that cannot be read. */
export function layoutOf(text: string, format: Format): Layout | null {
  const lines = text.replace(/\n$/, "").split("\n");
  if (format === "env") return ofVariables(lines);
  if (format === "toml") {
    const { entries, tables } = tomlLines(lines);
    const keys = [...entries, ...tables].sort((a, b) => a.from - b.from);
    return { lines, keys, comments: inToml(text), documents: 1, foreign: [] };
  }
  return ofTree(text, lines);
}

function ofTree(text: string, lines: string[]): Layout | null {
  const parsed = parseAllDocuments(text);
  const documents = "empty" in parsed ? [] : parsed;
  if (documents.some((one) => one.errors.length > 0)) return null;
  const starts = startsOf(text);
  const keys: Key[] = [];
  const walk = (node: unknown, above: string[]) => {
    if (!isMap(node)) return;
    for (const pair of node.items) {
      if (!isScalar(pair.key)) continue;
      const path = [...above, String(pair.key.value)];
      const begin = pair.key.range![0];
      const value = pair.value as Node | null;
      const end = value?.range ? Math.max(value.range[0], begin + text.slice(begin, value.range[1]).trimEnd().length) : pair.key.range![1];
      keys.push({ path, from: lineAt(starts, begin), to: lineAt(starts, Math.max(begin, end - 1)) + 1 });
      walk(value, path);
    }
  };
  for (const one of documents) walk(one.contents, []);
  return { lines, keys, comments: inYaml(text, starts), documents: documents.length, foreign: [] };
}

/** Comments as YAML's own lexer tells them from the texts that look like some. */
function inYaml(text: string, starts: readonly number[]): Comment[] {
  const found: Comment[] = [];
  let at = 0;
  let scalar = false;
  for (const piece of new Lexer().lex(text)) {
    // Of no length in the text: marks of the lexer's own.
    if (piece === "\u0002" || piece === "\u0018" || piece === "\u001f") {
      scalar = piece === "\u001f";
      continue;
    }
    if (!scalar && piece.startsWith("#")) found.push(comment(text, starts, at, at + piece.length));
    scalar = false;
    at += piece.length;
  }
  return found;
}

function inToml(text: string): Comment[] {
  const found: Comment[] = [];
  const starts = startsOf(text);
  const token = /"""(?:\\[^]|[^\\])*?"""|'''[^]*?'''|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|#.*/g;
  for (const match of text.matchAll(token)) {
    if (match[0].startsWith("#")) found.push(comment(text, starts, match.index, match.index + match[0].length));
  }
  return found;
}

function ofVariables(lines: string[]): Layout {
  const entries = variables(lines);
  const comments: Comment[] = [];
  const inside = new Set(entries.flatMap((one) => Array.from({ length: one.to - one.from }, (_, at) => one.from + at)));
  lines.forEach((line, at) => {
    if (!inside.has(at) && line.trimStart().startsWith("#")) comments.push({ line: at, text: line.trim(), alone: true });
  });
  for (const { from, to } of entries) {
    const value = lines.slice(from, to).join("\n").replace(/^[^=]*=\s*/, "");
    const said = /^'(?:\\[^]|[^'\\])*'|^"(?:\\[^]|[^"\\])*"/.exec(value)?.[0] ?? "";
    const after = /(?:^|\s)(#.*)$/.exec(value.slice(said.length))?.[1];
    if (after !== undefined) comments.push({ line: to - 1, text: after.trim(), alone: false });
  }
  const ours = entries.filter((one) => one.path[0]!.startsWith(PREFIX));
  const keys = ours.map((one) => ({ ...one, path: one.path[0]!.slice(PREFIX.length).toLowerCase().split("__") }));
  const foreign = entries.filter((one) => !one.path[0]!.startsWith(PREFIX)).map((one) => one.path[0]!);
  return { lines, keys, comments: comments.sort((a, b) => a.line - b.line), documents: 1, foreign };
}

function comment(text: string, starts: readonly number[], from: number, to: number): Comment {
  const line = lineAt(starts, from);
  return { line, text: text.slice(from, to).trim(), alone: text.slice(starts[line], from).trim() === "" };
}

function startsOf(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}

function lineAt(starts: readonly number[], at: number): number {
  let [low, high] = [0, starts.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle]! <= at) low = middle;
    else high = middle - 1;
  }
  return low;
}
