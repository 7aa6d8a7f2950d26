import { useEffect, useState } from "preact/hooks";
import type { Action } from "../../../shared/response/action.ts";
import { formatMoment, formatType } from "./format.ts";
import { describeHits } from "./respond-panel.tsx";
import { Mark } from "./sign-in.tsx";

/** Prefix of an approval link in the URL fragment, which browsers don't send to servers. */
const MARK = "#approve=";

/** Returns the approval link in the URL, if any, and removes it from the URL and the history. */
export function takeApprovalLink(): string | undefined {
  const { hash, pathname, search } = location;
  if (!hash.startsWith(MARK)) return undefined;
  history.replaceState(null, "", `${pathname}${search}`);
  return hash.slice(MARK.length);
}

/** The response of the approvals route. */
interface Opened {
  readonly action: Action;
  readonly expires_at: string;
}

async function post(base: URL, body: object): Promise<Opened> {
  const response = await fetch(new URL("approvals", base), {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    cache: "no-store",
    credentials: "omit",
  });
  if (response.ok) return (await response.json()) as Opened;
  const problem = (await response.json().catch(() => undefined)) as
    | { detail?: unknown }
    | undefined;
  throw new Error(String(problem?.detail ?? `The API responded with status ${response.status}.`));
}

interface ApprovalProps {
  readonly base: URL;
  readonly link: string;
}

/**
 * Shows what an action would do, and lets anyone who has the link approve or reject it. Opening the link changes
 * nothing.
 */
export function Approval({ base, link }: ApprovalProps) {
  const [opened, setOpened] = useState<Opened>();
  const [reason, setReason] = useState("");
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState(true);
  const send = async (body: object) => {
    setBusy(true);
    setError(undefined);
    try {
      setOpened(await post(base, { link, ...body }));
    } catch (failure) {
      setError(failure instanceof Error ? failure.message : String(failure));
      // Someone else may have decided already.
      if (Object.keys(body).length > 0)
        setOpened(await post(base, { link }).catch(() => undefined));
    } finally {
      setBusy(false);
    }
  };
  useEffect(() => void send({}), []);
  return (
    <main class="sign-in">
      <form class="card" onSubmit={(event) => event.preventDefault()}>
        <h1>
          <Mark /> OAuth monitoring
        </h1>
        {opened && <Proposal {...opened} />}
        {opened?.action.state === "proposed" && (
          <>
            <label for="reason">Reason</label>
            <input
              id="reason"
              required
              maxLength={512}
              value={reason}
              onInput={(event) => setReason(event.currentTarget.value)}
            />
            <div class="buttons">
              {(["approve", "reject"] as const).map((decision) => (
                <button
                  key={decision}
                  type="button"
                  class={decision === "approve" ? "primary" : "quiet"}
                  disabled={busy || reason.trim() === ""}
                  onClick={() => void send({ decision, reason })}
                >
                  {formatType(decision)}
                </button>
              ))}
            </div>
          </>
        )}
        <p class="error" role="alert">
          {error}
        </p>
      </form>
    </main>
  );
}

/** Shows what the action would do, or how it was decided. */
function Proposal({ action, expires_at }: Opened) {
  const { kind, target, state, actor, reason, until, hits, decided_by, decision_reason } = action;
  const isWaiting = state === "proposed";
  return (
    <>
      <p role="status">
        <strong>{isWaiting ? "Waiting for approval" : formatType(state)}</strong>
        {decided_by && `, by ${decided_by.kind} ${decided_by.id}: ${decision_reason ?? ""}`}
      </p>
      <p>
        {formatType(kind)} of {target.kind} <code>{target.id}</code>
        {until !== undefined && ` until ${formatMoment(until)}`}.{" "}
        {isWaiting ? "It affects" : "It affected"} {describeHits(hits)}.
      </p>
      <p class="muted">
        Proposed by {actor.kind} {actor.id}, {formatMoment(action.requested_at)}: {reason}
      </p>
      {isWaiting && <p class="hint">The link expires on {formatMoment(expires_at)}.</p>}
    </>
  );
}
