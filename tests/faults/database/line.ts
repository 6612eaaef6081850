/**
 * A line between the service and its database that can go dead: what is open stays open and silent, what is new goes through.
 *
 * So it is when a server, or a firewall on the way, is gone without a word.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export class Line implements AsyncDisposable {
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();

  constructor(server: Server, to: URL) {
    this.#server = server;
    server.on('connection', (near) => {
      const far = connect(Number(to.port), to.hostname);
      const pair = [near, far] as const;
      this.#pairs.add(pair);
      for (const [socket, other] of [pair, [far, near]] as const) {
        socket.pipe(other);
        socket.on('error', () => undefined); // and then it closes
        socket.on('close', () => {
          other.destroy();
          this.#pairs.delete(pair);
        });
      }
    });
  }

  /** Nothing passes any more through what is open. */
  goSilent(): void {
    for (const [near, far] of this.#pairs)
      for (const socket of [near, far]) {
        socket.unpipe();
        socket.pause();
        socket.removeAllListeners('close'); // the other end does not hear of that either
      }
  }

  /** The address of the same database through this line. */
  urlOf(databaseUrl: string): string {
    const url = new URL(databaseUrl);
    url.port = String((this.#server.address() as AddressInfo).port);
    return url.href;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
  }
}

export async function openLine(databaseUrl: string): Promise<Line> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return new Line(server, new URL(databaseUrl));
}
