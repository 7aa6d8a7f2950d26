import type { EventPage } from "../../../shared/audit-log/query-events.ts";
import type { CleanupRun } from "../../../shared/cleanup/cleanup-runs.ts";
import type { Alert } from "../../../shared/detection/alert.ts";
import type { AlertReview } from "../../../shared/detection/verdicts.ts";
import type { Action, ActionHits } from "../../../shared/response/action.ts";
import type { Activity } from "../../../shared/statistics/activity.ts";
import type { ClientSummary } from "../../../shared/statistics/list-clients.ts";
import type { TokenUsageStats } from "../../../shared/statistics/token-usage-stats.ts";

/** An alert with its review by administrators. */
export type ReviewedAlert = Alert & { readonly review?: AlertReview };

/** Response types of the POST routes. */
interface Outcomes {
  readonly actions: Action;
  readonly "action-counts": ActionHits;
  readonly "alert-reviews": AlertReview;
}

/** Response types of the GET routes. */
interface Answers {
  readonly stats: TokenUsageStats;
  readonly activity: Activity;
  readonly events: EventPage;
  readonly "security-events": EventPage;
  readonly alerts: {
    readonly open: readonly ReviewedAlert[];
    readonly resolved: readonly ReviewedAlert[];
  };
  readonly actions: { readonly actions: readonly Action[] };
  readonly clients: { readonly clients: readonly ClientSummary[] };
  readonly "cleanup-runs": { readonly cleanup_runs: readonly CleanupRun[] };
}

export type Parameters = Readonly<Record<string, string | number | undefined>>;

/** An error response of the API, with advice for the administrator. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }

  /** Whether the token was rejected. */
  get signedOut(): boolean {
    return this.status === 401 || this.status === 403;
  }
}

const ISSUE =
  'npx oauth-monitoring tokens issue --client admin --scopes "oauth:admin oauth:respond" --expires-in 28800';

async function toError(response: Response): Promise<ApiError> {
  if (response.status === 401) {
    return new ApiError(
      401,
      `The token is not accepted: it is mistyped, expired or revoked. Issue another with: ${ISSUE}`,
    );
  }
  if (response.status === 403) {
    return new ApiError(
      403,
      `The token lacks the scope oauth:admin. Issue one that has it with: ${ISSUE}`,
    );
  }
  const problem = (await response.json().catch(() => undefined)) as
    | { detail?: unknown; request_id?: unknown }
    | undefined;
  const detail = problem?.detail ?? `The API responded with status ${response.status}.`;
  const request = problem?.request_id ? ` Request ${problem.request_id}.` : "";
  return new ApiError(response.status, `${detail}${request}`);
}

/** Client for the admin routes, whose URLs are relative to the page. */
export class AdminApi {
  constructor(
    private readonly token: string,
    private readonly base: URL,
  ) {}

  /**
   * Sends a GET request.
   *
   * @throws ApiError with advice, if the API returns an error
   * @throws TypeError if the API can't be reached
   */
  async get<R extends keyof Answers>(
    route: R,
    parameters: Parameters,
    signal: AbortSignal,
  ): Promise<Answers[R]> {
    const url = new URL(route, this.base);
    for (const [name, value] of Object.entries(parameters)) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const response = await fetch(url, {
      headers: { Authorization: `Bearer ${this.token}` },
      cache: "no-store",
      credentials: "omit",
      signal,
    });
    if (!response.ok) throw await toError(response);
    return (await response.json()) as Answers[R];
  }

  /**
   * Sends a POST request.
   *
   * @param key idempotency key: requests with the same key run once
   * @throws ApiError with advice, if the API returns an error
   * @throws TypeError if the API can't be reached. The request may still have succeeded.
   */
  post<R extends keyof Outcomes>(route: R, body: object, key?: string): Promise<Outcomes[R]> {
    return this.#send(route, body, key) as Promise<Outcomes[R]>;
  }

  /** Approves, rejects or releases an action. Throws the same errors as `post`. */
  decide(
    actionId: string,
    decision: "approve" | "reject" | "release",
    reason: string,
  ): Promise<Action> {
    const route = `actions/${encodeURIComponent(actionId)}/${decision}`;
    return this.#send(route, { reason }) as Promise<Action>;
  }

  async #send(route: string, body: object, key?: string): Promise<unknown> {
    const response = await fetch(new URL(route, this.base), {
      method: "POST",
      headers: {
        Authorization: `Bearer ${this.token}`,
        "Content-Type": "application/json",
        ...(key !== undefined && { "Idempotency-Key": key }),
      },
      body: JSON.stringify(body),
      cache: "no-store",
      credentials: "omit",
    });
    if (response.status === 403) {
      throw new ApiError(
        403,
        `The token is read-only: it lacks the scope oauth:respond. Issue one that has it with: ${ISSUE}`,
      );
    }
    if (!response.ok) throw await toError(response);
    return response.json();
  }
}
