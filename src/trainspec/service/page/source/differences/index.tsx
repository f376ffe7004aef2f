// Where the document differs: from the defaults, or from another document; each value with where it is from.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { returns } from "../service/connection";
import { Named } from "../settings/named";
import { Finding } from "../settings/row";
import { controlOf, learnSchema } from "../settings/schema";
import { lang, setValue, type Source } from "../store";
import { t, type Word } from "../words";
import { against, compared, follow, type Difference, type With } from "./compared";
import { Other } from "./other";

const WAYS: With[] = ["defaults", "other"];

export function Differences() {
  useEffect(follow, []);
  useEffect(() => void learnSchema(), [lang.value, returns.value]);
  return (
    <div class="differences">
      <div class="diff-bar">
        <span id="diff-with">{t("diff_with")}</span>
        <div class="segments" role="group" aria-labelledby="diff-with">
          {WAYS.map((one) => (
            <button
              key={one}
              type="button"
              aria-pressed={against.value === one}
              onClick={() => {
                if (against.value !== one) compared.value = null;
                against.value = one;
              }}
            >
              {t(`diff_${one}` satisfies Word)}
            </button>
          ))}
        </div>
      </div>
      {against.value === "other" && <Other />}
      <Compared />
    </div>
  );
}

function Compared() {
  const follows = useSignal(true);
  const found = compared.value;
  if (found === null) return against.value === "other" ? <p class="quiet">{t("diff_empty")}</p> : null;
  if (found.differences === null) {
    return (
      <section class="plan-none">
        <h2>{t("diff_none")}</h2>
        <p>{t("diff_none_why")}</p>
        <Findings />
      </section>
    );
  }
  if (found.same) {
    return (
      <section class="diff-same">
        <h2>{t("diff_same")}</h2>
        <p>{t(against.value === "defaults" ? "diff_same_defaults" : "diff_same_other")}</p>
      </section>
    );
  }
  const said = found.differences.filter((one) => !isDerived(one));
  const shown = follows.value ? found.differences : said;
  const many = found.differences.length;
  return (
    <>
      <div class="diff-head">
        <p role="status">{many === 1 ? t("diff_one") : t("diff_count", { count: many })}</p>
        {said.length < many && (
          <label>
            <input type="checkbox" checked={follows.value} onChange={(event) => (follows.value = event.currentTarget.checked)} />{" "}
            {t("diff_follows")}
          </label>
        )}
      </div>
      {shown.length ? <Table differences={shown} /> : <p class="quiet">{t("diff_only_follows")}</p>}
      <Findings />
    </>
  );
}

function isDerived(one: Difference): boolean {
  return one.b.source.kind === "derived" || (one.a.source.kind === "derived" && one.b.source.kind === "default");
}

// On a narrow page its rows are cards, and browsers forget that it was a table: the roles say it.
function Table({ differences }: { differences: Difference[] }) {
  const defaults = against.value === "defaults";
  const first = t(defaults ? "diff_default" : "diff_there");
  return (
    <table class="diff-table" role="table">
      <thead role="rowgroup">
        <tr role="row">
          <th scope="col" role="columnheader">{t("diff_setting")}</th>
          <th scope="col" role="columnheader">{first}</th>
          <th scope="col" role="columnheader">{t("diff_here")}</th>
          <th scope="col" role="columnheader">
            <span class="hidden">{t("diff_action")}</span>
          </th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        {differences.map((one) => (
          <tr key={one.setting} role="row" class={isDerived(one) ? "derived" : ""}>
            <th scope="row" role="rowheader">
              <Name setting={one.setting} />
            </th>
            <td role="cell" data-label={first}>
              <Value entry={one.a} gone={!defaults} />
            </td>
            <td role="cell" data-label={t("diff_here")}>
              <Value entry={one.b} gone={false} />
            </td>
            <td role="cell" class="diff-do">
              <Change difference={one} defaults={defaults} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Name({ setting }: { setting: string }) {
  const title = setting.includes(".") ? "" : (controlOf(setting)?.title ?? "");
  return (
    <>
      {title && <span class="diff-title">{title}</span>}
      <Named name={setting} />
    </>
  );
}

function Value({ entry, gone }: { entry: Difference["a"]; gone: boolean }) {
  const notThere = entry.value === "not there" && entry.source.kind !== "file";
  return (
    <>
      <code class={gone ? "there" : "value"}>{notThere ? t("diff_not_there") : entry.value}</code>
      <small>{from(entry.source)}</small>
    </>
  );
}

function from(source: Source): string {
  if (source.kind === "default") return t("diff_from_default");
  if (source.kind === "derived") return t("diff_derived", { names: source.name });
  return source.line === null ? source.name : t("diff_line", { line: source.line });
}

// What the other one says can be written here only as far as it is plain; what follows, not at all.
function Change({ difference, defaults }: { difference: Difference; defaults: boolean }) {
  const { setting, a, b } = difference;
  const isSaid = b.source.kind !== "derived" && b.source.kind !== "default";
  if (defaults || a.source.kind === "default") {
    if (!isSaid || setting.includes(".")) return null;
    return (
      <button type="button" class="plain" aria-label={t("diff_reset_setting", { setting })} onClick={() => setValue(setting, undefined)}>
        {t("diff_reset")}
      </button>
    );
  }
  const value = plain(a.value);
  if (a.source.kind === "derived" || value === undefined) return null;
  return (
    <button type="button" class="plain" aria-label={t("diff_take_setting", { setting, value: a.value })} onClick={() => setValue(setting, value)}>
      {t("diff_take")}
    </button>
  );
}

// Values are shown as JSON; one that is hidden or shortened is none.
function plain(shown: string): unknown {
  if (shown.includes("*****")) return undefined;
  try {
    return JSON.parse(shown);
  } catch {
    return undefined;
  }
}

function Findings() {
  const found = compared.value?.diagnostics ?? [];
  if (!found.length) return null;
  return (
    <ul class="row-findings">
      {found.map((one, index) => (
        <Finding key={index} finding={one} />
      ))}
    </ul>
  );
}
