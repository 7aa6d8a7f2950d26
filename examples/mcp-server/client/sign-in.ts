import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import {
  type OAuthClientProvider,
  UnauthorizedError,
} from "@modelcontextprotocol/sdk/client/auth.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type {
  OAuthClientInformationMixed,
  OAuthClientMetadata,
  OAuthTokens,
} from "@modelcontextprotocol/sdk/shared/auth.js";

/** Signs the user in with a browser, and receives the authorization code on a loopback address (RFC 8252). */
class LoopbackSignIn implements OAuthClientProvider {
  readonly #state = randomUUID();
  /** The authorization code. Resolves when the user has signed in. */
  readonly code: Promise<string>;
  #client: OAuthClientInformationMixed | undefined;
  #tokens: OAuthTokens | undefined;
  #verifier = "";

  private constructor(
    private readonly server: Server,
    /** Shows the user a page from the authorization server. */
    readonly redirectToAuthorization: (url: URL) => void,
  ) {
    this.code = new Promise((resolve, reject) => {
      server.on("request", (request, response) => {
        const { searchParams } = new URL(request.url ?? "/", "http://127.0.0.1");
        const code = searchParams.get("code");
        const isOurs = searchParams.get("state") === this.#state;
        if (isOurs && code) resolve(code);
        else if (isOurs) reject(new Error(`Sign-in failed: ${searchParams.get("error")}`));
        response.end(
          isOurs ? "You may close this page." : "This page needs a sign-in that is in progress.",
        );
      });
    });
    // `connectAsUser` handles the rejection later.
    this.code.catch(() => {});
  }

  static async start(show: (url: URL) => void): Promise<LoopbackSignIn> {
    const server = createServer();
    const signIn = new LoopbackSignIn(server, show);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return signIn;
  }

  get redirectUrl(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/callback`;
  }

  get clientMetadata(): OAuthClientMetadata {
    return {
      client_name: "Orders assistant",
      redirect_uris: [this.redirectUrl],
      grant_types: ["authorization_code"],
      response_types: ["code"],
      token_endpoint_auth_method: "none",
    };
  }

  state(): string {
    return this.#state;
  }

  clientInformation(): OAuthClientInformationMixed | undefined {
    return this.#client;
  }

  saveClientInformation(client: OAuthClientInformationMixed): void {
    this.#client = client;
  }

  tokens(): OAuthTokens | undefined {
    return this.#tokens;
  }

  saveTokens(tokens: OAuthTokens): void {
    this.#tokens = tokens;
  }

  codeVerifier(): string {
    return this.#verifier;
  }

  saveCodeVerifier(verifier: string): void {
    this.#verifier = verifier;
  }

  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}

/**
 * Connects to an MCP server as a user. The server's 401 response points to its metadata (RFC 9728), which names the
 * authorization server. The SDK registers the client there (RFC 7591) and requests a token for this server only (RFC
 * 8707), with PKCE.
 *
 * @param show shows the user a page, for example in a browser
 */
export async function connectAsUser(server: URL, show: (url: URL) => void): Promise<Client> {
  const signIn = await LoopbackSignIn.start(show);
  const connect = async (use: (transport: StreamableHTTPClientTransport) => Promise<void>) => {
    const transport = new StreamableHTTPClientTransport(server, { authProvider: signIn });
    await use(transport);
  };
  const client = new Client({ name: "orders-assistant", version: "1.0.0" });
  try {
    await connect(async (transport) => {
      await client.connect(transport).catch((error: unknown) => {
        if (!(error instanceof UnauthorizedError)) throw error;
      });
      await transport.finishAuth(await signIn.code);
    });
    await connect((transport) => client.connect(transport));
  } finally {
    signIn.close();
  }
  return client;
}
