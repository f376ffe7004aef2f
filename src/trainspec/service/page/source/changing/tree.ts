// YAML, and JSON, which is YAML in the flow style: the places of nodes are found by a parser, and only they are changed.
import { Document, isCollection, isMap, isScalar, parseAllDocuments, type Node, type Pair, type YAMLMap } from "yaml";

type Path = readonly string[];
type Ranged = YAMLMap<Node, Node | null>;

export function inTree(text: string, format: "yaml" | "json", path: Path, value: unknown): string | null {
  const parsed = parseAllDocuments(text, { keepSourceTokens: true });
  const documents = "empty" in parsed ? [] : parsed;
  if (documents.some((one) => one.errors.length > 0)) return null;
  // Of several documents each is laid over those before it.
  const root = documents[documents.length - 1]?.contents ?? null;
  if (root === null) {
    if (value === undefined) return text;
    const fresh = format === "json" ? `${written(nested(path, value), true)}\n` : `${block(path, value, "")}\n`;
    return format === "json" ? fresh : joined(text, fresh);
  }
  if (!isMap(root)) return null;
  return inMap(new Editing(text, format), root as Ranged, path, value);
}

class Editing {
  constructor(
    readonly text: string,
    readonly format: "yaml" | "json",
  ) {}

  replaced(from: number, to: number, by: string): string {
    return this.text.slice(0, from) + by + this.text.slice(to);
  }

  lineStart(at: number): number {
    return this.text.lastIndexOf("\n", at - 1) + 1;
  }

  lineEnd(at: number): number {
    const found = this.text.indexOf("\n", at);
    return found < 0 ? this.text.length : found;
  }

  /** The end of what a node says, without the blank lines that a block ends with. */
  end(node: Node): number {
    const [from, to] = node.range!;
    return from + this.text.slice(from, to).trimEnd().length;
  }
}

function inMap(editing: Editing, map: Ranged, path: Path, value: unknown): string | null {
  const [key, ...rest] = path as [string, ...string[]];
  const pair = map.items.find((one) => isScalar(one.key) && String(one.key.value) === key);
  if (pair === undefined) return value === undefined ? editing.text : added(editing, map, path, value);
  const inner = pair.value;
  if (rest.length > 0 && isMap(inner)) {
    const alone = value === undefined && inner.items.length === 1 && holds(inner as Ranged, rest);
    return alone ? removed(editing, map, pair) : inMap(editing, inner as Ranged, rest, value);
  }
  // What stands there is no mapping, and so holds nothing of that name.
  if (rest.length > 0 && value === undefined) return editing.text;
  if (value === undefined) return removed(editing, map, pair);
  return replaced(editing, map, pair, nested(rest, value));
}

function holds(map: Ranged, path: Path): boolean {
  const [key, ...rest] = path;
  const pair = map.items.find((one) => isScalar(one.key) && one.key.value === key);
  if (pair === undefined) return false;
  return rest.length === 0 || (isMap(pair.value) && pair.value.items.length === 1 && holds(pair.value as Ranged, rest));
}

function replaced(editing: Editing, map: Ranged, pair: Pair<Node, Node | null>, value: unknown): string {
  const colon = editing.text.indexOf(":", pair.key.range![1]);
  const node = pair.value;
  const said = written(value, editing.format === "json");
  const anchored = node !== null && isScalar(node) && node.range![0] !== node.range![1];
  if (anchored && !map.flow && !said.includes("\n") && !(node.type ?? "").startsWith("BLOCK")) {
    return editing.replaced(node.range![0], node.range![1], said);
  }
  const end = node === null || node.range![0] === node.range![1] ? colon + 1 : editing.end(node);
  return editing.replaced(colon + 1, end, ` ${said}`);
}

function added(editing: Editing, map: Ranged, path: Path, value: unknown): string {
  const last = map.items[map.items.length - 1];
  if (map.flow) {
    const close = map.range![1] - 1;
    const [key, ...rest] = path as [string, ...string[]];
    const json = editing.format === "json";
    const pair = `${json ? JSON.stringify(key) : key}: ${written(nested(rest, value), json)}`;
    if (last === undefined) return editing.replaced(map.range![0] + 1, close, json ? `\n  ${pair}\n` : pair);
    const end = editing.end((last.value ?? last.key) as Node);
    const begin = last.key.range![0];
    const before = editing.text.slice(editing.lineStart(begin), begin);
    return editing.replaced(end, end, before.trim() === "" ? `,\n${before}${pair}` : `, ${pair}`);
  }
  const first = map.items[0]!;
  const begin = first.key.range![0];
  const indent = " ".repeat(begin - editing.lineStart(begin));
  const end = editing.lineEnd(editing.end((last!.value ?? last!.key) as Node));
  return editing.replaced(end, end, `\n${block(path, value, indent)}`);
}

function removed(editing: Editing, map: Ranged, pair: Pair<Node, Node | null>): string {
  const from = pair.key.range![0];
  const to = pair.value === null ? editing.text.indexOf(":", pair.key.range![1]) + 1 : editing.end(pair.value);
  if (!map.flow) {
    const start = editing.lineStart(from);
    return editing.replaced(start, Math.min(editing.lineEnd(to) + 1, editing.text.length), "");
  }
  const index = map.items.indexOf(pair);
  const next = map.items[index + 1];
  if (next !== undefined) return editing.replaced(from, next.key.range![0], "");
  const previous = map.items[index - 1];
  if (previous === undefined) return editing.replaced(map.range![0] + 1, map.range![1] - 1, "");
  return editing.replaced(editing.end((previous.value ?? previous.key) as Node), to, "");
}

function nested(path: Path, value: unknown): unknown {
  return path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);
}

/** A path as lines of a block, such as a key of a mapping under the mapping's own. */
function block(path: Path, value: unknown, indent: string): string {
  return path
    .map((key, depth) => `${indent}${"  ".repeat(depth)}${key}:${depth === path.length - 1 ? ` ${written(value, false)}` : ""}`)
    .join("\n");
}

function joined(text: string, more: string): string {
  return text === "" || text.endsWith("\n") ? text + more : `${text}\n${more}`;
}

function written(value: unknown, json: boolean): string {
  if (json) return JSON.stringify(value);
  const document = new Document(value);
  if (isCollection(document.contents)) document.contents.flow = true;
  const text = document.toString({ lineWidth: 0, flowCollectionPadding: false });
  // What would take several lines is quoted instead.
  return text.trimEnd().includes("\n") ? JSON.stringify(value) : text.trimEnd();
}
