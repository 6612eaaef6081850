/**
 * A port of its own for pushes over mutual TLS, where no proxy checks certificates for us.
 *
 * Why another port: who has no certificate of the hospital's authority gets no further than the handshake,
 * and browsers that open pages on the usual port are not asked for certificates.
 */
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

export interface MutualTls {
  readonly port: number;
  /** Where senders reach this port, without a slash at the end. */
  readonly publicUrl: string;
  /** PEM, as are all three: our certificate with those between it and its authority. */
  readonly certificate: string;
  readonly key: string;
  /** Who signs the certificates of senders. */
  readonly clientAuthority: string;
}

export interface PushPort extends AsyncDisposable {
  readonly port: number;
}

/** @throws when the port is taken */
export async function openPushPort(
  { port, certificate, key, clientAuthority }: MutualTls,
  host: string,
  answer: RequestListener,
): Promise<PushPort> {
  const server = createServer(
    { cert: certificate, key, ca: clientAuthority, requestCert: true, rejectUnauthorized: true },
    answer,
  );
  server.listen(port, host);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Whose certificate it is, as RFC 2253 writes it (`CN=north,O=Hospital`); undefined unless it was checked here. */
export function peerSubject(socket: Socket): string | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  return socket.getPeerX509Certificate()?.subject.split('\n').toReversed().join(',');
}
