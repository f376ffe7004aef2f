// To another form: at once where nothing is lost by it, after a question where something is; undo takes it back.
import { signal } from "@preact/signals";
import { carriedOver, losesAnything, type Carried, type Lost } from ".";
import { formatOf } from "../editor/detecting";
import { isRefusal, post, type Diagnostic } from "../service/api";
import { format, goOnWith, lang, notice, text, type Format, type Shown } from "../store";

/** What /convert answers. */
export interface Converted {
  text: string | null;
  secrets: string[];
  diagnostics: Diagnostic[];
}

export interface Proposal {
  to: Format;
  /** The document that it is about. */
  of: string;
  /** Null where there is no such form of it. */
  text: string | null;
  lost: Lost | null;
}

/** What there is to decide before anything is changed. */
export const proposal = signal<Proposal | null>(null);
/** The format that is chosen while it is not there yet. */
export const wanted = signal<Format | null>(null);

/** What the document says, by today's names, with the lines; as `carriedOver` needs it. */
export function saidIn(shown: Shown): Record<string, number | null> {
  return Object.fromEntries(Object.entries(shown.said).map(([name, one]) => [name, one.source.line]));
}

/** The format that was chosen for the document: it is written anew in it, unless it is in it already. */
export async function choose(to: Format): Promise<void> {
  if (to === format.peek()) return;
  wanted.value = to;
  try {
    await change(to);
  } finally {
    wanted.value = null;
  }
}

async function change(to: Format): Promise<void> {
  for (;;) {
    const [body, from] = [text.peek(), format.peek()];
    const looks = formatOf(body);
    if (looks === to || (looks === null && (to !== "json" || body.trim() === ""))) return goOnWith(to, body);
    const asked = { input: from, lang: lang.peek() };
    const [made, shown] = await Promise.all([post<Converted>("convert", { ...asked, to }, body), post<Shown>("show", asked, body)]);
    // Of what was typed meanwhile, nothing may be lost.
    if (text.peek() !== body || format.peek() !== from) continue;
    if ((isRefusal(made) && made.away) || (isRefusal(shown) && shown.away)) {
      notice.value = "away_no_form";
      return;
    }
    if (isRefusal(made) || isRefusal(shown) || made.text === null) {
      proposal.value = { to, of: body, text: null, lost: null };
      return;
    }
    take(to, carriedOver({ text: body, format: from, said: saidIn(shown) }, made.text, to, made.secrets));
    return;
  }
}

function take(to: Format, { text: written, lost }: Carried): void {
  if (losesAnything(lost)) proposal.value = { to, of: text.peek(), text: written, lost };
  else accept(to, written);
}

export function accept(to: Format, written: string): void {
  goOnWith(to, written);
  notice.value = "converted";
}
