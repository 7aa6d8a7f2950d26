import { useState } from "preact/hooks";
import type { AdminApi, ReviewedAlert } from "./admin-api.ts";
import { formatMoment } from "./format.ts";

const VERDICTS = [
  ["none", "no verdict"],
  ["true", "true: an attack"],
  ["false", "false: the rule was wrong"],
  ["benign", "benign: stop alerting"],
] as const;

interface AlertReviewProps {
  readonly api: AdminApi;
  readonly alert: ReviewedAlert;
  readonly onDone: () => void;
}

/** Form to acknowledge an alert, add a note, and set a verdict. */
export function AlertReview({ api, alert, onDone }: AlertReviewProps) {
  const { review } = alert;
  const [note, setNote] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string>();
  // A superseded alert's ID also contains a time. Reviews are stored by rule and subject, so the time is left out.
  const alert_id = `${alert.rule}#${alert.subject.kind}#${alert.subject.id}`;
  const say = async (changes: object) => {
    setBusy(true);
    setError(undefined);
    try {
      await api.post("alert-reviews", { alert_id, ...changes });
      setNote("");
      onDone();
    } catch (failure) {
      setError(failure instanceof Error ? failure.message : String(failure));
    } finally {
      setBusy(false);
    }
  };
  return (
    <details class="review">
      <summary>
        {review?.verdict === undefined ? "Review" : `Verdict: ${review.verdict}`}
        {review?.acknowledged_by !== undefined && `, acknowledged by ${review.acknowledged_by}`}
      </summary>
      <div class="buttons">
        <button type="button" disabled={busy} onClick={() => say({ acknowledge: true })}>
          Acknowledge
        </button>
        <label>
          Verdict{" "}
          <select
            disabled={busy}
            value={review?.verdict ?? "none"}
            onChange={(event) => say({ verdict: event.currentTarget.value })}
          >
            {VERDICTS.map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </select>
        </label>
        <label>
          Note{" "}
          <input
            maxLength={2000}
            value={note}
            onInput={(event) => setNote(event.currentTarget.value)}
          />
        </label>
        <button type="button" disabled={busy || note.trim() === ""} onClick={() => say({ note })}>
          Add note
        </button>
      </div>
      {error && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
      {review && review.notes.length > 0 && (
        <ul class="notes">
          {review.notes.map(({ at, by, text }) => (
            <li key={at}>
              <span class="muted">
                {formatMoment(at)} {by}:
              </span>{" "}
              {text}
            </li>
          ))}
        </ul>
      )}
    </details>
  );
}
