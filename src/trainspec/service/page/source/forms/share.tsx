// A link to the document as it is now, without what is secret in it: that the service says, not we.
import { batch, signal } from "@preact/signals";
import { isRefusal, post } from "../api";
import { format, lang, notice, target, text, worldSize } from "../store";
import { t } from "../words";
import { fromFragment, LONGEST, toFragment, type Linked } from "./fragment";

interface Shareable {
  text: string;
  left_out: string[];
  lines_left_out: number;
}

export const shareNotice = signal<string | null>(null);

export function Share() {
  return (
    <button class="button" id="share" onClick={() => void share()}>
      {t("copy_link")}
    </button>
  );
}

async function share(): Promise<void> {
  notice.value = null;
  const found = await post<Shareable>("shareable", { input: format.value, lang: lang.value }, text.value);
  if (isRefusal(found)) {
    shareNotice.value = `${t("link_failed")} ${found.diagnostics.map((one) => one.message).join(" ")}`;
    return;
  }
  const linked: Linked = { text: found.text, format: format.value };
  if (target.value) linked.target = target.value;
  if (worldSize.value !== null) linked.worldSize = worldSize.value;
  const fragment = await toFragment(linked);
  if (fragment.length > LONGEST) {
    shareNotice.value = t("link_too_long", { length: fragment.length, most: LONGEST });
    return;
  }
  history.replaceState(null, "", fragment);
  const left = [...found.left_out, ...(found.lines_left_out > 0 ? [t("some_lines")] : [])];
  const copied = await navigator.clipboard?.writeText(location.href).then(
    () => true,
    () => false,
  );
  const said = left.length > 0 ? t("link_without", { names: left.join(", ") }) : t("link_copied");
  shareNotice.value = copied ? said : `${t("link_shown")} ${left.length > 0 ? said : ""}`;
}

/** Take the document of the address, where it holds one. Says whether it did. */
export async function takeLink(): Promise<boolean> {
  const found = await fromFragment(location.hash);
  if (found === undefined) return false;
  if (found === null) {
    shareNotice.value = t("link_broken");
    return false;
  }
  batch(() => {
    format.value = found.format;
    text.value = found.text;
    target.value = found.target ?? "";
    worldSize.value = found.worldSize ?? null;
  });
  return true;
}
