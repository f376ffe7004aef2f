// That the service does not answer: what is lost by it (nothing that was written), and a way to ask for it at once.
import { t } from "../words";
import { away, tryNow, trying } from "./connection";

export function Away() {
  return (
    <div role="status" class="notice-place">
      {away.value && (
        <div class="notice away">
          <span>
            <b>{t("away")}</b> {t("away_kept")}
          </span>
          <button class="button small" id="try-again" aria-disabled={trying.value} onClick={() => void tryNow()}>
            {t("away_try")}
          </button>
        </div>
      )}
    </div>
  );
}
