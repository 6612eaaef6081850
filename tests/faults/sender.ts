/**
 * A FHIR server's part in a push: it sends until it is answered, now to this process and now to that.
 */

import { createHmac } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { ServiceProcess } from './service-process.ts';

export interface Push {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** What an answer of 200 acknowledges. */
  readonly names: string;
}

export const SECRET = 'storm-secret-0123456789abcdef0123456789abcdef';
const SENDERS = 16; // pushes at once
const SENDER_WAITS_MS = 10_000;

export class Sender {
  readonly acknowledged = new Set<string>();
  sent = 0;
  isStopped = false;
  readonly #intakes: readonly ServiceProcess[];

  constructor(intakes: readonly ServiceProcess[]) {
    this.#intakes = intakes;
  }

  stop(): void {
    this.isStopped = true;
  }

  async send(pushes: readonly Push[]): Promise<void> {
    const left = [...pushes];
    await Promise.all(
      Array.from({ length: SENDERS }, async () => {
        for (let push = left.pop(); push !== undefined; push = left.pop()) await this.#sendOne(push);
      }),
    );
  }

  async #sendOne({ path, headers, body, names }: Push): Promise<void> {
    for (let attempt = 0; !this.isStopped; attempt++) {
      const intake = this.#intakes[(this.sent + attempt) % this.#intakes.length] as ServiceProcess;
      const status = await fetch(`${intake.url}${path}`, {
        ...{ method: 'POST', headers, body },
        signal: AbortSignal.timeout(SENDER_WAITS_MS),
      }).then(
        async (answer) => {
          await answer.arrayBuffer();
          return answer.status;
        },
        () => 0,
      );
      if (status === 200) {
        this.acknowledged.add(names);
        this.sent += 1;
        return;
      }
      if (status !== 0 && status !== 503) throw new Error(`a push was answered ${status}`);
      await pause(100);
    }
  }
}

/** Signed, as Medplum does. @param names what an answer of 200 acknowledges */
export function push(body: string, headers: Readonly<Record<string, string>>, names: string): Push {
  const signature = createHmac('sha256', SECRET).update(body).digest('hex');
  const always = { 'content-type': 'application/fhir+json', 'x-signature': signature };
  return { path: '/hooks/ward', headers: { ...always, ...headers }, body, names };
}
