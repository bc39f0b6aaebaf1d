export type ResponseHeaders = Readonly<Record<string, string | number>>;

/** Receives the body of an answer. A client that has gone swallows everything: the exchange's signal tells. */
export interface ByteSink {
  /** Resolves when there is room for more. Never rejects. */
  write(data: string | Uint8Array): Promise<void>;
  end(): void;
}

/** A connection taken over from HTTP: raw bytes both ways, each direction ends by itself. */
export interface HijackedConnection extends ByteSink {
  /** Hands over what the client sends, one piece at a time; `onEnd` when the client will send no more. May be called once. */
  receive(onData: (data: Uint8Array) => Promise<void>, onEnd: () => Promise<void>): void;
}

/** How an answer gets to the client. Only the first of `send`, `open` and `hijack` counts. */
export interface Responder {
  /** True once a status line was written. */
  readonly started: boolean;
  /** The whole answer. */
  send(status: number, headers: ResponseHeaders, body: string | Uint8Array): void;
  /** Status line and headers at once, the body as it comes. */
  open(status: number, headers: ResponseHeaders): ByteSink;
  /** Takes the connection over: as an upgrade with the headers that say to what, or (null) behind a plain `200 OK`. */
  hijack(headers: ResponseHeaders, upgrade: ResponseHeaders | null): HijackedConnection;
  /** The connection is of no use any more (an answer broke off): closes it, so that the client notices. */
  abort(): void;
  /** Calls when the client has gone before the answer was complete. */
  onGone(listener: () => void): void;
}
