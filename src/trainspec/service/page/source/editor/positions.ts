// Places as the service counts them, and as the editor does.
import type { Text } from "@codemirror/state";
import type { Position, Range } from "../service/api";

export function offsetOf(text: Text, place: Position): number {
  if (place.line >= text.lines) return text.length;
  const line = text.line(place.line + 1);
  return Math.min(line.from + place.character, line.to);
}

export function positionOf(text: Text, offset: number): Position {
  const line = text.lineAt(offset);
  return { line: line.number - 1, character: offset - line.from };
}

export function spanOf(text: Text, range: Range): { from: number; to: number } {
  return { from: offsetOf(text, range.start), to: offsetOf(text, range.end) };
}

/** The key or the name that begins at a column of a line (both from 1), or all that stands in the line. */
export function spanAt(text: Text, number: number, column: number | null): { from: number; to: number } {
  const line = text.line(Math.min(Math.max(number, 1), text.lines));
  const start = column === null ? line.text.length - line.text.trimStart().length : utf16(line.text, column - 1);
  const rest = line.text.slice(start);
  const word = /^(?:"(?:\\.|[^"\\])*"|'[^']*'|[\w.-]+)/.exec(rest)?.[0] ?? rest.trimEnd();
  const from = line.from + Math.min(start, line.text.length);
  // A squiggle has some width, even where a line ends too early.
  if (word.length > 0) return { from, to: from + word.length };
  return { from: Math.max(line.from, from - 1), to: Math.max(from, Math.min(line.to, from + 1)) };
}

/** Characters of Unicode, as the service counts, in units of UTF-16. */
function utf16(text: string, characters: number): number {
  return [...text].slice(0, characters).join("").length;
}
