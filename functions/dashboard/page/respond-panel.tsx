import { useEffect, useRef, useState } from "preact/hooks";
import type { Action, ActionHits } from "../../../shared/response/action.ts";
import type { AdminApi } from "./admin-api.ts";
import { formatMoment, formatType } from "./format.ts";
import { Panel } from "./panel.tsx";
import type { Resource } from "./use-resource.ts";
import type { Filters } from "./view.ts";

/** The target of the actions that the page offers. */
export interface Subject {
  readonly kind: "token" | "user" | "client" | "address" | "network";
  readonly id: string;
}

/** Returns the most specific subject in the filters. */
export function getSubject({ token_id, user_id, ip, client_id }: Filters): Subject | undefined {
  if (token_id !== undefined) return { kind: "token", id: token_id };
  if (user_id !== undefined) return { kind: "user", id: user_id };
  if (ip !== undefined) return { kind: ip.includes("/") ? "network" : "address", id: ip };
  if (client_id !== undefined) return { kind: "client", id: client_id };
  return undefined;
}

/** Selectable durations of a block in hours. */
const BLOCK_HOURS = [1, 4, 24, 168];

/** An action that awaits confirmation by the administrator. */
interface PendingAction {
  readonly kind: "revoke" | "block";
  readonly hours: number;
  readonly hits: ActionHits;
  /** Idempotency key, so that double clicks and retries create one action. */
  readonly key: string;
  /** End of a block. A retry must send the same value, because an idempotency key belongs to one request body. */
  readonly until: string;
}

/** Creates a request with a new idempotency key and the end of a block. */
const newRequest = (hours: number) => ({
  key: crypto.randomUUID(),
  until: new Date(Date.now() + hours * 3_600_000).toISOString(),
});

interface RespondPanelProps {
  readonly api: AdminApi;
  readonly subject: Subject;
  /** Earlier actions against the subject. */
  readonly actions: Resource<readonly Action[]>;
  /** Called after an action was taken. */
  readonly onDone: () => void;
}

/** Describes how many tokens and sessions an action affects. */
export function describeHits({ tokens, sessions, more }: ActionHits): string {
  const count = (n: number, noun: string) => `${n} active ${noun}${n === 1 ? "" : "s"}`;
  return `${more ? "more than " : ""}${count(tokens, "token")} and ${count(sessions, "session")}`;
}

/** Takes actions against the page's subject, and lists earlier actions. */
export function RespondPanel({ api, subject, actions, onDone }: RespondPanelProps) {
  const [pending, setPending] = useState<PendingAction>();
  const [reason, setReason] = useState("");
  const [hours, setHours] = useState(BLOCK_HOURS[0] ?? 1);
  const [busy, setBusy] = useState(false);
  const [message, setMessage] = useState<{ readonly text: string; readonly failed: boolean }>();
  const reasonField = useRef<HTMLInputElement>(null);
  const { kind, id } = subject;
  const isLocation = kind === "address" || kind === "network";
  useEffect(() => {
    setPending(undefined);
    setMessage(undefined);
  }, [kind, id]);
  useEffect(() => reasonField.current?.focus(), [pending?.key]);

  const attempt = async (work: () => Promise<string | undefined>) => {
    setBusy(true);
    setMessage(undefined);
    try {
      const text = await work();
      if (text !== undefined) setMessage({ text, failed: false });
    } catch (error) {
      setMessage({ text: error instanceof Error ? error.message : String(error), failed: true });
    } finally {
      setBusy(false);
    }
  };
  const prepare = (actionKind: PendingAction["kind"]) =>
    attempt(async () => {
      const hits = await api.post("action-counts", { target: subject });
      setPending({ kind: actionKind, hours, hits, ...newRequest(hours) });
      return undefined;
    });
  const confirm = (event: Event) => {
    event.preventDefault();
    if (!pending) return;
    void attempt(async () => {
      const request = {
        kind: pending.kind,
        target: subject,
        reason,
        ...(pending.kind === "block" && { until: pending.until }),
      };
      const action = await api.post("actions", request, pending.key);
      setPending(undefined);
      setReason("");
      onDone();
      return `Done: the ${action.kind} of ${kind} ${id} takes effect on the next call. It affects ${describeHits(action.hits)}.`;
    });
  };
  const decide = (action: Action, decision: "approve" | "reject" | "release") =>
    attempt(async () => {
      const text = `${formatType(decision)} in the dashboard`;
      const { state } = await api.decide(action.action_id, decision, text);
      onDone();
      return `The ${action.kind} is ${state}.`;
    });
  return (
    <Panel
      title="Respond"
      class="respond"
      resource={{ ...actions, value: { list: actions.value ?? [] } }}
      empty=""
      isEmpty={() => false}
    >
      {({ list }) => (
        <>
          <p>
            {formatType(kind)} <code>{id}</code>
          </p>
          <div class="buttons">
            {!isLocation && (
              <button type="button" disabled={busy} onClick={() => prepare("revoke")}>
                Revoke …
              </button>
            )}
            <button type="button" disabled={busy} onClick={() => prepare("block")}>
              Block …
            </button>
            <label>
              for{" "}
              <select
                value={hours}
                onChange={(event) => setHours(Number(event.currentTarget.value))}
              >
                {BLOCK_HOURS.map((each) => (
                  <option key={each} value={each}>
                    {each === 168 ? "7 days" : each === 1 ? "1 hour" : `${each} hours`}
                  </option>
                ))}
              </select>
            </label>
          </div>
          {pending && (
            <form class="confirm" aria-label="Confirm the action" onSubmit={confirm}>
              <p>
                {pending.kind === "revoke"
                  ? "Permanently revokes all access issued so far. "
                  : `Denies every call for ${pending.hours} h. You can release the block earlier. `}
                {isLocation
                  ? `The tokens that this ${kind} uses are unknown until it calls.`
                  : `It affects ${describeHits(pending.hits)}.`}
              </p>
              <label>
                Reason{" "}
                <input
                  ref={reasonField}
                  required
                  maxLength={512}
                  value={reason}
                  onInput={(event) => {
                    setReason(event.currentTarget.value);
                    setPending({ ...pending, ...newRequest(pending.hours) });
                  }}
                />
              </label>
              <button type="submit" disabled={busy || reason.trim() === ""}>
                {formatType(pending.kind)} {kind}
              </button>
              <button type="button" class="quiet" onClick={() => setPending(undefined)}>
                Cancel
              </button>
            </form>
          )}
          {message && (
            <p class={message.failed ? "error" : "note"} role={message.failed ? "alert" : "status"}>
              {message.text}
            </p>
          )}
          {list.length === 0 ? (
            <p class="muted">No actions yet.</p>
          ) : (
            <ul class="actions">
              {list.map((action) => (
                <ActionRow
                  key={action.action_id}
                  action={action}
                  busy={busy}
                  onDecide={(decision) => decide(action, decision)}
                />
              ))}
            </ul>
          )}
        </>
      )}
    </Panel>
  );
}

interface ActionRowProps {
  readonly action: Action;
  readonly busy: boolean;
  readonly onDecide: (decision: "approve" | "reject" | "release") => void;
}

/** Shows an action with its actor, reason and possible decisions. */
export function ActionRow({ action, busy, onDecide }: ActionRowProps) {
  const { kind, state, target, actor, reason, until, hits } = action;
  const decisions =
    state === "proposed"
      ? (["approve", "reject"] as const)
      : state === "done" && kind === "block"
        ? (["release"] as const)
        : [];
  return (
    <li>
      <strong>{formatType(state)}</strong>{" "}
      <span>
        {formatType(kind)} of {target.kind} {target.id}
        {until !== undefined && ` until ${formatMoment(until)}`}
      </span>{" "}
      <span class="muted">
        by {actor.id}, {formatMoment(action.requested_at)}: {reason} ({describeHits(hits)})
      </span>{" "}
      {decisions.map((decision) => (
        <button
          key={decision}
          type="button"
          class="link"
          disabled={busy}
          onClick={() => onDecide(decision)}
        >
          {formatType(decision)}
        </button>
      ))}
    </li>
  );
}
