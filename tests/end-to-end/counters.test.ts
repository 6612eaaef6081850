import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Hospital, magnesium, patient, potassium } from './hospital.ts';

const TOKEN = 'token-of-the-counters-0123456789abcdef';

describe('the counters', () => {
  let hospital: Hospital;
  beforeAll(async () => {
    hospital = await Hospital.open({ metrics: { token: TOKEN } });
    await hospital.settled();
    await hospital.put(patient('planted-134418'), magnesium('mg', 'planted-134418'));
    await hospital.put(potassium('k', 'planted-134418', 2.4, 4));
    await hospital.settled();
    await fetch(hospital.hookUrl, { method: 'POST', body: '{}' }); // without its signature
    await fetch(`${hospital.running.url}/cds-services/${'x'.repeat(50)}`, { method: 'POST' });
  });
  afterAll(() => hospital[Symbol.asyncDispose]());

  const read = (headers: Record<string, string> = { authorization: `Bearer ${TOKEN}` }) =>
    fetch(`${hospital.running.url}/metrics`, { headers });
  const value = (text: string, line: string) =>
    Number(
      text
        .split('\n')
        .find((each) => each.startsWith(`${line} `))
        ?.split(' ')
        .at(-1) ?? Number.NaN,
    );

  it('are for those who have the token', async () => {
    expect((await read({})).status).toBe(401);
    expect((await read({ authorization: 'Bearer another' })).status).toBe(401);
    expect((await read()).status).toBe(200);
  });

  it('tell of pushes taken and refused, evaluations, verdicts, alerts, deliveries and queues', async () => {
    const text = await (await read()).text();
    const of = (line: string) => value(text, `cramp_cds_${line}`);
    expect(of('events_received_total{connection="ward",outcome="accepted"}')).toBeGreaterThanOrEqual(2);
    expect(of('events_received_total{connection="ward",outcome="sender-unproven"}')).toBe(1);
    expect(of('evaluations_total{connection="ward"}')).toBe(hospital.evaluated.length);
    expect(of('evaluation_seconds_count')).toBe(hospital.evaluated.length);
    expect(of('verdicts_total{rule="el-hypokalaemia",verdict="fired"}')).toBeGreaterThanOrEqual(1);
    expect(of('alerts_total{rule="el-hypokalaemia",tier="critical",change="raise"}')).toBe(1);
    expect(of('deliveries_total{connection="ward",outcome="done"}')).toBeGreaterThanOrEqual(1);
    expect(of('queue_jobs{queue="due",state="waiting"}')).toBe(0);
  });

  it('tell how each connection does: what waits, its breaker, its Subscriptions and what only sweeps found', async () => {
    const text = await (await read()).text();
    const of = (line: string) => value(text, `cramp_cds_${line}`);
    expect(of('events_waiting{connection="ward"}')).toBe(0);
    expect(of('oldest_event_seconds{connection="ward"}')).toBe(0);
    expect(of('deliveries_owed{connection="ward"}')).toBe(0);
    expect(of('breaker_open{connection="ward"}')).toBe(0);
    expect(of('calls_allowed{connection="ward"}')).toBeGreaterThan(0);
    expect(of('swept_only{connection="ward"}')).toBe(0);
    expect(of('notices_missing{connection="ward"}')).toBe(0);
    expect(of('subscriptions{connection="ward",status="active"}')).toBeGreaterThan(0);
  });

  it('give an address that is not there no label of its own', async () => {
    const text = await (await read()).text();
    expect(value(text, 'cramp_cds_hook_seconds_count{service="unknown",status="404"}')).toBe(1);
    expect(text).not.toContain('xxxxx');
  });

  it('name no patient', async () => {
    expect(await (await read()).text()).not.toContain('planted');
  });
});

describe('the counters of an installation that names no token', () => {
  it('are closed, and say why', async () => {
    await using hospital = await Hospital.open();
    const answer = await fetch(`${hospital.running.url}/metrics`);
    expect(answer.status).toBe(403);
    expect(await answer.text()).toContain('metrics.tokenFrom is not set');
  });
});
