/**
 * Writes of which nobody knows whether they happened: the connection is cut before the server began, or after it was done.
 */
import type { WriteLevel } from '../../../src/connections/capability.ts';
import { randomFrom } from '../../../src/sandbox/random.ts';
import { startSandbox } from '../../../src/sandbox/sandbox.ts';
import { WAYS } from '../../delivery/ways.ts';
import { type AlertFigures, alertOf, compareAlerts, deliverToTheEnd, target } from './alerts.ts';

export interface LostAnswersOptions {
  /** So many writes are to be in doubt, or a few more. */
  readonly writes: number;
  readonly seed: number;
}

export interface LostAnswersFigures extends AlertFigures {
  readonly alerts: number;
  /** Writes in doubt. */
  readonly doubtful: number;
  /** Of these, the ones that the server had carried out. */
  readonly carriedOut: number;
}

const MOST_LOST = 4; // answers in a row; a service waits between its tries, so the server recovers some time

export async function lostAnswers({ writes, seed }: LostAnswersOptions): Promise<LostAnswersFigures> {
  const random = randomFrom(seed);
  const sum = { alerts: 0, doubtful: 0, carriedOut: 0, lost: 0, duplicates: 0 };
  for (const [level, transaction] of WAYS) {
    const one = await lostAnswersOn({ level, transaction, writes: Math.ceil(writes / WAYS.length), random });
    for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += one[name];
  }
  return sum;
}

interface OnOneServer {
  readonly level: WriteLevel;
  readonly transaction: boolean;
  readonly writes: number;
  readonly random: () => number;
}

async function lostAnswersOn({
  level,
  transaction,
  writes,
  random,
}: OnOneServer): Promise<LostAnswersFigures> {
  await using sandbox = await startSandbox({
    port: 0,
    clientIds: level === 'A' ? 'allowed' : 'refused',
    deliverAs: 'medplum',
  });
  let now = 0; // waits pass at once
  const { deliver } = target(sandbox, { level, transaction, now: () => now });
  const method = level === 'A' && !transaction ? 'PUT' : 'POST';
  let [alerts, doubtful, carriedOut] = [0, 0, 0];
  while (doubtful < writes) {
    const planned = Array.from({ length: 1 + Math.floor(random() * MOST_LOST) }, () => {
      const answer = random() < 0.5 ? ('answer-lost' as const) : ('cut' as const);
      return { method, path: /./, answer };
    });
    for (const fault of planned) sandbox.faults.onRequest(fault);
    await deliverToTheEnd(
      () => deliver(alertOf(alerts)),
      async (_, afterMs = 1_000) => {
        now += afterMs;
      },
    );
    alerts += 1;
    const unmet = planned.filter(({ answer }) => sandbox.faults.meet(method, '/') === answer).length;
    doubtful += planned.length - unmet;
    carriedOut += planned
      .slice(0, planned.length - unmet)
      .filter(({ answer }) => answer === 'answer-lost').length;
    sandbox.faults.clear();
  }
  return { alerts, doubtful, carriedOut, ...(await compareAlerts(sandbox, alerts)) };
}
