import { text } from "../store";
import { t } from "../words";

export function Editor() {
  return <textarea aria-label={t("document")} value={text.value} onInput={(event) => (text.value = event.currentTarget.value)} />;
}
