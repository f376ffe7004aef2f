// Completion: what the service says fits, in its order.
import { autocompletion, type Completion, type CompletionContext, type CompletionResult } from "@codemirror/autocomplete";
import type { Extension } from "@codemirror/state";
import { ask, type Offer } from "./asking";
import { spanOf } from "./positions";

const TYPED = /[\w.-]$/;
// A value is offered as soon as its key is written.
const KEY_WRITTEN = /(?:[\w"'-]:[ ]|[\w"' ]=[ ]?)$/;

export function completing(): Extension {
  return autocompletion({
    override: [source],
    activateOnCompletion: (chosen) => chosen.type === "property",
    activateOnTypingDelay: 60,
    maxRenderedOptions: 80,
    icons: false,
    optionClass: (one) => (one.type === "property" ? "offer key" : "offer value"),
  });
}

async function source(context: CompletionContext): Promise<CompletionResult | null> {
  const line = context.state.doc.lineAt(context.pos);
  const before = line.text.slice(0, context.pos - line.from);
  if (!context.explicit && !TYPED.test(before) && !KEY_WRITTEN.test(before)) return null;
  const cancel = new AbortController();
  context.addEventListener("abort", () => cancel.abort());
  const found = await ask(context.state.doc, context.pos, cancel.signal);
  if (found === null || found.items.length === 0) return null;
  const { from, to } = spanOf(context.state.doc, found.replace);
  return { from, to, options: found.items.map(option), validFor: /^[\w.+-]*$/ };
}

function option(item: Offer, index: number): Completion {
  return {
    label: item.label,
    apply: item.insert,
    detail: item.detail,
    type: item.kind === "key" ? "property" : "enum",
    // Among equals, the service's order.
    boost: -index / 1000,
    ...(item.description === "" ? {} : { info: item.description }),
  };
}
