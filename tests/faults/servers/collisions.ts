/**
 * Alerts delivered to a server whose conditional writes collide, and which lets us ask only so much in a window of time.
 */

import { setTimeout as pause } from 'node:timers/promises';
import type { QuotaOptions } from '../../../src/sandbox/quota.ts';
import { randomFrom } from '../../../src/sandbox/random.ts';
import { type Sandbox, startSandbox } from '../../../src/sandbox/sandbox.ts';
import { type AlertFigures, alertOf, compareAlerts, deliverToTheEnd, target } from './alerts.ts';

export interface CollisionsOptions {
  /** Deliveries at once. */
  readonly writers: number;
  readonly alerts: number;
  readonly seed: number;
  /** Without end when left out. */
  readonly quota?: QuotaOptions;
  /** Other clients that write under conditions all the time; they are charged to the same quota. */
  readonly strangers?: number;
}

export interface CollisionsFigures extends AlertFigures {
  readonly alerts: number;
  /** Conditional writes undone, of strangers too. */
  readonly refusedWrites: number;
  /** Requests refused for the quota. */
  readonly refusedForQuota: number;
  readonly overrunWindows: number;
  readonly windows: number;
  /** Deliveries begun; one for each alert if all goes well. */
  readonly tries: number;
}

export async function collisions(options: CollisionsOptions): Promise<CollisionsFigures> {
  const { writers, alerts, seed, quota, strangers = 0 } = options;
  await using sandbox = await startSandbox({
    port: 0,
    clientIds: 'refused',
    deliverAs: 'medplum',
    conditionalWrites: 'collide',
    seed,
    ...(quota && { quota }),
  });
  const random = randomFrom(seed);
  const { deliver } = target(sandbox, { level: 'B', transaction: true, concurrency: 16 });
  const waiting = Array.from({ length: alerts }, (_, patient) => patient);
  let tries = 0;
  const writer = async () => {
    for (let patient = waiting.shift(); patient !== undefined; patient = waiting.shift()) {
      const owed = alertOf(patient);
      const once = () => {
        tries += 1;
        return deliver(owed);
      };
      await deliverToTheEnd(once, (before, afterMs) => pause(afterMs ?? 10 + 20 * before * random()));
    }
  };
  const others = await beginStrangers(sandbox, strangers);
  await Promise.all(Array.from({ length: writers }, writer));
  await others.end();
  const { refused, overrunWindows, windows, collisions: refusedWrites } = sandbox.limits;
  if (quota !== undefined) await pause(quota.windowMs ?? 0); // so that counting them can be paid for
  const compared = await compareAlerts(sandbox, alerts);
  return { alerts, ...compared, refusedWrites, refusedForQuota: refused, overrunWindows, windows, tries };
}

async function beginStrangers(sandbox: Sandbox, strangers: number): Promise<{ end(): Promise<void> }> {
  let ended = false;
  const stranger = async (who: number) => {
    for (let n = 0; !ended; n++) {
      const value = `${who}-${n}`;
      const answer = await fetch(`${sandbox.base}/Basic`, {
        method: 'POST',
        headers: {
          'content-type': 'application/fhir+json',
          'if-none-exist': `identifier=urn:stranger|${value}`,
        },
        body: JSON.stringify({
          resourceType: 'Basic',
          identifier: [{ system: 'urn:stranger', value }],
          code: { text: 'Theirs' },
        }),
      });
      await answer.arrayBuffer();
    }
  };
  const all = Array.from({ length: strangers }, (_, who) => stranger(who));
  return {
    end: async () => {
      ended = true;
      await Promise.all(all);
    },
  };
}
