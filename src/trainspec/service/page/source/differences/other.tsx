// The other document: pasted, or a file that the browser reads; it is sent to the service alone.
import { useSignal } from "@preact/signals";
import type { Format } from "../store";
import { t } from "../words";
import { formatOf, other, otherFormat, otherName } from "./compared";

const FORMATS: [Format, string][] = [
  ["yaml", "YAML"],
  ["json", "JSON"],
  ["toml", "TOML"],
  ["env", "dotenv"],
];
const LARGEST = 2 ** 20;

export function Other() {
  const large = useSignal(false);
  const open = async (file: File | undefined) => {
    if (!file) return;
    large.value = file.size > LARGEST;
    if (large.value) return;
    other.value = await file.text();
    otherName.value = file.name;
    otherFormat.value = formatOf(file.name);
  };
  return (
    <div
      class="diff-other"
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        void open(event.dataTransfer?.files[0]);
      }}
    >
      <div class="diff-bar">
        <label>
          <span class="hidden">{t("diff_other_format")}</span>
          <select value={otherFormat.value} onChange={(event) => (otherFormat.value = event.currentTarget.value as Format)}>
            {FORMATS.map(([value, name]) => (
              <option key={value} value={value}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label class="button">
          {t("diff_file")}
          <input
            class="hidden"
            type="file"
            accept=".yaml,.yml,.json,.toml,.env,text/plain"
            onChange={(event) => void open(event.currentTarget.files?.[0])}
          />
        </label>
        {otherName.value && <span class="muted">{otherName.value}</span>}
      </div>
      {large.value && <p role="alert">{t("diff_file_large")}</p>}
      <textarea
        aria-label={t("diff_other_document")}
        placeholder={t("diff_empty")}
        rows={8}
        spellcheck={false}
        value={other.value}
        onInput={(event) => (other.value = event.currentTarget.value)}
      />
    </div>
  );
}
