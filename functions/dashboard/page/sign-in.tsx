import { useState } from "preact/hooks";
import { AdminApi, ApiError } from "./admin-api.ts";

interface SignInProps {
  readonly base: URL;
  /** Says why the administrator must sign in again. */
  readonly notice: string | undefined;
  readonly onSignedIn: (token: string) => void;
}

/** Asks for a token and verifies it before the page stores it. */
export function SignIn({ base, notice, onSignedIn }: SignInProps) {
  const [token, setToken] = useState("");
  const [error, setError] = useState(notice);
  const [busy, setBusy] = useState(false);

  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await new AdminApi(token.trim(), base).get("cleanup-runs", {}, new AbortController().signal);
      onSignedIn(token.trim());
    } catch (failure) {
      setError(
        failure instanceof ApiError
          ? failure.message
          : "The API does not answer. Check the connection and try again.",
      );
      setBusy(false);
    }
  };

  return (
    <main class="sign-in">
      <form class="card" onSubmit={submit}>
        <h1>
          <Mark /> OAuth monitoring
        </h1>
        <p class="muted">
          See which tokens are used, by which users and from where, and detect attacks.
        </p>
        <label for="token">Admin token</label>
        <input
          id="token"
          type="password"
          autocomplete="off"
          spellcheck={false}
          required
          autofocus
          value={token}
          aria-invalid={error !== undefined}
          aria-describedby="token-hint token-error"
          onInput={(event) => setToken(event.currentTarget.value)}
        />
        <p class="hint" id="token-hint">
          An access token with the scope <code>oauth:admin</code>, and with{" "}
          <code>oauth:respond</code> to take actions. It is kept in this tab only.
        </p>
        <p class="error" id="token-error" role="alert">
          {error}
        </p>
        <button type="submit" class="primary" disabled={busy || token.trim() === ""}>
          {busy ? "Signing in …" : "Sign in"}
        </button>
      </form>
    </main>
  );
}

/** The product's logo. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 16 16" aria-hidden="true">
      <rect width="16" height="16" rx="4" />
      <path d="M3 9h2l2-5 2 8 2-5 1 2h1" />
    </svg>
  );
}
