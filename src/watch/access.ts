/**
 * Who may read what is not for everybody and belongs to no patient: reports and counters.
 *
 * A token of the configuration; closed without one. The demo, whose patients are synthetic, is open to the
 * machine it runs on.
 */
import type { Request } from 'express';
import { isSameSecret } from '../vocabulary/secret.ts';

export interface Access {
  readonly token?: string;
  readonly openOnThisMachine?: true;
}

export type Admission = 'admitted' | 'unproven' | 'closed';

export function admission(req: Request, access: Access | undefined): Admission {
  if (access?.openOnThisMachine && isFromThisMachine(req)) return 'admitted';
  if (access?.token === undefined) return 'closed';
  const [, given] = /^Bearer (\S+)$/i.exec(req.headers.authorization ?? '') ?? [];
  return given !== undefined && isSameSecret(given, access.token) ? 'admitted' : 'unproven';
}

const THIS_MACHINE = /^(?:localhost|127(?:\.\d+){3}|\[::1\])(?::\d+)?$/;

/** Not through a proxy, and not by a page of another name that was made to point here. */
function isFromThisMachine(req: Request): boolean {
  const address = req.socket.remoteAddress ?? '';
  const isLoopback = address === '::1' || /^(?:::ffff:)?127\./.test(address);
  const isForwarded = ['forwarded', 'x-forwarded-for', 'via'].some((name) => req.headers[name] !== undefined);
  return isLoopback && !isForwarded && THIS_MACHINE.test(req.headers.host ?? '');
}
