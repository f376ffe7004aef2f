// A document inside a link: in the part of the address that browsers send to nobody.
import type { Format } from "../store";

export interface Linked {
  text: string;
  format: Format;
  target?: string;
  worldSize?: number;
}

/** What browsers, chats and mails carry without cutting it off. */
export const LONGEST = 16_000;
const MARK = "#d=";
/** How a later version of this page would mark a document that this one cannot read. */
const NEWER = /^#d\d+=/;
const MOST = 2 ** 20;
const FORMATS = ["yaml", "json", "toml", "env"];

export async function toFragment(linked: Linked): Promise<string> {
  const packed = new Blob([JSON.stringify(linked)]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  const bytes = new Uint8Array(await new Response(packed).arrayBuffer());
  let letters = "";
  for (const byte of bytes) letters += String.fromCharCode(byte);
  return MARK + btoa(letters).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

/** What a link holds; undefined where it holds none, else why that cannot be read. */
export async function fromFragment(fragment: string): Promise<Linked | "broken" | "newer" | undefined> {
  if (NEWER.test(fragment)) return "newer";
  if (!fragment.startsWith(MARK)) return undefined;
  if (fragment.length > LONGEST) return "broken";
  try {
    const letters = atob(fragment.slice(MARK.length).replace(/-/g, "+").replace(/_/g, "/"));
    const bytes = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
    const found: unknown = JSON.parse(await unpacked(bytes));
    if (!isLinked(found)) return "broken";
    return FORMATS.includes(found.format) ? found : "newer";
  } catch {
    return "broken";
  }
}

/** A few letters may stand for gigabytes: no more is unpacked than a document may be. */
async function unpacked(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    text += decoder.decode(value, { stream: true });
    if (text.length > MOST) {
      await reader.cancel();
      throw new Error("too long");
    }
  }
}

function isLinked(found: unknown): found is Linked {
  if (typeof found !== "object" || found === null) return false;
  const { text, format, target = "", worldSize = 1 } = found as Record<string, unknown>;
  return (
    typeof text === "string" &&
    typeof format === "string" &&
    typeof target === "string" &&
    target.length <= 100 &&
    Number.isSafeInteger(worldSize) &&
    (worldSize as number) > 0
  );
}
