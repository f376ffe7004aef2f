// One setting written into a document, or taken out; comments and everything else stay as they are.
import type { Format } from "../store";
import { inLines } from "./lines";
import { inTree } from "./tree";

/** The text with the setting at `path` as `value`, without it where that is undefined; null where it cannot be done. */
export function changed(text: string, format: Format, path: readonly string[], value: unknown): string | null {
  if (format === "yaml" || format === "json") return inTree(text, format, path, value);
  return inLines(text, format, path, value);
}
