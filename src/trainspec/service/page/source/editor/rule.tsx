// What a code means, as `trainspec rule` tells it.
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { get, isRefusal } from "../service/api";
import { lang } from "../store";
import { t } from "../words";

interface Meaning {
  code: string;
  name: string;
  severity: "error" | "warning" | "note" | null;
  found: string;
  reason: string;
  fix: string;
  fields: string[];
  condition: string | null;
}

const meaning = signal<Meaning | null>(null);

let asked = 0;

export async function showRule(code: string): Promise<void> {
  const mine = ++asked;
  const found = await get<{ rules: Meaning[] }>(`rules/${encodeURIComponent(code)}`, { lang: lang.peek() });
  // Another one was asked for since.
  if (mine !== asked) return;
  if (!isRefusal(found)) meaning.value = found.rules[0] ?? null;
  else meaning.value = { ...nothing, code, found: found.away ? t("away") : (found.diagnostics[0]?.message ?? "") };
}

const nothing: Meaning = { code: "", name: "", severity: null, found: "", reason: "", fix: "", fields: [], condition: null };

export function Rule() {
  const box = useRef<HTMLDialogElement>(null);
  const one = meaning.value;
  useEffect(() => {
    if (one !== null && !box.current!.open) box.current!.showModal();
  }, [one]);
  return (
    <dialog ref={box} class="rule" aria-labelledby="rule-name" onClose={() => (meaning.value = null)}>
      {one !== null && (
        <>
          <h2 id="rule-name">
            <code>{one.code}</code> {one.name}
          </h2>
          <p class="message">{one.found}</p>
          <dl>
            {one.condition !== null && <Fact term={t("when")}>{one.condition}</Fact>}
            {one.reason !== "" && <Fact term={t("why")}>{one.reason}</Fact>}
            {one.fix !== "" && <Fact term={t("help")}>{one.fix}</Fact>}
            {one.fields.length > 0 && <Fact term={t("settings_of_rule")}>{one.fields.join(", ")}</Fact>}
          </dl>
          <form method="dialog">
            <button class="button">{t("close")}</button>
          </form>
        </>
      )}
    </dialog>
  );
}

function Fact({ term, children }: { term: string; children: string }) {
  return (
    <>
      <dt>{term}</dt>
      <dd>{children}</dd>
    </>
  );
}
