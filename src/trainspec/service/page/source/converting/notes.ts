// The comments of a document by what they are about, so that they find their places in another form of it.
import type { Key, Layout } from "./layout";

/** What stands above a key, with "" for a blank line, and what stands beside it. */
export interface Note {
  path: string[];
  above: string[];
  beside: string[];
}

export interface Notes {
  /** By key, in the order of the text, also for keys about which nothing is said. */
  notes: Note[];
  /** What stands below the last key. */
  end: string[];
}

export function notesOf({ lines, keys, comments }: Layout): Notes {
  const notes: Note[] = keys.map(({ path }) => ({ path, above: [], beside: [] }));
  const alone = new Map(comments.filter((one) => one.alone).map((one) => [one.line, one.text]));
  const taken = new Set<number>();
  const isLoose = (line: number) => alone.has(line) || lines[line]!.trim() === "";
  const firsts = new Map<number, number>();
  keys.forEach((key, at) => firsts.has(key.from) || firsts.set(key.from, at));
  for (const [line, at] of firsts) {
    let begin = line;
    while (begin > 0 && isLoose(begin - 1) && !isInside(keys, begin - 1, at)) begin--;
    for (let one = begin; one < line; one++) {
      notes[at]!.above.push(alone.get(one) ?? "");
      taken.add(one);
    }
  }
  let last = lines.length;
  while (last > 0 && isLoose(last - 1) && !taken.has(last - 1)) last--;
  const end = lines.slice(last).map((_, at) => alone.get(last + at) ?? "");
  for (const one of comments) {
    if (one.alone && (taken.has(one.line) || one.line >= last)) continue;
    const before = keys.filter((key) => key.from <= one.line).length - 1;
    // Above a key that shares its line with others, it is about the first.
    const at = one.alone ? before : (firsts.get(one.line) ?? before);
    if (at < 0) (notes[0]?.above ?? end).unshift(one.text);
    else if (one.alone) notes[at]!.above.push(one.text);
    else notes[at]!.beside.push(one.text);
  }
  return { notes, end };
}

/** Whether a blank line belongs to the value of a key before, such as a text of several lines. */
function isInside(keys: readonly Key[], line: number, before: number): boolean {
  return keys.some((key, at) => at < before && key.from < line && line < key.to && !isAround(key, keys[before]!));
}

function isAround(outer: Key, inner: Key): boolean {
  return outer.path.length < inner.path.length && outer.path.every((name, at) => inner.path[at] === name);
}
