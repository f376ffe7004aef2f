// What /complete says of a place: what fits there, and what stands there.
import type { Text } from "@codemirror/state";
import { isRefusal, post, type Range } from "../service/api";
import { format, lang } from "../store";
import { positionOf } from "./positions";

export interface At {
  kind: "key" | "value";
  path: string[];
  name: string;
  title: string;
  description: string;
  type: string;
  default: string;
  range: Range;
}

export interface Offer {
  label: string;
  kind: "key" | "value";
  insert: string;
  detail: string;
  description: string;
}

export interface Completed {
  at: At | null;
  replace: Range;
  items: Offer[];
}

/** The answer about an offset of a text; null where the service refuses, or where it is no longer wanted. */
export async function ask(text: Text, offset: number, signal: AbortSignal): Promise<Completed | null> {
  const place = positionOf(text, offset);
  const asked = { input: format.peek(), line: place.line, character: place.character, lang: lang.peek() };
  try {
    const found = await post<Completed>("complete", asked, text.toString(), signal);
    return isRefusal(found) ? null : found;
  } catch (error) {
    if (signal.aborted) return null;
    throw error;
  }
}
