/**
 * What the doctor says: one line for each thing that it looked at, with what to change.
 */
import type { ReadOutcome } from '../connections/outcomes.ts';
import { type Style, type Terminal, wrap } from './terminal.ts';

/** One thing that was looked at. */
export interface Finding {
  readonly state: 'good' | 'warning' | 'bad';
  readonly says: string;
  /** What a person may do about it. */
  readonly change?: string;
}

export function good(says: string): Finding {
  return { state: 'good', says };
}
export function warning(says: string, change?: string): Finding {
  return { state: 'warning', says, ...(change === undefined ? {} : { change }) };
}
export function bad(says: string, change: string): Finding {
  return { state: 'bad', says, change };
}

export type Missing = Exclude<ReadOutcome<unknown>, { outcome: 'found' }>;

export function reason(outcome: Missing): string {
  switch (outcome.outcome) {
    case 'try-later':
      return outcome.because;
    case 'refused':
      return outcome.reason;
    case 'gone':
      return 'there is nothing at this address';
    case 'hidden':
      return 'forbidden';
  }
}

export function remedy(outcome: Missing): string {
  const why = outcome.outcome === 'refused' ? outcome.reason : outcome.outcome;
  switch (why) {
    case 'unauthorised':
      return 'Look at auth: the token, client id, secret or key is refused.';
    case 'forbidden':
    case 'hidden':
      return 'Give the client read access; its token is accepted, its rights are not enough.';
    case 'tls':
      return 'Trust the certificate of the server (NODE_EXTRA_CA_CERTS), or renew it.';
    case 'base-missing':
    case 'gone':
      return 'Look at base: it should end where /metadata begins.';
    default:
      return 'Look at base, at the network between the machines, and whether the server is up.';
  }
}

/** How long ago, as a person would say it. */
export function ago(then: Date, now: Date): string {
  const seconds = Math.max(0, Math.round((now.getTime() - then.getTime()) / 1000));
  if (seconds < 120) return `${seconds} s ago`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min ago`;
  return seconds < 172_800
    ? `${Math.round(seconds / 3600)} h ago`
    : `${Math.round(seconds / 86_400)} days ago`;
}

/** An address as it may be shown: a secret in it is left out. */
export function withoutSecret(address: string): string {
  return address.split('?')[0] ?? '';
}

const MARKS = { good: ['green', '✓'], warning: ['yellow', '!'], bad: ['red', '✗'] } as const satisfies Record<
  Finding['state'],
  readonly [Style, string]
>;

export function show({ state, says, change }: Finding, { write, paint, width }: Terminal): void {
  const [style, mark] = MARKS[state];
  const [first = '', ...rest] = wrap(says, width - 4);
  write(`  ${paint(style, mark)} ${first}`);
  for (const line of rest) write(`    ${line}`);
  if (change !== undefined)
    for (const line of wrap(`→ ${change}`, width - 4)) write(`    ${paint('dim', line)}`);
}
