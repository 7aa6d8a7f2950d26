import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "./admin-api.ts";

/** An admin route's response or error. The previous response stays until a newer one arrives. */
export interface Resource<T> {
  readonly value?: T | undefined;
  readonly error?: string | undefined;
  readonly loading: boolean;
}

function explain(error: unknown): string {
  if (error instanceof ApiError) return error.message;
  return "The API does not answer. Check the connection; the page tries again automatically.";
}

/**
 * Loads a resource. If `key` changes, the old response is dropped. If `beat` changes, the old response stays until
 * the new one arrives.
 *
 * @param load undefined to load nothing
 * @param onSignedOut called if the token is no longer valid
 */
export function useResource<T>(
  key: string,
  beat: number | string,
  load: ((signal: AbortSignal) => Promise<T>) | undefined,
  onSignedOut: (message: string) => void,
): Resource<T> {
  const [state, setState] = useState<Resource<T> & { readonly key: string }>({
    key,
    loading: true,
  });
  const newest = useRef(0);
  const disabled = load === undefined;

  useEffect(() => {
    if (disabled) return;
    newest.current += 1;
    const turn = newest.current;
    const abort = new AbortController();
    setState((before) =>
      before.key === key ? { ...before, loading: true } : { key, loading: true },
    );
    load(abort.signal).then(
      (value) => {
        if (turn === newest.current) setState({ key, value, loading: false });
      },
      (error: unknown) => {
        if (abort.signal.aborted || turn !== newest.current) return;
        if (error instanceof ApiError && error.signedOut) onSignedOut(error.message);
        setState((before) => ({ ...before, error: explain(error), loading: false }));
      },
    );
    return () => abort.abort();
  }, [key, beat, disabled]);

  if (disabled) return { loading: false };
  return state.key === key ? state : { loading: true };
}
