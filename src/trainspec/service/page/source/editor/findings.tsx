// All that is wrong, in words: where it is, why it is wrong, what to write.
import { signal } from "@preact/signals";
import type { Diagnostic } from "../service/api";
import { away } from "../service/connection";
import { answer, findings, fixes, judgedText, text } from "../store";
import { t, type Word } from "../words";
import { apply, places } from "./linting";
import { Rule, showRule } from "./rule";
import { goTo, shown } from "./view";

const MOST = 100;
const COUNTS: [Diagnostic["severity"], Word, Word][] = [
  ["error", "error", "errors"],
  ["warning", "warning", "warnings"],
  ["note", "note", "notes"],
];
/** The finding that was gone to last. */
const chosen = signal<string | null>(null);

export function Findings() {
  const found = findings.value;
  return (
    <section class="findings" aria-labelledby="findings">
      <header>
        <h2 id="findings">{t("findings")}</h2>
        <p role="status" class="counts">
          {counts(found)}
        </p>
      </header>
      {found.length > 0 && (
        <ol>
          {found.slice(0, MOST).map((one, index) => (
            <Finding key={`${one.code} ${one.message} ${index}`} found={one} index={index} />
          ))}
        </ol>
      )}
      {found.length > MOST && <p class="more">{t("more_findings", { number: found.length - MOST })}</p>}
      <Rule />
    </section>
  );
}

function counts(found: readonly Diagnostic[]) {
  if (away.value && judgedText.value !== text.value) return <span class="count unjudged">{t("away_unjudged")}</span>;
  if (found.length === 0) {
    if (answer.value === null) return null;
    return <span class="count good">{text.value.trim() === "" ? t("nothing_said") : t("nothing_wrong")}</span>;
  }
  return COUNTS.map(([severity, one, many]) => {
    const number = found.filter((item) => item.severity === severity).length;
    if (number === 0) return null;
    return (
      <span key={severity} class={`count ${severity}`}>
        {number === 1 ? t(one) : t(many, { number })}
      </span>
    );
  });
}

function Finding({ found, index }: { found: Diagnostic; index: number }) {
  const lines = [...new Set(found.evidence.map((one) => one.source?.line ?? null).filter((line) => line !== null))];
  const id = `${found.code} ${index}`;
  const jump = () => {
    const place = shown && places(shown.state.doc, found)[0];
    if (!place) return;
    chosen.value = id;
    goTo(place);
  };
  return (
    <li class={`judged ${found.severity}${chosen.value === id ? " chosen" : ""}`}>
      <p class="head">
        <span class="severity">{t(`severity_${found.severity}`)}</span>
        <button class="code" aria-label={t("about_code", { code: found.code })} onClick={() => void showRule(found.code)}>
          {found.code}
        </button>
        {lines.length > 0 && (
          <button class="place" aria-label={t("go_to_line", { number: lines.join(", ") })} onClick={jump}>
            {t("line", { number: lines.join(", ") })}
          </button>
        )}
      </p>
      <p class="message" onClick={jump}>
        {found.message}
      </p>
      {found.reason !== "" && (
        <p class="reason">
          <b>{t("why")}</b> {found.reason}
        </p>
      )}
      {found.remedy !== "" && (
        <p class="remedy">
          <b>{t("help")}</b> {found.remedy}
        </p>
      )}
      <p class="fixes">
        {fixes.value.map(
          (fix, at) =>
            fix.diagnostic === index && (
              <button key={at} data-fix={index} class="fix" onClick={() => shown && apply(shown, fix)}>
                {t("apply_fix", { title: fix.title })}
              </button>
            ),
        )}
      </p>
    </li>
  );
}
