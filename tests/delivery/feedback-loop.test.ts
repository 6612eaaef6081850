import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DetectedIssue } from '@medplum/fhirtypes';
import { listSetAside, redrive } from '../../src/store/set-aside.ts';
import { HOUR } from '../../src/vocabulary/instant.ts';
import { Hospital, magnesium, patient, potassium } from '../end-to-end/hospital.ts';
import { until } from '../store/until.ts';

const TOKEN = 'token-of-the-counters-0123456789abcdef';
const REVERTED = 'Changed back by a program of the hospital.';

describe('a program of the hospital that changes our alert back, and its result with it', () => {
  const start = Date.now();
  const lines: string[] = [];
  let hours = 0;
  let hospital: Hospital;
  let reverts = 0;
  const bot = createServer(async (req, res) => {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk);
    const issue = JSON.parse(Buffer.concat(chunks).toString()) as DetectedIssue;
    res.writeHead(200).end();
    if (issue.detail === REVERTED) return;
    reverts += 1;
    await hospital.put({ ...issue, detail: REVERTED }, potassium('k', 'p', 2.4, 4));
  });

  beforeAll(async () => {
    hospital = await Hospital.open({
      now: () => new Date(start + hours * HOUR),
      metrics: { token: TOKEN },
      onLogLine: (line) => lines.push(line),
    });
    bot.listen(0, '127.0.0.1');
    await once(bot, 'listening');
    await hospital.put({
      resourceType: 'Subscription',
      id: 'bot',
      status: 'active',
      reason: 'reverts',
      criteria: 'DetectedIssue',
      channel: { type: 'rest-hook', endpoint: `http://127.0.0.1:${(bot.address() as AddressInfo).port}/` },
    });
    await hospital.put(patient('p'), magnesium('mg', 'p'), potassium('k', 'p', 2.4, 4));
  }, 60_000);
  afterAll(async () => {
    await hospital[Symbol.asyncDispose]();
    bot.close();
    bot.closeAllConnections();
  });

  const parked = async () =>
    (await listSetAside(hospital.running.store.db)).map(({ what, reason }) => `${what}: ${reason}`);
  const settled = async () => {
    await until('the alert is left alone', async () => (await parked()).length > 0, 25_000);
    await hospital.settled();
  };

  it('is answered ten times in an hour; then the alert is left alone, and a person is told', async () => {
    await settled();
    expect(reverts).toBe(11);
    expect(await parked()).toEqual(['delivery: too-many-writes']);
    expect((await hospital.issues()).map(({ detail }) => detail)).toEqual([REVERTED]);
    const told = lines.filter((line) => line.includes('"code":"too-many-writes"'));
    expect(told.map((line) => JSON.parse(line).connection)).toEqual(['ward']);
    const metrics = await fetch(`${hospital.running.url}/metrics`, {
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    expect(await metrics.text()).toContain(
      'cramp_cds_deliveries_total{connection="ward",outcome="too-many-writes"} 1',
    );
    expect(await (await fetch(`${hospital.running.url}/statusz`)).text()).toContain('too-many-writes');
  }, 60_000);

  it('is answered again when a person tries it an hour later, ten times at most', async () => {
    await redrive(hospital.running.store, { reason: 'too-many-writes' });
    await hospital.settled();
    expect([reverts, await parked()]).toEqual([11, ['delivery: too-many-writes']]);
    hours = 1.1;
    await redrive(hospital.running.store, { reason: 'too-many-writes' });
    await settled();
    expect(reverts).toBe(21);
  }, 60_000);

  it('ends in spite of that when the result is normal: it would stay open beside the next', async () => {
    await hospital.put(potassium('k', 'p', 4.2, 1));
    await until('it has an end', async () =>
      (await hospital.issues()).every(({ identifiedPeriod }) => identifiedPeriod?.end !== undefined),
    );
  }, 60_000);
});

it('An alert whose result really changes twenty times in an hour is written each time', async () => {
  await using hospital = await Hospital.open();
  await hospital.put(patient('p'), magnesium('mg', 'p'), potassium('k', 'p', 2.4, 4));
  await hospital.settled();
  for (const value of [...Array.from({ length: 19 }, (_, n) => (n % 2 === 0 ? 2.3 : 2.4)), 2.1]) {
    await hospital.put(potassium('k', 'p', value, 4));
    await hospital.settled();
  }

  expect((await hospital.issues()).map(({ detail }) => detail)).toEqual([expect.stringContaining('2.1')]);
  expect(await listSetAside(hospital.running.store.db)).toEqual([]);
}, 60_000);
