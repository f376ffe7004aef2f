// The document: what it is written in, for what it is judged, and what is found in it.
import { useEffect, useRef } from "preact/hooks";
import { format, notice, target, text, worldSize, type Format } from "../store";
import { t } from "../words";
import { formatOfName } from "./detecting";
import { Findings } from "./findings";
import { atCursor } from "./hovering";
import { Share, shareNotice } from "../forms/share";
import { openIn, recognize } from "./view";

const FORMATS: Record<Format, string> = { yaml: "YAML", json: "JSON", toml: "TOML", env: "" };
const LARGEST = 2 ** 20;
const MACHINES = ["h200x8", "h100x8", "h100", "a100x8", "a100", "l40s", "l4", "v100", "t4", "cpu"];

export function Editor() {
  return (
    <>
      <Bar />
      <Notice />
      <Box />
      <Explained />
      <Findings />
    </>
  );
}

function Box() {
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => openIn(host.current!), []);
  return <div class="editor" ref={host} />;
}

function Bar() {
  return (
    <div class="bar">
      <label>
        {t("format")}
        <select id="format" value={format.value} onChange={(event) => choose(event.currentTarget.value as Format)}>
          {Object.entries(FORMATS).map(([name, shown]) => (
            <option key={name} value={name}>
              {shown || t("format_env")}
            </option>
          ))}
        </select>
      </label>
      <label>
        {t("machine")}
        <input
          id="machine"
          size={8}
          list="machines"
          spellcheck={false}
          placeholder={t("machine_any")}
          value={target.value}
          onChange={(event) => (target.value = event.currentTarget.value.trim())}
        />
        <datalist id="machines">
          {MACHINES.map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
      </label>
      <label>
        {t("processes")}
        <input
          id="processes"
          class="narrow"
          inputMode="numeric"
          placeholder={t("machine_any")}
          value={worldSize.value ?? ""}
          onChange={(event) => (worldSize.value = whole(event.currentTarget.value))}
        />
      </label>
      <span class="push" />
      <Open />
      <Share />
    </div>
  );
}

function choose(name: Format): void {
  format.value = name;
  notice.value = null;
}

function whole(said: string): number | null {
  const number = Number(said.trim());
  return said.trim() !== "" && Number.isInteger(number) && number > 0 ? number : null;
}

function Open() {
  const read = async (file: File | undefined) => {
    if (file === undefined) return;
    if (file.size > LARGEST) {
      notice.value = "too_large";
      return;
    }
    const found = await file.text();
    text.value = found;
    const named = formatOfName(file.name);
    if (named !== null) choose(named);
    else recognize(found);
  };
  return (
    <label class="button">
      {t("open_file")}
      <input
        type="file"
        class="hidden"
        accept=".yaml,.yml,.json,.toml,.env,text/*"
        onChange={(event) => {
          void read(event.currentTarget.files?.[0]);
          event.currentTarget.value = "";
        }}
      />
    </label>
  );
}

function Notice() {
  const said = shareNotice.value ?? (notice.value === null ? null : t(notice.value));
  const close = () => ([notice.value, shareNotice.value] = [null, null]);
  return (
    <div role="status" class="notice-place">
      {said !== null && (
        <p class="notice">
          <span>{said}</span>
          <button class="plain" aria-label={t("close")} onClick={close}>
            ×
          </button>
        </p>
      )}
    </div>
  );
}

/** What stands at the cursor: the same as under the pointer, for who uses none; else which keys there are. */
function Explained() {
  const at = atCursor.value;
  return (
    <div class="at-cursor">
      {at === null ? (
        <span class="hint">{t("keys")}</span>
      ) : (
        <>
          <strong>{at.title || at.name}</strong> <code>{at.path.join(".")}</code>
          <span>{at.description}</span>
          <span class="facts">
            {at.type}
            {at.default !== "" && ` · ${t("default")} ${at.default}`}
          </span>
        </>
      )}
    </div>
  );
}
