// A link to the document as it is now, without what is secret in it: that the service says, not we.
import { batch } from "@preact/signals";
import { isRefusal, post } from "../service/api";
import { copyText } from "../service/clipboard";
import { format, goOnWith, lang, notice, target, text, worldSize } from "../store";
import { t } from "../words";
import { fromFragment, LONGEST, toFragment, type Linked } from "./fragment";

interface Shareable {
  text: string;
  left_out: string[];
  lines_left_out: number;
}

function tell(said: string): void {
  notice.value = { said };
}

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
    return tell(found.away ? t("away_no_link") : `${t("link_failed")} ${found.diagnostics.map((one) => one.message).join(" ")}`);
  }
  const linked: Linked = { text: found.text, format: format.value };
  if (target.value) linked.target = target.value;
  if (worldSize.value !== null) linked.worldSize = worldSize.value;
  const fragment = await toFragment(linked);
  if (fragment.length > LONGEST) {
    return tell(t("link_too_long", { length: fragment.length, most: LONGEST }));
  }
  history.replaceState(null, "", fragment);
  const left = [...found.left_out, ...(found.lines_left_out > 0 ? [t("some_lines")] : [])];
  const copied = await copyText(location.href);
  const said = left.length > 0 ? t("link_without", { names: left.join(", ") }) : t("link_copied");
  tell(copied ? said : `${t("link_shown")} ${left.length > 0 ? said : ""}`);
}

let taken = 0;

/** Take the document of the address, where it holds one; the one that stood there comes back by undo. Says whether it did. */
export async function takeLink(): Promise<boolean> {
  const mine = ++taken;
  const found = await fromFragment(location.hash);
  // The address is another one by now.
  if (mine !== taken || found === undefined) return false;
  if (typeof found === "string") {
    notice.value = found === "newer" ? "link_newer" : "link_broken";
    return false;
  }
  const other = text.peek() !== "" && text.peek() !== found.text;
  batch(() => {
    goOnWith(found.format, found.text);
    target.value = found.target ?? "";
    worldSize.value = found.worldSize ?? null;
    if (other) notice.value = "link_taken";
  });
  return true;
}
